// Functions that the processes of single roles share. A role waits without limit for the services
// that it needs; meanwhile its /readyz gives the reason.
//
// Threads: the main thread, except for RoleStatus.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/settings.h"
#include "base/signals.h"
#include "estadio/app/commands.h"
#include "estadio/contest/contest.h"

namespace estadio {

// A process that stops waits so long for pending answers.
inline constexpr std::chrono::seconds kDrainPatience{15};
// The bounds of the setting durability-timeout.
inline constexpr std::chrono::milliseconds kDurabilityTimeoutMin{100};
inline constexpr std::chrono::minutes kDurabilityTimeoutMax{10};

// Reads the contest from the file; returns the default one when the name is empty.
[[nodiscard]] base::Result<Contest> contest_of(const std::string& contest_file);
void add_contest_setting(base::Settings& settings, std::string& contest_file);

// Prints the error and returns the exit status for it.
[[nodiscard]] int exit_status_of(const base::Error& error);

// Splits "a,b" into a and b.
[[nodiscard]] std::vector<std::string> listed(std::string_view text);
// Checks that `list` names servers, as in "kafka-0:9092,[::1]:9092". Errors: kInvalidArgument,
// naming the setting.
[[nodiscard]] base::Result<void> check_servers(std::string_view setting, std::string_view list);

// Runs a role until a signal comes. Returns the exit status. REQUIRES: the settings are loaded.
template <class Role, class Options>
int run_role(Options& options) {
  base::StopSignals signals;
  const base::SystemClock clock;
  base::Logger log(clock, options.log);
  auto contest = contest_of(options.contest_file);
  if (!contest) return exit_status_of(contest.error());
  Role role(options, *std::move(contest), clock, log);
  const auto outcome = role.run(signals);
  return outcome ? kExitOk : exit_status_of(outcome.error());
}

// A role's unready reason. Threads: any.
class RoleStatus {
 public:
  explicit RoleStatus(std::string why) : why_(std::move(why)) {}

  void set(std::optional<std::string> why) {
    const std::scoped_lock lock(mutex_);
    why_ = std::move(why);
  }
  [[nodiscard]] std::optional<std::string> unready_reason() const {
    const std::scoped_lock lock(mutex_);
    return why_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<std::string> why_;  // guarded by mutex_
};

// Calls `open` until it succeeds and returns its value. Retries on kUnavailable and on errors for
// which `passes` is true. The pause grows from 50 ms to 2 s. Meanwhile sets `status`, and logs each
// new message. Returns nothing when a signal came first. Errors: the others of `open`.
template <class Open>
auto keep_trying(const Open& open, base::StopSignals& signals, RoleStatus& status,
                 base::Logger& log, const std::function<bool(const base::Error&)>& passes = {})
    -> base::Result<std::optional<typename decltype(open())::value_type>> {
  constexpr int kPauseFirstMs = 50;
  constexpr int kPauseLongestMs = 2000;
  std::string said;
  for (int pause_ms = kPauseFirstMs;; pause_ms = std::min(pause_ms * 2, kPauseLongestMs)) {
    auto opened = open();
    if (opened) return std::optional(*std::move(opened));
    base::Error error = std::move(opened).error();
    if (error.code() != base::Code::kUnavailable && !(passes && passes(error))) {
      return base::fail(std::move(error));
    }
    status.set(error.message());
    if (said != error.message()) log.warning("waiting", {{"for", error}});
    said = error.message();
    if (signals.wait_for_ms(pause_ms)) return std::nullopt;
  }
}

}  // namespace estadio
