#include "estadio/rpc/judge_one_call.h"

#include <estadio/v1/judge.pb.h>
#include <fmt/format.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/server_callback.h>
#include <mutex>
#include <utility>

#include "estadio/rpc/one_entry.h"
#include "estadio/rpc/server_calls.h"
#include "estadio/rpc/status.h"

namespace estadio {
namespace {

// From kReading and kJudging a cancellation leads to kFinished too.
enum class Phase {
  kReading,   // gRPC reads the request, until `deadline_`
  kJudging,   // the judge has the entry
  kFinished,  // the status, and the answer if there is one, are on their way until `deadline_`
};

class JudgeOneCall final : public ServerCall, public grpc::ServerGenericBidiReactor {
 public:
  JudgeOneCall(ServerCalls& calls, grpc::CallbackServerContext& context)
      : calls_(calls), context_(context) {
    be_patient_from(calls.deps().clock.mono());
  }

  void start() {
    const auto admitted =
        calls_.admit(*this, ServerCalls::Kind::kOne, host_of_peer(context_.peer()));
    Lock lock(mutex_);
    if (!admitted) return refuse(lock, to_status(admitted.error()));
    // The server may have begun to stop meanwhile.
    if (phase_ == Phase::kReading) StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    Lock lock(mutex_);
    if (phase_ != Phase::kReading) return;
    if (!ok) {
      return finish(lock, to_status(base::Code::kInvalidArgument, "the request is missing"));
    }
    if (const std::size_t bytes = request_.Length(); bytes > JudgeServer::kJudgeOneBytesMax) {
      return refuse(lock, to_status(base::Code::kResourceExhausted,
                                    fmt::format("the request has {} bytes, and {} are allowed",
                                                bytes, JudgeServer::kJudgeOneBytesMax)));
    }
    if (auto read = read_request(); !read) return finish(lock, to_status(read.error()));
    phase_ = Phase::kJudging;
    ++holders_;
    lock.unlock();
    calls_.judge_one(batch_, {&verdict_, 1},
                     [this](const base::Result<void>& result) { answer(result); });
  }

  void OnCancel() override {
    Lock lock(mutex_);
    finish(lock, {grpc::StatusCode::CANCELLED, "the caller has gone, or its deadline has passed"});
  }

  void OnDone() override {
    calls_.remove(*this);
    Lock lock(mutex_);
    release(lock);
  }

  void tick(base::Nanos now) override {
    Lock lock(mutex_);
    if (phase_ == Phase::kJudging || now < deadline_) return;
    calls_.counters.calls_cut_off.fetch_add(1, std::memory_order_relaxed);
    if (phase_ == Phase::kReading) {
      return finish(lock,
                    to_status(base::Code::kDeadlineExceeded, "the request did not arrive in time"));
    }
    be_patient_from(now);  // cancels once
    lock.unlock();
    context_.TryCancel();
  }

  void stop(base::Nanos /*now*/) override {
    Lock lock(mutex_);
    if (phase_ != Phase::kReading) return;
    finish(lock, to_status(base::Code::kUnavailable, "the server is stopping"));
  }

 private:
  using Lock = std::unique_lock<std::mutex>;

  // Errors: kInvalidArgument, and those of read_one_entry().
  base::Result<void> read_request() {
    v1::JudgeOneRequest request;
    grpc::ProtoBufferReader reader(&request_);
    if (!reader.status().ok() || !request.ParseFromZeroCopyStream(&reader)) {
      return base::fail(base::Code::kInvalidArgument, "the request is malformed");
    }
    const JudgeServer::Dependencies& deps = calls_.deps();
    const std::int64_t now_ms = deps.clock.wall_ms();
    return read_one_entry(request,
                          {.contest = deps.contest,
                           .judged = calls_.judged(),
                           .times = {.earliest_ms = now_ms,
                                     .latest_ms = now_ms,
                                     .rule = deps.retry,
                                     .check = id_check_of(deps.end)}},
                          batch_);
  }

  // On any thread: the judge has answered.
  void answer(const base::Result<void>& result) {
    Lock lock(mutex_);
    v1::JudgeOneReply reply;
    if (auto written = write_one_verdict(batch_.entries.front(), verdict_, result, reply);
        !written) {
      finish(lock, to_status(written.error()));
    } else if (phase_ == Phase::kJudging) {
      const grpc::Slice slice(reply.SerializeAsString());
      reply_ = grpc::ByteBuffer(&slice, 1);
      enter_finished();
      lock.unlock();
      StartWriteAndFinish(&reply_, {}, grpc::Status::OK);
      lock.lock();
    }
    release(lock);
  }

  // The following with the lock held.

  void be_patient_from(base::Nanos now) { deadline_ = now + calls_.options().patience; }

  void enter_finished() {
    phase_ = Phase::kFinished;
    be_patient_from(calls_.deps().clock.mono());
  }

  void refuse(Lock& lock, const grpc::Status& status) {
    calls_.counters.ones_refused.fetch_add(1, std::memory_order_relaxed);
    finish(lock, status);
  }

  // Unlocks while it calls gRPC.
  void finish(Lock& lock, const grpc::Status& status) {
    if (phase_ == Phase::kFinished) return;
    enter_finished();
    lock.unlock();
    Finish(status);
    lock.lock();
  }

  // Deletes the call when its last holder lets go.
  void release(Lock& lock) {
    if (--holders_ > 0) return;
    ServerCalls& calls = calls_;
    lock.unlock();
    delete this;
    calls.leave();
  }

  ServerCalls& calls_;
  grpc::CallbackServerContext& context_;  // gRPC keeps it until OnDone()

  grpc::ByteBuffer request_;  // gRPC's while it reads
  grpc::ByteBuffer reply_;    // gRPC's once it writes
  EntryBatch batch_;          // the judge's in kJudging
  Verdict verdict_;

  std::mutex mutex_;
  // Guarded by mutex_.
  Phase phase_ = Phase::kReading;
  base::Nanos deadline_{};   // of the phase
  std::size_t holders_ = 1;  // gRPC until OnDone(), the judge until answer() returns
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* start_judge_one_call(
    ServerCalls& calls, grpc::CallbackServerContext& context) {
  auto* call = new JudgeOneCall(calls, context);
  call->start();
  return call;
}

}  // namespace estadio
