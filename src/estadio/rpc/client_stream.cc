#include "estadio/rpc/client_stream.h"

#include <deque>
#include <estadio/v1/judge.grpc.pb.h>
#include <grpcpp/grpcpp.h>
#include <utility>

#include "base/check.h"
#include "estadio/rpc/status.h"

namespace estadio {

// gRPC's side of the stream. gRPC reads and writes the messages in place.
class ClientStream::Call final : public grpc::ClientBidiReactor<v1::JudgeRequest, v1::JudgeReply> {
 public:
  struct Queued {
    std::uint64_t sequence = 0;
    v1::JudgeRequest message;
  };

  explicit Call(ClientStream& stream) : stream_(stream) {}

  void OnReadDone(bool ok) override { stream_.on_read(ok); }
  void OnWriteDone(bool ok) override { stream_.on_written(ok); }
  void OnWritesDoneDone(bool ok) override { stream_.on_written(ok); }
  void OnDone(const grpc::Status& status) override { stream_.on_done(status); }

  grpc::ClientContext context;
  v1::JudgeReply reading;    // gRPC's while it reads
  v1::JudgeRequest writing;  // gRPC's while it writes
  std::deque<Queued> queue;

 private:
  ClientStream& stream_;
};

ClientStream::ClientStream(Owner& owner, std::mutex& mutex, const Options& options)
    : owner_(owner),
      mutex_(mutex),
      slot_(options.slot),
      caller_(options.caller),
      clock_(options.clock),
      handshake_deadline_(options.handshake_deadline),
      call_(std::make_unique<Call>(*this)) {}

ClientStream::~ClientStream() = default;

void ClientStream::start(const std::shared_ptr<grpc::Channel>& channel) {
  v1::Judge::NewStub(channel)->async()->JudgeStream(&call_->context, call_.get());
  write_handshake_request(caller_, *call_->writing.mutable_handshake());
  is_writing_ = true;
  // gRPC must not end the stream while a batch may still be sent. break_off() releases it.
  call_->AddHold();
  call_->StartRead(&call_->reading);
  call_->StartWrite(&call_->writing);
  call_->StartCall();
}

void ClientStream::cancel() { call_->context.TryCancel(); }

// Cancels the stream, with a reason of our own for on_done().
void ClientStream::refuse(base::Error error) {
  refusal_ = std::move(error);
  cancel();
}

bool ClientStream::is_broken() const {
  return phase_ == Phase::kBroken || phase_ == Phase::kReleased;
}

// Reading.

void ClientStream::on_read(bool ok) {
  Lock lock(mutex_);
  if (!ok) return break_off();
  const v1::JudgeReply& reply = call_->reading;
  clock_offset_ = std::chrono::milliseconds(reply.now_ms()) -
                  std::chrono::duration_cast<std::chrono::milliseconds>(clock_.mono());
  id_check_ = reply.ending() ? IdCheck::kAnyTime : IdCheck::kByTime;
  switch (reply.kind_case()) {
    case v1::JudgeReply::kHandshake: take_handshake(reply.handshake()); break;
    case v1::JudgeReply::kVerdicts: take_verdicts(reply.verdicts(), lock); break;
    case v1::JudgeReply::kGoAway: take_go_away(reply.go_away()); break;
    case v1::JudgeReply::KIND_NOT_SET: break;  // of a later version of the server
  }
  lock.unlock();
  call_->StartRead(&call_->reading);
}

void ClientStream::take_handshake(const v1::HandshakeResponse& response) {
  if (phase_ != Phase::kHandshake) return;
  const auto judged = read_handshake_response(response, caller_);
  if (!judged) return refuse(judged.error());
  ServerInfo server{.judged = *judged,
                    .coin_commitment = response.coin_commitment(),
                    .started_at_ms = response.started_at_ms(),
                    .retry_window_ms = response.retry_window_ms()};
  if (auto taken = owner_.on_handshake(*this, server); !taken) {
    return refuse(std::move(taken).error());
  }
  server_ = std::move(server);
  phase_ = Phase::kOpen;
}

void ClientStream::take_verdicts(const v1::Verdicts& verdicts, Lock& lock) {
  const auto found = pending_.find(verdicts.sequence());
  if (found == pending_.end()) return;  // too late: tick() has ended it
  const PendingSubBatch sub_batch = std::move(found->second);
  pending_.erase(found);
  in_flight_bytes_ -= sub_batch.bytes;
  lock.unlock();
  base::Result<void> result;
  if (verdicts.code() != 0) {
    result = base::fail(from_rpc_code(verdicts.code()), verdicts.message());
  }
  sub_batch.call->on_answer(sub_batch.number, verdicts.verdicts(), std::move(result));
  lock.lock();
}

void ClientStream::take_go_away(const v1::GoAway& go_away) {
  if (phase_ != Phase::kOpen) return;
  server_is_stopping_ |= go_away.stopping();
  owner_.on_go_away(*this);
}

// Writing.

void ClientStream::send(Lock& lock, std::uint64_t sequence, PendingSubBatch sub_batch,
                        v1::JudgeRequest&& message) {
  in_flight_bytes_ += sub_batch.bytes;
  pending_.emplace(sequence, std::move(sub_batch));
  call_->queue.push_back({.sequence = sequence, .message = std::move(message)});
  write_next(lock);
}

void ClientStream::retire() {
  CHECK(phase_ == Phase::kOpen);
  phase_ = Phase::kRetiring;
  if (is_writing_) return;  // on_written() goes on
  CHECK(call_->queue.empty());
  close_half();
}

// Starts what is to be written next. Unlocks while it calls gRPC, since that may take as long as a
// write to the socket.
void ClientStream::write_next(Lock& lock) {
  if (is_writing_ || is_broken()) return;
  if (!call_->queue.empty()) {
    Call::Queued& next = call_->queue.front();
    is_writing_ = true;
    call_->writing = std::move(next.message);
    pending_.at(next.sequence).is_sent = true;
    call_->queue.pop_front();
    grpc::WriteOptions options;
    if (!call_->queue.empty()) options.set_buffer_hint();
    lock.unlock();
    call_->StartWrite(&call_->writing, options);
    return lock.lock();
  }
  if (phase_ == Phase::kRetiring) close_half();
}

void ClientStream::close_half() {
  phase_ = Phase::kHalfClosed;
  is_writing_ = true;
  call_->StartWritesDone();
}

void ClientStream::on_written(bool ok) {
  Lock lock(mutex_);
  is_writing_ = false;
  if (!ok || is_broken()) return break_off();
  write_next(lock);
}

// The end.

// The stream can send nothing more; answers may still come. on_done() follows once no write is
// under way.
void ClientStream::break_off() {
  if (phase_ == Phase::kReleased) return;
  if (phase_ == Phase::kOpen) {
    was_open_ = true;
    owner_.on_broken(*this);
  }
  phase_ = Phase::kBroken;
  call_->queue.clear();
  if (is_writing_) return;
  phase_ = Phase::kReleased;
  call_->RemoveHold();
}

void ClientStream::on_done(const grpc::Status& status) {
  std::string reason = status.ok() ? "the server has ended the stream" : status.error_message();
  std::vector<EndedSubBatch> ended;
  {
    const Lock lock(mutex_);
    if (refusal_) reason = refusal_->message();
    for (auto& [sequence, sub_batch] : pending_) {
      base::Error error =
          sub_batch.is_sent
              ? base::Error(base::Code::kInternal, "the judge's server was lost before it answered")
              : base::Error(base::Code::kUnavailable, std::string(kNoServer));
      ended.emplace_back(std::move(sub_batch), std::move(error));
    }
    pending_.clear();
  }
  owner_.on_done(*this, std::move(reason), std::move(ended));
}

// Time.

void ClientStream::tick(base::Nanos now, std::vector<EndedSubBatch>& ended) {
  if (phase_ == Phase::kHandshake && now >= handshake_deadline_ && !refusal_) {
    refuse(base::Error(base::Code::kDeadlineExceeded, "no handshake came in time"));
  }
  // The deadlines are in the order of the sequences.
  while (!pending_.empty() && pending_.begin()->second.deadline <= now) {
    const auto oldest = pending_.begin();
    const std::uint64_t sequence = oldest->first;
    PendingSubBatch sub_batch = std::move(oldest->second);
    pending_.erase(oldest);
    in_flight_bytes_ -= sub_batch.bytes;
    std::erase_if(call_->queue,
                  [&](const Call::Queued& queued) { return queued.sequence == sequence; });
    base::Error error = sub_batch.is_sent ? base::Error(base::Code::kDeadlineExceeded,
                                                        "the judge's server did not answer in time")
                                          : base::Error(base::Code::kUnavailable,
                                                        "the judge's server reads no more");
    ended.emplace_back(std::move(sub_batch), std::move(error));
  }
}

}  // namespace estadio
