// A Usage as JSON, schema 1. The members of the objects are the fields of the catalogues
// (fields.h):
//
//   {"schema":1,kUsageFields,
//    "host":{"cpu":{kHostFields,kCpuFields},"cpus":[{kCpuFields},…],"memory":{kMemoryFields},
//            "load":{kLoadFields}},
//    "processes":[{kProcessUsageFields},…],
//    "containers":[{kContainerUsageFields},…]}
//
// An unknown value is null. Texts of processes may be any bytes: U+FFFD replaces what is not UTF-8.
//
// Threads: functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "vigia/sample/usage.h"

namespace vigia {

// The document. `processes` are indexes into the sample's processes, in output order.
[[nodiscard]] std::string to_json(const Usage& usage, std::span<const std::size_t> processes);

// The same as lines: {"kind":"host",…}, then a {"kind":"process",…} for each process and a
// {"kind":"container",…} for each container.
[[nodiscard]] std::string to_ndjson(const Usage& usage, std::span<const std::size_t> processes);

}  // namespace vigia
