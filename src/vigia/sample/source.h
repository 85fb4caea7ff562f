// Where samples come from: the port that the kernel module, the BPF iterator and /proc stand
// behind.
#pragma once

#include <string_view>

#include "base/result.h"
#include "vigia/sample/sample.h"

namespace vigia {

// Threads: of one thread.
class Source {
 public:
  virtual ~Source() = default;

  // As "module", "bpf" or "proc".
  [[nodiscard]] virtual std::string_view name() const = 0;

  // Looks at the host now. What `sample` held is replaced, its memory used again. A process that
  // goes meanwhile is not in it. Errors: kUnavailable, where the source does not answer;
  // kCorruption, naming the place, where it says what it should not.
  [[nodiscard]] virtual base::Result<void> read(Sample& sample) = 0;
};

}  // namespace vigia
