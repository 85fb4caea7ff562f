// A Usage as JSON, schema 1:
//
//   {"schema":1,"source":"proc","kernel":"6.1.0","boot_id":"…","taken_at":"2026-11-23T15:04:05.678Z",
//    "uptime_ns":…,"interval_ns":…,
//    "hidden_processes":0,"host":{"cpu":{…},"cpus":[{…}],"memory":{…},"load":{"one":…,"five":…,"fifteen":…}},
//    "processes":[{"pid":…,"ppid":…,"start_ns":…,"state":"S","uid":…,"name":"…","command":"…",
//                  "cgroup":"…","container":"ID" or null,"threads":…,"cpu_ns":…,"user_ns":…,
//                  "system_ns":…,"cpu_percent":… or null,"vsz_bytes":…,"rss_bytes":…,
//                  "rss_anon_bytes":…,"rss_file_bytes":…,"rss_shmem_bytes":…,"oom_score_adj":…}],
//    "containers":[{"id":"…","runtime":"docker" or null,"processes":…,"cpu_ns":…,"user_ns":…,
//                   "system_ns":…,"cpu_percent":…,"throttled_ns":…,"throttled_percent":…,
//                   "rss_bytes":…,"memory_bytes":…,"working_set_bytes":…,"unreclaimable_bytes":…,
//                   "peak_bytes":…,"memory_max_bytes":…,"ooms":…,"oom_kills":…,"pids":…,
//                   "pids_max":…,"io_read_bytes":…,"io_written_bytes":…}]}
//
// Of a container processes, cpu_ns and rss_bytes are always told. A limit that is null is none, or
// not known.
//
// Texts of processes are any bytes; what is not UTF-8 is replaced. What is not known is null.
//
// Threads: functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "vigia/sample/usage.h"

namespace vigia {

// `processes`: places in the usage's sample, in the order in which they are to stand.
[[nodiscard]] std::string to_json(const Usage& usage, std::span<const std::size_t> processes);

// The same as lines: {"kind":"host",…}, then one {"kind":"process",…} each, then one
// {"kind":"container",…} each.
[[nodiscard]] std::string to_ndjson(const Usage& usage, std::span<const std::size_t> processes);

}  // namespace vigia
