#include "estadio/rpc/judge_server.h"

#include <algorithm>
#include <climits>
#include <estadio/v1/judge.grpc.pb.h>
#include <fmt/format.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <mutex>
#include <string_view>
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
constexpr int kReflectionPollersMax = 2;
constexpr int kReflectionThreadsMax = 8;  // beyond it reflection ends with RESOURCE_EXHAUSTED
// As many as a peer may have in all. A gRPC client holds further calls back.
constexpr int kStreamsPerConnectionMax = 256;
// What a stream takes of the messages that nothing reads yet.
constexpr int kLookaheadBytes = 256 << 10;
// gRPC cuts off callers that ping more often than this; ours do every ten seconds.
constexpr std::chrono::milliseconds kPingIntervalMin{5000};
constexpr int kPingStrikesMax = 2;
// The server pings too, and ends connections to hosts that have vanished or never read.
constexpr std::chrono::milliseconds kPingEvery{30'000};
constexpr std::chrono::milliseconds kPingTimeout{10'000};
// A connection must live long enough to be used.
constexpr std::chrono::milliseconds kConnectionAgeMin{1000};
constexpr std::chrono::milliseconds kHandshakeTimeoutMin{1000};
constexpr std::chrono::milliseconds kConnectionIdle{60'000};  // without a call

// JudgeOneService has the other method.
using StreamService = v1::Judge::WithGenericMethod_JudgeOne<
    v1::Judge::WithCallbackMethod_JudgeStream<v1::Judge::Service>>;

class JudgeStreamService final : public StreamService {
 public:
  explicit JudgeStreamService(ServerCalls& calls) : calls_(calls) {}

  grpc::ServerBidiReactor<v1::JudgeRequest, v1::JudgeReply>* JudgeStream(
      grpc::CallbackServerContext* context) override {
    return start_server_stream(calls_, *context);
  }

 private:
  ServerCalls& calls_;
};

// Gets the calls of all methods that no other service has.
class JudgeOneService final : public grpc::CallbackGenericService {
 public:
  explicit JudgeOneService(ServerCalls& calls) : calls_(calls) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (context->method() != kJudgeOnePath) return CallbackGenericService::CreateReactor(context);
    return start_judge_one_call(calls_, *context);
  }

 private:
  static constexpr std::string_view kJudgeOnePath = "/estadio.v1.Judge/JudgeOne";

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

int to_arg(std::chrono::milliseconds time, std::chrono::milliseconds least) {
  return static_cast<int>(std::clamp<std::int64_t>(time.count(), least.count(), INT_MAX));
}

// Connections end in every case: those that are old, idle, silent, or ping too often.
void set_connection_limits(grpc::ServerBuilder& builder, const JudgeServer::Options& options) {
  const auto set = [&](const char* name, int value) { builder.AddChannelArgument(name, value); };
  set(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, to_arg(options.patience, kHandshakeTimeoutMin));
  set(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnectionMax);
  set(GRPC_ARG_MAX_CONNECTION_IDLE_MS, static_cast<int>(kConnectionIdle.count()));
  set(GRPC_ARG_MAX_CONNECTION_AGE_MS, to_arg(options.stream_age, kConnectionAgeMin));
  // A stream that began just before its connection was old ends by itself: it gets its GoAway at
  // 120 % of its age, then it has `patience` to close, and as much to read the last answers.
  set(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
      to_arg(options.stream_age * 6 / 5 + 3 * options.patience, kConnectionAgeMin));
  set(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      static_cast<int>(kPingIntervalMin.count()));
  set(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kPingStrikesMax);
  set(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  set(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(kPingEvery.count()));
  set(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(kPingTimeout.count()));
}

void set_memory_limits(grpc::ServerBuilder& builder, const JudgeServer::Options& options) {
  grpc::ResourceQuota quota("JudgeServer");
  quota.Resize(options.memory_bytes);
  // The reflection service has a synchronous API: a thread waits in each of its calls.
  quota.SetMaxThreads(kReflectionThreadsMax);
  builder.SetResourceQuota(quota);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, kReflectionPollersMax);
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMessageBytesMax));
  // gRPC checks the size of a compressed message, and expands it a thousandfold.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  // Else a fast caller gets a window of many megabytes on a stream that is not read.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kLookaheadBytes);
  // With it, another process could listen on the same port and get half of the callers.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

struct JudgeServer::Impl {
  Impl(Options options, Dependencies deps, DisciplineMask judged)
      : calls(std::move(options), std::move(deps), judged),
        stream_service(calls),
        one_service(calls) {}

  ServerCalls calls;
  JudgeStreamService stream_service;
  JudgeOneService one_service;
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
  builder.RegisterService(&impl->stream_service);
  builder.RegisterCallbackGenericService(&impl->one_service);
  set_memory_limits(builder, settled);
  set_connection_limits(builder, settled);
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
  metrics.gauge("estadio_judge_one_calls", "JudgeOne calls under way.", stats.ones_under_way);
  metrics.counter("estadio_judge_one_calls_refused_total",
                  "JudgeOne calls that were refused: too many, or too large.", stats.ones_refused);
  metrics.counter("estadio_judge_peer_refusals_total",
                  "Streams and JudgeOne calls that were refused because their peer had too many.",
                  stats.peers_refused);
  metrics.counter("estadio_judge_calls_cut_off_total",
                  "Calls that were cut off because their callers did not send or read in time.",
                  stats.calls_cut_off);
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
