#include "vigia/sources/records.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

#include "vigia/sample/sample.h"

namespace vigia {
namespace {

// Sums of them stay within 64 bits with a sign.
constexpr std::uint64_t kFigureMax = std::uint64_t{INT64_MAX} / 4;

constexpr std::size_t kPieceBytes = std::size_t{64} << 10;  // as the module gives at once

bool is_sound(const vigia_record& record) {
  const auto largest = std::max({record.start_ns, record.read_ns, record.runtime_ns, record.user_ns,
                                 record.system_ns, record.vsz_bytes, record.rss_anon_bytes,
                                 record.rss_file_bytes, record.rss_shmem_bytes});
  return record.kind == VIGIA_PROCESS && record.pid > 0 && record.ppid >= 0 &&
         record.threads >= 0 && largest <= kFigureMax &&
         kProcessStates.find(static_cast<char>(record.state)) != std::string_view::npos;
}

base::Failure corrupt(std::string what) {
  return base::fail(base::Code::kCorruption, std::move(what));
}

}  // namespace

base::Result<void> parse_records(std::string_view bytes, std::vector<vigia_record>& records) {
  vigia_header header{};
  if (bytes.size() < sizeof(header)) return corrupt("the header is cut");
  std::memcpy(&header, bytes.data(), sizeof(header));
  bytes.remove_prefix(sizeof(header));
  if (header.magic != VIGIA_MAGIC) return corrupt("it does not begin as vigia's records do");
  if (header.schema != VIGIA_SCHEMA) {
    return base::fail(base::Code::kFailedPrecondition,
                      fmt::format("its records are of schema {}, expected {}: it is of another "
                                  "release of vigia",
                                  header.schema, VIGIA_SCHEMA));
  }
  if (header.record_bytes != sizeof(vigia_record)) {
    return corrupt(
        fmt::format("records of {} bytes, expected {}", header.record_bytes, sizeof(vigia_record)));
  }
  const std::size_t count = bytes.size() / sizeof(vigia_record);
  if (count == 0 || bytes.size() % sizeof(vigia_record) != 0) return corrupt("a record is cut");
  records.resize(count);
  std::memcpy(records.data(), bytes.data(), bytes.size());
  const vigia_record end = records.back();
  records.pop_back();
  if (end.kind != VIGIA_END || static_cast<std::size_t>(end.pid) != records.size()) {
    return corrupt("it ends before its last record");
  }
  std::int32_t before = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!is_sound(records[i])) return corrupt(fmt::format("record {} has what none may have", i));
    if (records[i].pid <= before) {
      return corrupt(fmt::format("record {} is of pid {}, after {}", i, records[i].pid, before));
    }
    before = records[i].pid;
  }
  return {};
}

tl::expected<std::string_view, int> read_whole(int fd, std::vector<char>& buffer) {
  std::size_t size = 0;
  while (size <= kRecordsBytesMax) {
    if (buffer.size() < size + kPieceBytes) buffer.resize(2 * (size + kPieceBytes));
    const ssize_t count = ::read(fd, buffer.data() + size, buffer.size() - size);
    if (count == 0) return std::string_view(buffer.data(), size);
    if (count > 0) size += static_cast<std::size_t>(count);
    // A BPF iterator rests after many that it passed over.
    if (count < 0 && errno != EAGAIN && errno != EINTR) return tl::unexpected(errno);
  }
  return tl::unexpected(EFBIG);
}

RunTime divide_runtime(const vigia_record& record) {
  const auto runtime = static_cast<std::int64_t>(record.runtime_ns);
  if (record.system_ns == 0) return {.user_ns = runtime, .system_ns = 0};
  if (record.user_ns == 0) return {.user_ns = 0, .system_ns = runtime};
  __extension__ using Wide = unsigned __int128;
  const auto system_ns = static_cast<std::int64_t>(Wide{record.runtime_ns} * record.system_ns /
                                                   (record.user_ns + record.system_ns));
  return {.user_ns = runtime - system_ns, .system_ns = system_ns};
}

}  // namespace vigia
