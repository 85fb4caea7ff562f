// The port that samples come from. The readers of the kernel module, the BPF iterator, /proc and
// recordings implement it.
#pragma once

#include <string_view>

#include "base/result.h"
#include "vigia/sample/sample.h"

namespace vigia {

// Threads: belongs to one thread.
class Source {
 public:
  virtual ~Source() = default;

  // "module", "bpf", "proc" and so on.
  [[nodiscard]] virtual std::string_view name() const = 0;

  // Reads the host now; a recording gives its next sample. Replaces `sample`, whose memory it uses
  // again. A process that ends meanwhile may be missing.
  // Errors: kUnavailable if the source does not answer, or the recording has ended; kCorruption if
  // the data is malformed. A recording also has the errors of RecordingSource::next(). The message
  // names the place.
  [[nodiscard]] virtual base::Result<void> read(Sample& sample) = 0;
};

}  // namespace vigia
