// Records of the kernel module and the BPF iterator: any bytes are read without harm; what is found
// has ascending pids and figures whose sums do not overflow, and is what was given.
#include "vigia/sources/records.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/check.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  std::vector<vigia_record> records;
  const auto done = vigia::parse_records(bytes, records);
  if (!done) {
    CHECK(!done.error().message().empty());
    return 0;
  }
  CHECK(size == sizeof(vigia_header) + (records.size() + 1) * sizeof(vigia_record));
  CHECK(records.empty() || std::memcmp(records.data(), data + sizeof(vigia_header),
                                       records.size() * sizeof(vigia_record)) == 0);
  CHECK(std::ranges::is_sorted(records, std::ranges::less_equal(), &vigia_record::pid));
  CHECK(records.empty() || records.front().pid > 0);
  for (const vigia_record& each : records) {
    const vigia::RunTime runtime = vigia::divide_runtime(each);
    CHECK(runtime.user_ns >= 0 && runtime.system_ns >= 0);
    CHECK(static_cast<std::uint64_t>(runtime.user_ns + runtime.system_ns) == each.runtime_ns);
    CHECK(static_cast<std::int64_t>(each.rss_anon_bytes + each.rss_file_bytes +
                                    each.rss_shmem_bytes) >= 0);
  }
  return 0;
}
