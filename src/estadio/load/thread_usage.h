// How much of a processor the calling thread has used, and how long it waited for one.
//
// Threads: none.
#pragma once

#include "base/clock.h"

namespace estadio::load {

struct ThreadUsage {
  base::Nanos ran{};     // on a processor
  base::Nanos waited{};  // ready to run while others had the processors; 0 where the kernel does
                         // not say

  // Of the calling thread since it began.
  [[nodiscard]] static ThreadUsage now();
};

}  // namespace estadio::load
