// What the kernel module's /proc/vigia_bin and the BPF iterator give: abi/vigia_records.h, as
// values. The bytes may be cut short or anything else: nothing is read beyond them.
//
// Threads: functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>
#include <vigia_records.h>

#include "base/result.h"

namespace vigia {

// Replaces what `records` held; they are in the order of their pids. Errors: kFailedPrecondition,
// of another schema; kCorruption, naming the record, for all else.
[[nodiscard]] base::Result<void> parse_records(std::string_view bytes,
                                               std::vector<vigia_record>& records);

// Reads what `fd` gives to its end, into `buffer`, which keeps its memory. Returns what was read;
// errno, where the kernel gave one; EFBIG for more than kRecordsBytesMax.
inline constexpr std::size_t kRecordsBytesMax = std::size_t{256} << 20;
[[nodiscard]] tl::expected<std::string_view, int> read_whole(int fd, std::vector<char>& buffer);

// What a process used, as /proc has it (cputime_adjust() of kernel/sched/cputime.c): the
// nanoseconds that it ran, divided as ticks saw it do. Not the like of what /proc keeps from an
// earlier reading, so that one of the two may go back a little.
struct RunTime {
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;

  friend bool operator==(const RunTime&, const RunTime&) = default;
};
[[nodiscard]] RunTime divide_runtime(const vigia_record& record);

}  // namespace vigia
