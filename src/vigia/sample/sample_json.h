// A Sample as JSON, schema 1, on one line. A recording has such a line for each sample, and the
// kernel module writes the same document in /proc/vigia. The members of the objects are the fields
// of the catalogues (fields.h):
//
//   {"schema":1,kSampleFields,
//    "host":{"cpu":{kCpuFields},"cpus":[{kCpuFields},…],"memory":{kMemoryFields},
//            "load":{kLoadFields}},
//    "processes":[{kProcessFields},…],
//    "cgroups":[{kCgroupFields},…]}
//
// Members are written in this order and read in any order. "cgroups" and "hidden_processes" may be
// missing; all others must be there. Unknown members are skipped, whatever they hold. Processes
// are in ascending order of pid. An unknown boot_id is null. U+FFFD replaces what is not UTF-8 in
// a text.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "vigia/sample/sample.h"

namespace vigia {

inline constexpr int kSampleSchema = 1;

// A line with 500,000 processes is shorter, unless many command lines are long.
inline constexpr std::size_t kSampleBytesMax = std::size_t{256} << 20;

// The line, without its end.
[[nodiscard]] std::string to_json(const Sample& sample);

// Reads samples one after the other, in the same memory.
//
// Threads: belongs to one thread.
class SampleReader {
 public:
  SampleReader();
  SampleReader(SampleReader&&) noexcept;
  SampleReader& operator=(SampleReader&&) noexcept;
  ~SampleReader();

  // Replaces `sample`, whose memory it uses again. After an error the sample may hold anything.
  // Errors: kFailedPrecondition if the schema is another; kResourceExhausted if `text` is longer
  // than kSampleBytesMax; kCorruption for all else. The message names the place:
  // "processes[12].start_ns: expected …".
  [[nodiscard]] base::Result<void> read(std::string_view text, Sample& sample);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

// Reads one sample, as SampleReader::read() does.
[[nodiscard]] base::Result<void> from_json(std::string_view text, Sample& sample);

}  // namespace vigia
