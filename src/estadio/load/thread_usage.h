// The calling thread's processor time, and its time waiting for a processor.
//
// Threads: values; now() measures the calling thread.
#pragma once

#include "base/clock.h"

namespace estadio::load {

struct ThreadUsage {
  base::Nanos ran{};     // on a processor
  base::Nanos waited{};  // ready to run, without a processor; 0 where the kernel does not
                         // count it

  // Returns the usage of the calling thread since its start.
  [[nodiscard]] static ThreadUsage now();
};

}  // namespace estadio::load
