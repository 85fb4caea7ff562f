#include "estadio/rpc/server_stream.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <estadio/v1/judge.pb.h>
#include <fmt/format.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "estadio/dedup/judge_clocks.h"
#include "estadio/rpc/batch_codec.h"
#include "estadio/rpc/handshake.h"
#include "estadio/rpc/server_calls.h"
#include "estadio/rpc/status.h"

namespace estadio {
namespace {

constexpr std::size_t kBatchBytesLeast = 256;  // what a batch and its answer take, however short
constexpr std::size_t kLoggedBytes = 512;      // of a caller's text

// The phases of a stream. "Reads" means: gRPC reads the next message, or a message is being
// handled.
//
//   kHandshake --the handshake--> kOpen <-----the bytes in flight-----> kPaused
//       |                           |                                     |
//       |                    old, or the server stops              old, or the server stops
//       |                           v                                     v
//       |                      kGoingAway <---the bytes in flight---> kGoingAwayPaused
//       |                           |                                     |
//       |  the caller half-closes, breaks the protocol, or lets the deadline pass
//       +---------------------------+-------------------------------------+
//                                   v
//                                kEnding --all answers and the status are sent--> kFinished
//
// When the server stops, kHandshake becomes kEnding too. From every phase but kFinished, the call's
// cancellation or a failed write leads to kCutOff. From there kFinished follows as soon as no write
// is under way. The server cancels the call of a caller that does not read in time: in kEnding once
// all batches are answered, and in kFinished.
enum class Phase {
  kHandshake,        // reads, until `deadline_`
  kOpen,             // reads batches; gets a GoAway at `deadline_`
  kPaused,           // as kOpen, but does not read
  kGoingAway,        // reads batches until the caller half-closes, or until `deadline_`
  kGoingAwayPaused,  // as kGoingAway, but does not read
  kEnding,           // does not read; writes the answers to all batches until `deadline_`, then the
                     // status
  kCutOff,           // does not read; a write is under way, and nothing is written after it
  kFinished,         // Finish() was called; the status is on its way until `deadline_`
};

enum class GoAwayReason { kAge, kStopping };

// An idle stream shows its caller the server's clock this often.
constexpr std::chrono::seconds kClockEvery{1};

bool reads(Phase phase) {
  return phase == Phase::kHandshake || phase == Phase::kOpen || phase == Phase::kGoingAway;
}

// A batch under way.
struct Batch {
  std::uint64_t sequence = 0;
  std::size_t bytes = 0;
  EntryBatch entries;
  std::vector<Verdict> verdicts;
};

struct Reply {
  v1::JudgeReply message;
  std::size_t bytes = 0;  // of the batch that it answers
};

// The gRPC call of a stream. It lives until its last holder lets go.
class JudgeStreamCall final : public ServerCall,
                              public grpc::ServerBidiReactor<v1::JudgeRequest, v1::JudgeReply> {
 public:
  JudgeStreamCall(ServerCalls& calls, grpc::CallbackServerContext& context)
      : calls_(calls),
        context_(context),
        deadline_(calls.deps().clock.mono() + calls.options().patience) {}

  void start();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void tick(base::Nanos now) override;
  void stop(base::Nanos now) override;

 private:
  using Lock = std::unique_lock<std::mutex>;

  // OnReadDone() alone calls the following, one at a time. What they alone use needs no lock.
  void take_handshake();
  void judge_batch();
  Batch& take_batch(const v1::Batch& message);
  void refuse(const grpc::Status& status);
  void read_on();

  // On any thread: the judge has answered `batch`.
  void answer(Batch& batch, const base::Result<void>& result);

  // The following with the lock held.
  void end(const grpc::Status& status);
  void cut_off();
  void be_patient_from(base::Nanos now) { deadline_ = now + calls_.options().patience; }
  void cancel(Lock& lock);
  bool resume_reading();
  void show_clock(base::Nanos now);
  void send_go_away(base::Nanos now, GoAwayReason reason);
  void proceed(Lock& lock);
  void write_next(Lock& lock);
  void finish(Lock& lock, const grpc::Status& status);
  void release(Lock& lock);

  ServerCalls& calls_;
  grpc::CallbackServerContext& context_;  // gRPC keeps it until OnDone()

  v1::JudgeRequest request_;  // gRPC's while it reads
  // OnReadDone() alone uses these.
  CallerIndexes caller_;
  std::unique_ptr<Judge> judge_;  // from the handshake on

  std::mutex mutex_;
  // Guarded by mutex_.
  Phase phase_ = Phase::kHandshake;
  base::Nanos deadline_;  // of the phase; in kEnding each answer of the judge puts it off
  grpc::Status status_;   // of kEnding
  std::deque<Reply> replies_;
  std::optional<Reply> writing_;                 // the reply that gRPC writes
  std::vector<std::unique_ptr<Batch>> batches_;  // all that were made
  std::vector<Batch*> spare_batches_;
  std::size_t in_flight_ = 0;        // batches at the judge
  std::size_t in_flight_bytes_ = 0;  // of batches whose verdicts are not sent
  base::Nanos written_at_{};         // the last reply
  std::size_t holders_ = 1;          // gRPC until OnDone(), each batch until answer() returns
};

void JudgeStreamCall::start() {
  const auto admitted =
      calls_.admit(*this, ServerCalls::Kind::kStream, host_of_peer(context_.peer()));
  Lock lock(mutex_);
  if (!admitted) end(to_status(admitted.error()));
  // With the lock held, so that tick() does not finish the call before. The server may have begun
  // to stop meanwhile.
  if (reads(phase_)) return StartRead(&request_);
  calls_.counters.streams_refused.fetch_add(1, std::memory_order_relaxed);
  proceed(lock);
}

// What gRPC reports.

void JudgeStreamCall::OnReadDone(bool ok) {
  {
    Lock lock(mutex_);
    // The caller has half-closed, or is gone.
    if (!ok) end(grpc::Status::OK);
    if (!reads(phase_)) return proceed(lock);
  }
  switch (request_.kind_case()) {
    case v1::JudgeRequest::kHandshake: take_handshake(); break;
    case v1::JudgeRequest::kBatch: judge_batch(); break;
    case v1::JudgeRequest::KIND_NOT_SET:
      refuse(to_status(base::Code::kInvalidArgument, "kind: expected a handshake or a batch"));
      break;
  }
  read_on();
}

void JudgeStreamCall::OnWriteDone(bool ok) {
  Lock lock(mutex_);
  in_flight_bytes_ -= writing_->bytes;
  writing_.reset();
  if (!ok) cut_off();
  const bool is_resumed = resume_reading();
  proceed(lock);
  const bool reads_on = is_resumed && reads(phase_);
  lock.unlock();
  if (reads_on) StartRead(&request_);
}

void JudgeStreamCall::OnCancel() {
  Lock lock(mutex_);
  cut_off();
  proceed(lock);
}

void JudgeStreamCall::OnDone() {
  calls_.remove(*this);
  Lock lock(mutex_);
  release(lock);
}

// Time.

void JudgeStreamCall::tick(base::Nanos now) {
  Lock lock(mutex_);
  switch (phase_) {
    case Phase::kHandshake:
      if (now < deadline_) return;
      end(to_status(base::Code::kDeadlineExceeded, "no handshake came in time"));
      break;
    case Phase::kOpen:
    case Phase::kPaused:
      if (now >= deadline_) send_go_away(now, GoAwayReason::kAge);
      show_clock(now);
      break;
    case Phase::kGoingAway:
    case Phase::kGoingAwayPaused:
      if (now >= deadline_) {
        end(to_status(base::Code::kUnavailable,
                      "the caller did not close the stream after GoAway"));
      }
      show_clock(now);
      break;
    case Phase::kEnding:
    case Phase::kFinished:
      // While batches are at the judge, the caller is not to blame.
      if (in_flight_ > 0 || now < deadline_) return;
      be_patient_from(now);  // cancels once
      return cancel(lock);
    case Phase::kCutOff: return;
  }
  proceed(lock);
}

void JudgeStreamCall::stop(base::Nanos now) {
  Lock lock(mutex_);
  switch (phase_) {
    case Phase::kHandshake:
      end(to_status(base::Code::kUnavailable, "the server is stopping"));
      break;
    case Phase::kOpen:
    case Phase::kPaused:
    case Phase::kGoingAway:
    case Phase::kGoingAwayPaused: send_go_away(now, GoAwayReason::kStopping); break;
    case Phase::kEnding:
    case Phase::kCutOff:
    case Phase::kFinished: return;
  }
  proceed(lock);
}

// Messages.

void JudgeStreamCall::take_handshake() {
  if (judge_) return refuse(to_status(base::Code::kInvalidArgument, "handshake: it comes once"));
  auto caller = read_handshake_request(request_.handshake(), calls_.party(), calls_.judged());
  if (!caller) {
    calls_.counters.streams_refused.fetch_add(1, std::memory_order_relaxed);
    // The error holds the caller's names, which may be long.
    calls_.deps().log.warning("refused the handshake of a caller",
                              {{"error", caller.error().message().substr(0, kLoggedBytes)}});
    return refuse(to_status(caller.error()));
  }
  caller_ = *std::move(caller);
  judge_ = calls_.take_judge();
  Reply reply;
  write_handshake_response(calls_.party(), caller_, *reply.message.mutable_handshake());
  const base::Nanos go_away_at = calls_.draw_go_away_at();
  Lock lock(mutex_);
  if (phase_ != Phase::kHandshake) return;  // it was ended meanwhile
  phase_ = Phase::kOpen;
  deadline_ = go_away_at;
  replies_.push_back(std::move(reply));
  proceed(lock);
}

void JudgeStreamCall::judge_batch() {
  if (!judge_) {
    return refuse(
        to_status(base::Code::kFailedPrecondition, "batch: the first message is a handshake"));
  }
  const v1::Batch& message = request_.batch();
  Batch& batch = take_batch(message);
  calls_.counters.batches.fetch_add(1, std::memory_order_relaxed);
  if (auto decoded = decode_batch(message, caller_, batch.entries); !decoded) {
    calls_.counters.batches_malformed.fetch_add(1, std::memory_order_relaxed);
    calls_.deps().log.warning("a malformed batch", {{"error", decoded.error()}});
    batch.verdicts.clear();
    return answer(batch, decoded);
  }
  calls_.counters.entries.fetch_add(batch.entries.entries.size(), std::memory_order_relaxed);
  batch.verdicts.assign(batch.entries.entries.size(), Verdict());
  judge_->judge(batch.entries, batch.verdicts,
                [this, &batch](const base::Result<void>& result) { answer(batch, result); });
}

Batch& JudgeStreamCall::take_batch(const v1::Batch& message) {
  const std::scoped_lock lock(mutex_);
  if (spare_batches_.empty()) {
    batches_.push_back(std::make_unique<Batch>());
    spare_batches_.push_back(batches_.back().get());
  }
  Batch& batch = *spare_batches_.back();
  spare_batches_.pop_back();
  batch.sequence = message.sequence();
  // An empty batch has an answer too.
  batch.bytes = std::max(message.ByteSizeLong(), kBatchBytesLeast);
  in_flight_bytes_ += batch.bytes;
  ++in_flight_;
  ++holders_;
  return batch;
}

void JudgeStreamCall::refuse(const grpc::Status& status) {
  Lock lock(mutex_);
  end(status);
  proceed(lock);
}

void JudgeStreamCall::read_on() {
  {
    const std::scoped_lock lock(mutex_);
    if (!reads(phase_)) return;
    if (in_flight_bytes_ >= calls_.options().in_flight_bytes) {
      phase_ = phase_ == Phase::kOpen ? Phase::kPaused : Phase::kGoingAwayPaused;
      calls_.counters.pauses.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  StartRead(&request_);
}

void JudgeStreamCall::answer(Batch& batch, const base::Result<void>& result) {
  Reply reply;
  reply.bytes = batch.bytes;
  v1::Verdicts& verdicts = *reply.message.mutable_verdicts();
  verdicts.set_sequence(batch.sequence);
  verdicts.set_verdicts(encode_verdicts(batch.verdicts));
  if (!result) {
    verdicts.set_code(to_rpc_code(result.error().code()));
    verdicts.set_message(to_status_text(result.error().message()));
  }
  Lock lock(mutex_);
  spare_batches_.push_back(&batch);
  --in_flight_;
  if (phase_ == Phase::kEnding) be_patient_from(calls_.deps().clock.mono());
  replies_.push_back(std::move(reply));
  proceed(lock);
  release(lock);
}

// With the lock held.

// Reads nothing more. proceed() sends the status once all batches are answered.
void JudgeStreamCall::end(const grpc::Status& status) {
  switch (phase_) {
    case Phase::kHandshake:
    case Phase::kOpen:
    case Phase::kPaused:
    case Phase::kGoingAway:
    case Phase::kGoingAwayPaused:
      phase_ = Phase::kEnding;
      be_patient_from(calls_.deps().clock.mono());
      status_ = status;
      break;
    case Phase::kEnding:
    case Phase::kCutOff:
    case Phase::kFinished: break;
  }
}

void JudgeStreamCall::cut_off() {
  if (phase_ != Phase::kFinished) phase_ = Phase::kCutOff;
}

// gRPC then reports OnCancel(), and fails the write that is under way.
void JudgeStreamCall::cancel(Lock& lock) {
  calls_.counters.calls_cut_off.fetch_add(1, std::memory_order_relaxed);
  lock.unlock();
  context_.TryCancel();
  lock.lock();
}

// Returns whether a pause is over. Then the next read must be started.
bool JudgeStreamCall::resume_reading() {
  const bool is_paused = phase_ == Phase::kPaused || phase_ == Phase::kGoingAwayPaused;
  if (!is_paused || in_flight_bytes_ >= calls_.options().in_flight_bytes) return false;
  phase_ = phase_ == Phase::kPaused ? Phase::kOpen : Phase::kGoingAway;
  return true;
}

// Queues a reply that only shows the time, unless one was sent lately.
void JudgeStreamCall::show_clock(base::Nanos now) {
  if (now - written_at_ >= kClockEvery && replies_.empty() && !writing_) replies_.emplace_back();
}

// REQUIRES: a phase after the handshake in which batches come.
void JudgeStreamCall::send_go_away(base::Nanos now, GoAwayReason reason) {
  if (phase_ == Phase::kOpen) phase_ = Phase::kGoingAway;
  if (phase_ == Phase::kPaused) phase_ = Phase::kGoingAwayPaused;
  be_patient_from(now);
  calls_.counters.go_aways.fetch_add(1, std::memory_order_relaxed);
  Reply reply;
  reply.message.mutable_go_away()->set_stopping(reason == GoAwayReason::kStopping);
  replies_.push_back(std::move(reply));
}

// Starts the next write, or finishes the call. Unlocks while it calls gRPC, since that may take as
// long as a write to the socket.
void JudgeStreamCall::proceed(Lock& lock) {
  if (writing_ || phase_ == Phase::kFinished) return;
  if (phase_ == Phase::kCutOff) {
    return finish(lock, to_status(base::Code::kUnavailable, "the stream was cut off"));
  }
  if (!replies_.empty()) return write_next(lock);
  if (phase_ == Phase::kEnding && in_flight_ == 0) finish(lock, status_);
}

void JudgeStreamCall::write_next(Lock& lock) {
  writing_ = std::move(replies_.front());
  replies_.pop_front();
  writing_->message.set_now_ms(calls_.deps().clock.wall_ms());
  writing_->message.set_ending(id_check_of(calls_.deps().end) == IdCheck::kAnyTime);
  written_at_ = calls_.deps().clock.mono();
  grpc::WriteOptions options;
  if (!replies_.empty()) options.set_buffer_hint();
  lock.unlock();
  StartWrite(&writing_->message, options);
  lock.lock();
}

void JudgeStreamCall::finish(Lock& lock, const grpc::Status& status) {
  phase_ = Phase::kFinished;
  be_patient_from(calls_.deps().clock.mono());
  lock.unlock();
  Finish(status);
  lock.lock();
}

// Deletes the call when its last holder lets go.
void JudgeStreamCall::release(Lock& lock) {
  if (--holders_ > 0) return;
  ServerCalls& calls = calls_;
  auto judge = std::move(judge_);
  lock.unlock();
  delete this;
  calls.give_back(std::move(judge));
  calls.leave();
}

}  // namespace

grpc::ServerBidiReactor<v1::JudgeRequest, v1::JudgeReply>* start_server_stream(
    ServerCalls& calls, grpc::CallbackServerContext& context) {
  auto* stream = new JudgeStreamCall(calls, context);
  stream->start();
  return stream;
}

}  // namespace estadio
