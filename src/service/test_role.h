// For tests only: a role made of functions, and the context that a process gives to a role.
//
// Threads: those of service::Role.
#pragma once

#include <signal.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "service/role.h"

namespace service {

inline constexpr base::Program kTestProgram = {
    .name = "trial", .version = "1", .description = "", .examples = "", .commands = {}};

struct TestRole final : Role {
  explicit TestRole(std::vector<std::string>& steps_taken) : steps(steps_taken) {}

  base::Result<void> open() override {
    steps.emplace_back("open");
    return on_open();
  }
  void serve() override {
    steps.emplace_back("serve");
    on_serve();
  }
  void stop() override { steps.emplace_back("stop"); }
  [[nodiscard]] std::optional<std::string> unready_reason() const override { return reason; }
  void write_metrics(base::MetricsWriter& metrics) const override {
    metrics.counter("trial_asked_total", "Times asked.", 1);
  }

  std::function<base::Result<void>()> on_open = [] { return base::Result<void>(); };
  std::function<void()> on_serve = [] {};
  std::optional<std::string> reason;
  std::vector<std::string>& steps;
};

// Restores the test program's signals, which StopSignals changes. Other tests start servers, which
// inherit the signals.
class RestoredSignals {
 public:
  RestoredSignals() {
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
    ::sigaction(SIGPIPE, nullptr, &pipe_);
  }
  RestoredSignals(const RestoredSignals&) = delete;
  RestoredSignals& operator=(const RestoredSignals&) = delete;
  ~RestoredSignals() {
    ::sigaction(SIGPIPE, &pipe_, nullptr);
    ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }

 private:
  sigset_t mask_{};
  struct sigaction pipe_{};
};

struct TestProcess {
  RestoredSignals restored;
  base::StopSignals signals;
  base::SystemClock clock;
  base::Logger log{clock, {.level = base::LogLevel::kError}};
  LifeCycle life_cycle;
  const Context context{.program = kTestProgram,
                        .clock = clock,
                        .log = log,
                        .signals = signals,
                        .life_cycle = life_cycle};
};

}  // namespace service
