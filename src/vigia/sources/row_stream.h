// The port of KernelSource: where the rows of the kernel's side come from, the module or the BPF
// iterator.
#pragma once

#include <string_view>

#include "base/result.h"

namespace vigia {

// Threads: of one thread.
class RowStream {
 public:
  virtual ~RowStream() = default;

  // The name of the source, as Source::name() gives it.
  [[nodiscard]] virtual std::string_view name() const = 0;

  // A file or a program, which messages about the bytes name.
  [[nodiscard]] virtual std::string_view place() const = 0;

  // Reads the rows of all processes now, in the layout of abi/vigia_records.h. The bytes are
  // valid until the next call. Errors: kUnavailable.
  [[nodiscard]] virtual base::Result<std::string_view> read() = 0;
};

}  // namespace vigia
