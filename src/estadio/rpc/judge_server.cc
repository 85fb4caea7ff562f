#include "estadio/rpc/judge_server.h"

#include <algorithm>
#include <climits>
#include <estadio/v1/judge.grpc.pb.h>
#include <fmt/format.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <mutex>
#include <utility>

#include "base/periodic_thread.h"
#include "estadio/rpc/batch_codec.h"
#include "estadio/rpc/handshake.h"
#include "estadio/rpc/judge_one_call.h"
#include "estadio/rpc/server_calls.h"
#include "estadio/rpc/server_stream.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kTickEvery{50};
constexpr int kReflectionThreadsMax = 2;
// gRPC cuts off callers that ping more often than this; ours do every ten seconds.
constexpr std::chrono::milliseconds kPingIntervalMin{5000};
// A connection must live long enough to be used.
constexpr std::chrono::milliseconds kConnectionAgeMin{1000};

class JudgeService final : public v1::Judge::CallbackService {
 public:
  explicit JudgeService(ServerCalls& calls) : calls_(calls) {}

  grpc::ServerBidiReactor<v1::JudgeRequest, v1::JudgeReply>* JudgeStream(
      grpc::CallbackServerContext* /*context*/) override {
    return start_server_stream(calls_);
  }
  grpc::ServerUnaryReactor* JudgeOne(grpc::CallbackServerContext* /*context*/,
                                     const v1::JudgeOneRequest* request,
                                     v1::JudgeOneReply* reply) override {
    return start_judge_one_call(calls_, *request, *reply);
  }

 private:
  ServerCalls& calls_;
};

base::Result<DisciplineMask> judged_disciplines(const JudgeServer::Options& options,
                                                const Contest& contest) {
  if (options.disciplines.empty()) return all_disciplines(contest);
  DisciplineMask judged = 0;
  for (const std::int64_t id : options.disciplines) {
    const auto discipline = contest.find_discipline(id);
    if (!discipline) {
      return base::fail(base::Code::kInvalidArgument,
                        fmt::format("the contest has no discipline {}; it has {}", id,
                                    names_of(all_disciplines(contest), contest)));
    }
    judged |= mask_of(*discipline);
  }
  return judged;
}

void set_limits(grpc::ServerBuilder& builder, const JudgeServer::Options& options) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMessageBytesMax));
  // The reflection service has a synchronous API: a thread waits in each of its calls.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, kReflectionThreadsMax);
  // With it, another process could listen on the same port and get half of the callers.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             static_cast<int>(std::clamp<std::int64_t>(
                                 options.stream_age.count(), kConnectionAgeMin.count(), INT_MAX)));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             static_cast<int>(kPingIntervalMin.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
}

}  // namespace

struct JudgeServer::Impl {
  Impl(Options options, Dependencies deps, DisciplineMask judged)
      : calls(std::move(options), std::move(deps), judged), service(calls) {}

  ServerCalls calls;
  JudgeService service;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
  std::once_flag stopped;
  std::optional<base::PeriodicThread> ticker;
};

JudgeServer::JudgeServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

JudgeServer::~JudgeServer() {
  stop(std::chrono::nanoseconds(0));
  impl_->calls.wait_until_left();
}

base::Result<std::unique_ptr<JudgeServer>> JudgeServer::open(Options options, Dependencies deps) {
  ASSIGN_OR_RETURN(const DisciplineMask judged, judged_disciplines(options, deps.contest));
  ASSIGN_OR_RETURN(const auto credentials, server_credentials(options.tls));
  auto impl = std::make_unique<Impl>(std::move(options), std::move(deps), judged);
  const Options& settled = impl->calls.options();

  // gRPC keeps both of these for all servers that a process makes from here on.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(settled.address, credentials, &impl->port);
  builder.RegisterService(&impl->service);
  set_limits(builder, settled);
  impl->server = builder.BuildAndStart();
  if (!impl->server || impl->port <= 0) {
    return base::fail(
        base::Code::kUnavailable,
        settled.tls ? fmt::format("cannot listen on {} with the certificate {} and the key {}",
                                  settled.address, settled.tls->certificate, settled.tls->key)
                    : fmt::format("cannot listen on {}", settled.address));
  }
  ServerCalls& calls = impl->calls;
  impl->ticker.emplace([&calls] {
    calls.tick();
    return kTickEvery;
  });
  auto server = std::unique_ptr<JudgeServer>(new JudgeServer(std::move(impl)));
  server->set_serving(false);
  return server;
}

int JudgeServer::port() const { return impl_->port; }

void JudgeServer::set_serving(bool is_serving) {
  grpc::HealthCheckServiceInterface* health = impl_->server->GetHealthCheckService();
  if (health == nullptr) return;
  health->SetServingStatus(is_serving);
  health->SetServingStatus(v1::Judge::service_full_name(), is_serving);
}

void JudgeServer::stop(std::chrono::nanoseconds patience) {
  std::call_once(impl_->stopped, [&] {
    set_serving(false);
    impl_->calls.begin_stopping();
    impl_->calls.wait_until_left(patience);
    // A deadline that has passed: a client that watches the health would never end its call.
    impl_->server->Shutdown(std::chrono::system_clock::now());
    impl_->server->Wait();
    impl_->ticker.reset();
  });
}

JudgeServer::Stats JudgeServer::stats() const { return impl_->calls.stats(); }

void write_metrics(base::MetricsWriter& metrics, const JudgeServer::Stats& stats) {
  metrics.gauge("estadio_judge_streams", "Streams of faculty servers open.", stats.streams_open);
  metrics.counter("estadio_judge_streams_refused_total",
                  "Streams that were refused: too many, or another contest.",
                  stats.streams_refused);
  metrics.counter("estadio_judge_go_aways_total",
                  "Streams whose callers were asked to open another.", stats.go_aways);
  metrics.counter("estadio_judge_batches_total", "Batches received.", stats.batches);
  metrics.counter("estadio_judge_batches_malformed_total",
                  "Batches that were refused as malformed.", stats.batches_malformed);
  metrics.counter("estadio_judge_entries_total", "Entries received.", stats.entries);
  metrics.counter("estadio_judge_pauses_total",
                  "Times that a stream was not read because too much of it was in flight.",
                  stats.pauses);
}

}  // namespace estadio
