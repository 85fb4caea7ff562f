// A role: one long-running part of a program, such as `estadio tally`. This is its life cycle.
//
//   make -> open() -> serve() -> SIGINT or SIGTERM -> stop() -> exit status
//
// Threads: open(), serve(), stop() and the destructor run in the main thread. The HTTP threads call
// unready_reason() and write_metrics().
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics_writer.h"
#include "base/program.h"
#include "base/result.h"
#include "base/signals.h"
#include "service/life_cycle.h"

namespace service {

// How long stop() waits for pending answers.
inline constexpr std::chrono::seconds kDrainPatience{15};

// The objects that a role uses. REQUIRES: they outlive the role.
struct Context {
  const base::Program& program;
  const base::Clock& clock;
  base::Logger& log;
  base::StopSignals& signals;
  LifeCycle& life_cycle;
};

class Role {
 public:
  virtual ~Role() = default;

  // Opens the parts. Waits for the services that the role needs, without limit (keep_trying()).
  // Errors: kCancelled when a signal came first; others end the process.
  virtual base::Result<void> open() = 0;
  // Starts to serve and returns. Called once, after open() succeeded.
  virtual void serve() = 0;
  // Takes no new work, finishes the pending work and joins the role's threads. Called once, after
  // serve(). The destructor must be safe after each step.
  virtual void stop() = 0;

  // Returns nothing when the role is ready. Called after open() succeeded.
  [[nodiscard]] virtual std::optional<std::string> unready_reason() const = 0;
  // Writes the figures of the role's parts. Called after open() succeeded.
  virtual void write_metrics(base::MetricsWriter& metrics) const = 0;
};

using RoleFactory = std::function<base::Result<std::unique_ptr<Role>>(const Context&)>;

// Makes a role and runs it until SIGINT or SIGTERM. Prints an error on standard error. Returns the
// exit status. REQUIRES: called in the main thread before any other thread starts.
[[nodiscard]] int run_role(const base::Program& program, const base::Logger::Options& log,
                           const RoleFactory& make);

// Calls `open` until it succeeds, and returns its result. Retries on kUnavailable and on errors for
// which `retries_too` is true. The pause grows from 50 ms to 2 s. Meanwhile /readyz shows the
// error, and each new message is logged. Errors: kCancelled when a signal came first; the others of
// `open`.
template <class Open>
auto keep_trying(const Open& open, const Context& context,
                 const std::function<bool(const base::Error&)>& retries_too = {})
    -> decltype(open()) {
  constexpr int kPauseFirstMs = 50;
  constexpr int kPauseLongestMs = 2000;
  std::string logged;
  for (int pause_ms = kPauseFirstMs;; pause_ms = std::min(pause_ms * 2, kPauseLongestMs)) {
    auto opened = open();
    if (opened) return opened;
    const base::Error& error = opened.error();
    if (error.code() != base::Code::kUnavailable && !(retries_too && retries_too(error))) {
      return opened;
    }
    context.life_cycle.set_waiting_for(error.message());
    if (logged != error.message()) context.log.warning("waiting", {{"for", error}});
    logged = error.message();
    if (context.signals.wait_for_ms(pause_ms)) {
      return base::fail(base::Code::kCancelled, "stopped by a signal");
    }
  }
}

}  // namespace service
