#include "base/signals.h"

#include <csignal>
#include <ctime>

namespace base {
namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A write to a closed connection must return EPIPE, also inside OpenSSL.
  std::signal(SIGPIPE, SIG_IGN);
}

void StopSignals::wait() {
  const sigset_t set = stop_set();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
}

bool StopSignals::wait_for_ms(int ms) {
  const sigset_t set = stop_set();
  const timespec timeout{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000L};
  return sigtimedwait(&set, nullptr, &timeout) > 0;
}

}  // namespace base
