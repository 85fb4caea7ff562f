// Rows of the kernel module and the BPF iterator: any bytes are read without harm. Accepted rows
// are the input's bytes, with ascending pids and figures whose sums do not overflow.
#include "vigia/sources/rows.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/check.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  std::vector<vigia::Row> rows;
  const auto done = vigia::parse_rows(bytes, rows);
  if (!done) {
    CHECK(!done.error().message().empty());
    return 0;
  }
  CHECK(size == sizeof(vigia_header) + (rows.size() + 1) * sizeof(vigia::Row));
  CHECK(rows.empty() || std::memcmp(rows.data(), data + sizeof(vigia_header),
                                    rows.size() * sizeof(vigia::Row)) == 0);
  CHECK(std::ranges::is_sorted(rows, std::ranges::less_equal(), &vigia::Row::pid));
  CHECK(rows.empty() || rows.front().pid > 0);
  for (const vigia::Row& each : rows) {
    const vigia::RunTime runtime = vigia::divide_runtime(each);
    CHECK(runtime.user_ns >= 0 && runtime.system_ns >= 0);
    CHECK(static_cast<std::uint64_t>(runtime.user_ns + runtime.system_ns) == each.runtime_ns);
    CHECK(static_cast<std::int64_t>(each.rss_anon_bytes + each.rss_file_bytes +
                                    each.rss_shmem_bytes) >= 0);
  }
  return 0;
}
