#include "vigia/sources/rows.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

#include "vigia/sample/sample.h"

namespace vigia {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} << 10;  // the module gives so much at once

bool is_sound(const Row& row) {
  const auto fits = [&row](__u64 Row::* figure) { return row.*figure <= kRowFigureMax; };
  return row.kind == VIGIA_PROCESS && row.pid > 0 && row.ppid >= 0 && row.threads >= 0 &&
         std::ranges::all_of(kRowFigures, fits) &&
         kProcessStates.find(static_cast<char>(row.state)) != std::string_view::npos;
}

base::Failure corrupt(std::string what) {
  return base::fail(base::Code::kCorruption, std::move(what));
}

}  // namespace

base::Result<void> parse_rows(std::string_view bytes, std::vector<Row>& rows) {
  vigia_header header{};
  if (bytes.size() < sizeof(header)) return corrupt("the header is cut");
  std::memcpy(&header, bytes.data(), sizeof(header));
  bytes.remove_prefix(sizeof(header));
  if (header.magic != VIGIA_MAGIC) return corrupt("it lacks the mark of vigia's rows");
  if (header.schema != VIGIA_SCHEMA) {
    return base::fail(base::Code::kFailedPrecondition,
                      fmt::format("its rows have schema {}, expected {}: another release of vigia "
                                  "made them",
                                  header.schema, VIGIA_SCHEMA));
  }
  if (header.record_bytes != sizeof(Row)) {
    return corrupt(fmt::format("rows of {} bytes, expected {}", header.record_bytes, sizeof(Row)));
  }
  const std::size_t count = bytes.size() / sizeof(Row);
  if (count == 0 || bytes.size() % sizeof(Row) != 0) return corrupt("a row is cut");
  rows.resize(count);
  std::memcpy(rows.data(), bytes.data(), bytes.size());
  const Row end = rows.back();
  rows.pop_back();
  if (end.kind != VIGIA_END || static_cast<std::size_t>(end.pid) != rows.size()) {
    return corrupt("it ends before its last row");
  }
  std::int32_t before = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!is_sound(rows[i])) return corrupt(fmt::format("row {} has an impossible value", i));
    if (rows[i].pid <= before) {
      return corrupt(fmt::format("row {} has pid {}, after pid {}", i, rows[i].pid, before));
    }
    before = rows[i].pid;
  }
  return {};
}

tl::expected<std::string_view, int> read_whole(int fd, std::vector<char>& buffer) {
  std::size_t size = 0;
  while (size <= kRowsBytesMax) {
    if (buffer.size() < size + kPieceBytes) buffer.resize(2 * (size + kPieceBytes));
    const ssize_t count = ::read(fd, buffer.data() + size, buffer.size() - size);
    if (count == 0) return std::string_view(buffer.data(), size);
    if (count > 0) size += static_cast<std::size_t>(count);
    // A BPF iterator pauses with EAGAIN after many processes that it skips.
    if (count < 0 && errno != EAGAIN && errno != EINTR) return tl::unexpected(errno);
  }
  return tl::unexpected(EFBIG);
}

RunTime divide_runtime(const Row& row) {
  const auto runtime = static_cast<std::int64_t>(row.runtime_ns);
  if (row.system_ns == 0) return {.user_ns = runtime, .system_ns = 0};
  if (row.user_ns == 0) return {.user_ns = 0, .system_ns = runtime};
  __extension__ using Wide = unsigned __int128;
  const auto system_ns = static_cast<std::int64_t>(Wide{row.runtime_ns} * row.system_ns /
                                                   (row.user_ns + row.system_ns));
  return {.user_ns = runtime - system_ns, .system_ns = system_ns};
}

}  // namespace vigia
