// The rows of all processes, one per process, in the layout of abi/vigia_records.h. The kernel
// module and the BPF iterator write the same rows.
//
// The parser accepts any bytes and never reads beyond them.
//
// Threads: functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>
#include <vigia_records.h>

#include "base/result.h"

namespace vigia {

using Row = vigia_record;

// Times and sizes of a row. Each is at most kRowFigureMax, so that a sum of four fits in 64 bits.
inline constexpr std::uint64_t kRowFigureMax = std::uint64_t{INT64_MAX} / 4;
inline constexpr std::array<__u64 Row::*, 9> kRowFigures = {
    &Row::start_ns,       &Row::read_ns,        &Row::runtime_ns,
    &Row::user_ns,        &Row::system_ns,      &Row::vsz_bytes,
    &Row::rss_anon_bytes, &Row::rss_file_bytes, &Row::rss_shmem_bytes};
static_assert(sizeof(__u64) * kRowFigures.size() ==
                  offsetof(Row, cgroup_id) - offsetof(Row, start_ns),
              "kRowFigures lacks a figure");

// Replaces `rows` with the processes in `bytes`, in ascending order of pid. Errors:
// kFailedPrecondition if the bytes have another schema; kCorruption if they are cut short or hold
// an impossible row, which the message names.
[[nodiscard]] base::Result<void> parse_rows(std::string_view bytes, std::vector<Row>& rows);

// Reads `fd` to its end into `buffer`, whose memory the next call uses again. Returns a view into
// `buffer`. Errors: errno of the read; EFBIG if there are more than kRowsBytesMax.
inline constexpr std::size_t kRowsBytesMax = std::size_t{256} << 20;
[[nodiscard]] tl::expected<std::string_view, int> read_whole(int fd, std::vector<char>& buffer);

struct RunTime {
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;

  friend bool operator==(const RunTime&, const RunTime&) = default;
};

// Divides a row's runtime_ns in the ratio of its user_ns to its system_ns, as /proc does
// (cputime_adjust() in kernel/sched/cputime.c). /proc also remembers what it gave before, so that
// neither part goes back. This function does not: from one row to the next a part may shrink
// a little.
[[nodiscard]] RunTime divide_runtime(const Row& row);

}  // namespace vigia
