// The appends to Kafka that are under way, in the order of their calls.
//
// A batch's records go to several partitions, and their results come one by one. A PendingAppend
// counts the results of its records. AppendQueue calls `done` of an append once all records of it,
// and of every append before it, have a result.
//
// Bound: the records in the queue take at most `bytes_max`. Further appends are refused.
//
// Threads: a PendingAppend may be used from any thread. An AppendQueue is guarded by its owner's
// mutex.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "estadio/contest/event_log.h"

namespace estadio {

class PendingAppend {
 public:
  // An append of `records` records, whose lines take `bytes`.
  PendingAppend(EventLog::Done done, std::uint32_t records, std::size_t bytes)
      : done_(std::move(done)), records_(records), bytes_(bytes), left_(records + 1) {}

  // Notes that a record was not logged, or that it is unknown whether it was. `error` is
  // librdkafka's. 0: the record was acknowledged at an offset below an earlier acknowledged one.
  void note_refused(int error);
  void note_unknown(int error);

  // Counts `records` more records with a result. The appending thread adds one count after
  // producing all records. So the append cannot settle earlier. Returns true for the last count.
  // After false, do not use the append.
  [[nodiscard]] bool settle(std::uint32_t records) { return left_.fetch_sub(records) == records; }
  [[nodiscard]] bool is_settled() const { return left_ == 0; }

  // Calls `done` with the append's result. REQUIRES: is_settled().
  void answer() const { done_(outcome()); }
  // Calls `done` with the error. REQUIRES: nothing was produced.
  void refuse(base::Error error) const { done_(base::fail(std::move(error))); }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  [[nodiscard]] base::Result<void> outcome() const;

  const EventLog::Done done_;
  const std::uint32_t records_;
  const std::size_t bytes_;
  std::atomic<std::uint32_t> left_;  // records without a result, and the appending thread
  std::atomic<std::uint32_t> refused_{0};
  std::atomic<std::uint32_t> unknown_{0};
  std::atomic<int> error_{0};  // the first; 0: none
};

class AppendQueue {
 public:
  explicit AppendQueue(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // Adds the append at the end. Errors, which leave `append` where it is: kResourceExhausted beyond
  // `bytes_max`.
  [[nodiscard]] base::Result<void> add(std::unique_ptr<PendingAppend>& append);

  // Answers the settled appends at the queue's front. Releases the lock during each answer. Returns
  // at once if another thread is answering; that thread checks again.
  // REQUIRES: `lock` holds the mutex that guards the queue.
  void answer_settled(std::unique_lock<std::mutex>& lock);

  [[nodiscard]] bool is_empty() const { return appends_.empty(); }

 private:
  const std::size_t bytes_max_;
  std::deque<std::unique_ptr<PendingAppend>> appends_;
  std::size_t bytes_ = 0;
  bool is_answering_ = false;  // a thread is in answer_settled()
};

}  // namespace estadio
