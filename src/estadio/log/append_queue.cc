#include "estadio/log/append_queue.h"

#include <fmt/format.h>

#include "estadio/log/kafka_client.h"

namespace estadio {

void PendingAppend::note_refused(int error) {
  int none = 0;
  error_.compare_exchange_strong(none, error);
  ++refused_;
}

void PendingAppend::note_unknown(int error) {
  int none = 0;
  error_.compare_exchange_strong(none, error);
  ++unknown_;
}

base::Result<void> PendingAppend::outcome() const {
  if (refused_ == 0 && unknown_ == 0) return {};
  if (error_ == 0) {
    return base::fail(base::Code::kDeadlineExceeded,
                      "writing to Kafka: a record came before the end that Kafka had acknowledged");
  }
  const base::Error error = kafka_error("writing to Kafka", error_);
  if (refused_ == records_) {
    const bool is_full = error.code() == base::Code::kResourceExhausted;
    return base::fail(is_full ? base::Code::kResourceExhausted : base::Code::kUnavailable,
                      error.message());
  }
  return base::fail(base::Code::kDeadlineExceeded, error.message());
}

base::Result<void> AppendQueue::add(std::unique_ptr<PendingAppend>& append) {
  if (bytes_ + append->bytes() > bytes_max_) {
    return base::fail(base::Code::kResourceExhausted,
                      fmt::format("the log has {} bytes of results that are not durable yet, and "
                                  "takes {}: try again later",
                                  bytes_, bytes_max_));
  }
  bytes_ += append->bytes();
  appends_.push_back(std::move(append));
  return {};
}

void AppendQueue::answer_settled(std::unique_lock<std::mutex>& lock) {
  if (is_answering_) return;
  is_answering_ = true;
  while (!appends_.empty() && appends_.front()->is_settled()) {
    const std::unique_ptr<PendingAppend> next = std::move(appends_.front());
    appends_.pop_front();
    bytes_ -= next->bytes();
    lock.unlock();
    next->answer();
    lock.lock();
  }
  is_answering_ = false;
}

}  // namespace estadio
