// What the processes of one role have in common: they wait for what is downstream as long as it
// takes, and can be asked how they are meanwhile.
//
// Threads: as said.
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

// How long a process that was told to end lets others take its answers.
inline constexpr std::chrono::seconds kDrainPatience{15};
// How long a server may be told to wait until a result is durable.
inline constexpr std::chrono::milliseconds kDurabilityTimeoutMin{100};
inline constexpr std::chrono::minutes kDurabilityTimeoutMax{10};

// The contest of the file, or the default one when none is named.
[[nodiscard]] base::Result<Contest> contest_of(const std::string& contest_file);
void add_contest_setting(base::Settings& settings, std::string& contest_file);

// The exit status for an error that keeps a role from its work; prints it.
[[nodiscard]] int exit_status_of(const base::Error& error);

// "a,b": a and b.
[[nodiscard]] std::vector<std::string> listed(std::string_view text);
// Sees that the list of a setting names servers, as in "kafka-0:9092,[::1]:9092". Errors:
// kInvalidArgument naming the setting.
[[nodiscard]] base::Result<void> check_servers(std::string_view setting, std::string_view list);

// Runs a role whose settings are loaded until a signal comes. Gives the exit status.
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

// Whether a role has reached its work yet. Threads: any.
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

// Calls `open` until it has what it opens; what is away is tried again, ever later, up to every two
// seconds. Nothing when a signal came meanwhile. Errors: those of `open` that do not pass.
// `passes` says which may, beside kUnavailable.
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
