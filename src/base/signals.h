// SIGINT and SIGTERM as something to wait for; SIGPIPE ignored.
//
// Threads: construct in the main thread before any other starts, so that all inherit the mask.
#pragma once

namespace base {

class StopSignals {
 public:
  StopSignals();
  // Returns when one of them has come.
  void wait();
  // The same with a bound; true when one has come.
  bool wait_for_ms(int ms);
};

}  // namespace base
