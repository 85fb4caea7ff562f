// A Sample as JSON, schema 1, on one line: what a recording has a line of, and what the kernel
// module gives in /proc/vigia.
//
//   {"schema":1,"source":"proc","kernel":"6.1.0","boot_id":"…" or null,"wall_ms":…,"uptime_ns":…,
//    "hidden_processes":…,
//    "host":{"cpu":{"user_ns":…,"nice_ns":…,"system_ns":…,"idle_ns":…,"iowait_ns":…,"irq_ns":…,
//                   "softirq_ns":…,"steal_ns":…},
//            "cpus":[{as of cpu},…],
//            "memory":{"total_bytes":…,"free_bytes":…,"available_bytes":…,"buffers_bytes":…,
//                      "cached_bytes":…,"slab_reclaimable_bytes":…,"swap_total_bytes":… or null,
//                      "swap_free_bytes":…},
//            "load":{"one":…,"five":…,"fifteen":…}},
//    "processes":[{"pid":…,"ppid":…,"threads":…,"oom_score_adj":…,"uid":…,"state":"S",
//                  "start_ns":…,"read_ns":…,"user_ns":…,"system_ns":…,"vsz_bytes":…,
//                  "rss_anon_bytes":…,"rss_file_bytes":…,"rss_shmem_bytes":…,"name":"…",
//                  "command":"…","cgroup":"…"},…],
//    "cgroups":[{"path":"…","read_ns":…,each Figure of a Cgroup by its name: … or null},…]}
//
// It is written in this order and read in any; the processes stand by pid. All must be there but
// "cgroups" and "hidden_processes"; what else is there is skipped, and not looked into. A text that
// is not UTF-8 has U+FFFD for what is not.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "vigia/sample/sample.h"

namespace vigia {

inline constexpr int kSampleSchema = 1;

// More than half a million processes are.
inline constexpr std::size_t kSampleBytesMax = std::size_t{256} << 20;

// Without an end of line.
[[nodiscard]] std::string to_json(const Sample& sample);

// Reads one sample after the other and keeps its memory for the next.
//
// Threads: of one thread.
class SampleReader {
 public:
  SampleReader();
  SampleReader(SampleReader&&) noexcept;
  SampleReader& operator=(SampleReader&&) noexcept;
  ~SampleReader();

  // Replaces what `sample` held, its memory used again; after an error it holds anything. Errors:
  // kFailedPrecondition, of another schema; kResourceExhausted, of more than kSampleBytesMax;
  // kCorruption for all else, naming the place, as "processes[12].start_ns: expected …".
  [[nodiscard]] base::Result<void> read(std::string_view text, Sample& sample);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

// As SampleReader::read, of one.
[[nodiscard]] base::Result<void> from_json(std::string_view text, Sample& sample);

// The members of a host's parts, which a Usage has too.
void add_cpu_times(base::JsonObject& object, const CpuTimes& times);
void add_memory(base::JsonObject& object, const Memory& memory);
void add_load(base::JsonObject& object, const Load& load);

// Appends `count` values with commas between them; `append(i)` appends one.
template <class Append>
void append_json_array(std::string& out, std::size_t count, const Append& append) {
  out += '[';
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    append(i);
  }
  out += ']';
}

}  // namespace vigia
