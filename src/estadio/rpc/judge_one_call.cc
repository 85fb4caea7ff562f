#include "estadio/rpc/judge_one_call.h"

#include <atomic>
#include <estadio/v1/judge.pb.h>
#include <grpcpp/support/server_callback.h>
#include <utility>

#include "estadio/rpc/one_entry.h"
#include "estadio/rpc/server_calls.h"
#include "estadio/rpc/status.h"

namespace estadio {
namespace {

class JudgeOneCall final : public grpc::ServerUnaryReactor {
 public:
  JudgeOneCall(ServerCalls& calls, v1::JudgeOneReply& reply) : calls_(calls), reply_(reply) {}

  void start(const v1::JudgeOneRequest& request) {
    const bool is_open = calls_.enter();
    const std::size_t before =
        calls_.counters.judge_one_calls.fetch_add(1, std::memory_order_relaxed);
    if (!is_open) return finish(to_status(base::Code::kUnavailable, "the server is stopping"));
    if (before >= JudgeServer::kJudgeOneCallsMax) {
      return finish(to_status(base::Code::kResourceExhausted,
                              "too many calls are under way: call again later"));
    }
    const JudgeServer::Dependencies& deps = calls_.deps();
    const std::int64_t now_ms = deps.clock.wall_ms();
    auto read =
        read_one_entry(request,
                       {.contest = deps.contest,
                        .judged = calls_.judged(),
                        .times = {.earliest_ms = now_ms, .latest_ms = now_ms, .rule = deps.retry}},
                       batch_);
    if (!read) return finish(to_status(read.error()));
    holders_.fetch_add(1, std::memory_order_relaxed);
    calls_.judge_one(batch_, {&verdict_, 1},
                     [this](const base::Result<void>& result) { answer(result); });
  }

  void OnCancel() override {
    finish({grpc::StatusCode::CANCELLED, "the caller has gone, or its deadline has passed"});
  }

  void OnDone() override { release(); }

 private:
  void answer(const base::Result<void>& result) {
    // After a cancellation gRPC may have destroyed the reply.
    if (!is_finished_.test_and_set(std::memory_order_acq_rel)) {
      auto written = write_one_verdict(batch_.entries.front(), verdict_, result, reply_);
      Finish(written ? grpc::Status::OK : to_status(written.error()));
    }
    release();
  }

  void finish(grpc::Status status) {
    if (!is_finished_.test_and_set(std::memory_order_acq_rel)) Finish(std::move(status));
  }

  // Deletes the call when its last holder lets go.
  void release() {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    ServerCalls& calls = calls_;
    delete this;
    calls.counters.judge_one_calls.fetch_sub(1, std::memory_order_relaxed);
    calls.leave();
  }

  ServerCalls& calls_;
  v1::JudgeOneReply& reply_;
  EntryBatch batch_;
  Verdict verdict_;
  std::atomic<int> holders_{1};  // gRPC until OnDone(), the judge until answer() returns
  std::atomic_flag is_finished_;
};

}  // namespace

grpc::ServerUnaryReactor* start_judge_one_call(ServerCalls& calls,
                                               const v1::JudgeOneRequest& request,
                                               v1::JudgeOneReply& reply) {
  auto* call = new JudgeOneCall(calls, reply);
  call->start(request);
  return call;
}

}  // namespace estadio
