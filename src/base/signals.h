// Waiting for SIGINT and SIGTERM. SIGPIPE is ignored.
//
// Threads: construct in the main thread before any other starts, so that all inherit the mask.
// The waits may be called from any thread.
#pragma once

namespace base {

class StopSignals {
 public:
  // Blocks SIGINT and SIGTERM and ignores SIGPIPE.
  StopSignals();
  // Waits for one of the signals and takes it.
  void wait();
  // Waits at most `ms`. Returns false when no signal came.
  bool wait_for_ms(int ms);
};

}  // namespace base
