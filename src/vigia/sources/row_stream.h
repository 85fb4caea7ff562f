// The port of KernelSource: it gets its rows from the kernel module or the BPF iterator.
#pragma once

#include <string_view>

#include "base/result.h"

namespace vigia {

// Threads: belongs to one thread.
class RowStream {
 public:
  virtual ~RowStream() = default;

  // The name of the source, as Source::name() gives it.
  [[nodiscard]] virtual std::string_view name() const = 0;

  // The file or program that the bytes come from, for messages.
  [[nodiscard]] virtual std::string_view place() const = 0;

  // Reads the rows of all processes now, in the layout of abi/vigia_records.h. The bytes are
  // valid until the next call. Errors: kUnavailable.
  [[nodiscard]] virtual base::Result<std::string_view> read() = 0;
};

}  // namespace vigia
