// The state of a role's process, and the reason why the role is not ready.
//
// Threads: every method may be called from any thread.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace service {

// A reason that one thread sets and others read. Threads: any.
class UnreadyReason {
 public:
  UnreadyReason() = default;
  explicit UnreadyReason(std::string reason) : reason_(std::move(reason)) {}

  // std::nullopt means ready.
  void set(std::optional<std::string> reason) {
    const std::scoped_lock lock(mutex_);
    reason_ = std::move(reason);
  }
  [[nodiscard]] std::optional<std::string> get() const {
    const std::scoped_lock lock(mutex_);
    return reason_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<std::string> reason_;  // guarded by mutex_
};

class LifeCycle {
 public:
  enum class State {
    kOpening,  // the role waits for the services that it needs
    kServing,
    kStopping,
  };

  // Sets what the role waits for. Only used in kOpening.
  void set_waiting_for(std::string reason) { waiting_for_.set(std::move(reason)); }

  // All writes before set_state() are visible to every thread that reads the new state.
  void set_state(State state) { state_.store(state); }
  [[nodiscard]] State state() const { return state_.load(); }

  // Returns nothing in kServing.
  [[nodiscard]] std::optional<std::string> unready_reason() const {
    switch (state()) {
      case State::kOpening: return waiting_for_.get();
      case State::kServing: return std::nullopt;
      case State::kStopping: return "it is stopping";
    }
    return std::nullopt;
  }

 private:
  std::atomic<State> state_{State::kOpening};
  UnreadyReason waiting_for_{"it is starting"};
};

}  // namespace service
