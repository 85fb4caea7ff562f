#include "estadio/rpc/judge_channels.h"

#include <algorithm>
#include <climits>
#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>
#include <mutex>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/periodic_thread.h"
#include "base/units.h"
#include "estadio/rpc/judge_client.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kTickEvery{20};
// After the sum of these, a connection is lost whose server disappeared without closing it.
constexpr std::chrono::milliseconds kPingEvery{10'000};
constexpr std::chrono::milliseconds kPingTimeout{5'000};
// Names are looked up again when a connection ends, at most this often.
constexpr std::chrono::milliseconds kLookUpEvery{2'000};

base::Result<void> check(const JudgeChannels::Options& options) {
  const auto refuse = [](std::string message) {
    return base::fail(base::Code::kInvalidArgument, std::move(message));
  };
  if (options.addresses.empty() || options.addresses.size() > JudgeChannels::kAddressesMax) {
    return refuse(fmt::format("judges' addresses: expected 1 to {}, got {}",
                              JudgeChannels::kAddressesMax, options.addresses.size()));
  }
  for (const std::string& address : options.addresses) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos || colon == 0 ||
        !base::parse_integer(std::string_view(address).substr(colon + 1), 1, 65535)) {
      return refuse(
          fmt::format("'{}': expected host:port, as in discipline.example:9090", address));
    }
  }
  if (options.streams_per_address == 0 ||
      options.streams_per_address > JudgeChannels::kStreamsPerAddressMax) {
    return refuse(fmt::format("streams to each address: expected 1 to {}, got {}",
                              JudgeChannels::kStreamsPerAddressMax, options.streams_per_address));
  }
  return {};
}

grpc::ChannelArguments arguments_of(const JudgeChannels::Options& options) {
  const auto milliseconds = [](std::chrono::milliseconds time) {
    return static_cast<int>(std::clamp<std::int64_t>(time.count(), 1, INT_MAX));
  };
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, milliseconds(options.backoff_min));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, milliseconds(options.backoff_max));
  // In spite of its name, this limits how long an attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, milliseconds(options.handshake_timeout));
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, milliseconds(kLookUpEvery));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(kPingEvery));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(kPingTimeout));
  // The environment may name an HTTP proxy. It does not lead to our own servers.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

}  // namespace

struct JudgeChannels::Impl {
  Impl(Options options, const Dependencies& deps,
       std::vector<std::shared_ptr<grpc::Channel>> channels)
      : shared{.options = std::move(options),
               .deps = deps,
               .channels = std::move(channels),
               .counters = {}},
        clocks(deps.clock, deps.log) {}

  void tick() {
    const std::scoped_lock lock(mutex);
    readings.clear();
    for (JudgeClient* judge : judges) {
      judge->tick();
      judge->add_clocks(readings);
    }
    clocks.update(readings);
  }

  JudgeClientShared shared;
  RemoteClocks clocks;
  std::vector<RemoteClocks::Reading> readings;  // tick()'s alone
  mutable std::mutex mutex;
  // Guarded by mutex.
  std::set<JudgeClient*> judges;
  std::uint64_t judges_made = 0;

  std::optional<base::PeriodicThread> ticker;
};

JudgeChannels::JudgeChannels(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

JudgeChannels::~JudgeChannels() {
  impl_->ticker.reset();
  CHECK(impl_->judges.empty());
}

base::Result<std::unique_ptr<JudgeChannels>> JudgeChannels::open(Options options,
                                                                 const Dependencies& deps) {
  RETURN_IF_ERROR(check(options));
  ASSIGN_OR_RETURN(const auto credentials, channel_credentials(options.tls));
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  channels.reserve(options.addresses.size());
  for (const std::string& address : options.addresses) {
    channels.push_back(grpc::CreateCustomChannel(address, credentials, arguments_of(options)));
  }
  auto impl = std::make_unique<Impl>(std::move(options), deps, std::move(channels));
  Impl& running = *impl;
  impl->ticker.emplace([&running] {
    running.tick();
    return kTickEvery;
  });
  return std::unique_ptr<JudgeChannels>(new JudgeChannels(std::move(impl)));
}

std::unique_ptr<Judge> JudgeChannels::make_judge() {
  std::uint64_t seed = impl_->shared.options.seed;
  {
    const std::scoped_lock lock(impl_->mutex);
    seed += ++impl_->judges_made;
  }
  return std::make_unique<JudgeClient>(impl_->shared, impl_->judges, impl_->mutex, seed);
}

std::optional<std::string> JudgeChannels::unready_reason() const {
  const std::scoped_lock lock(impl_->mutex);
  for (const JudgeClient* judge : impl_->judges) {
    if (auto reason = judge->unready_reason()) return reason;
  }
  return impl_->judges.empty() ? std::optional<std::string>("there is no judge yet") : std::nullopt;
}

void JudgeChannels::stop() {
  const std::scoped_lock lock(impl_->mutex);
  for (JudgeClient* judge : impl_->judges) judge->stop();
}

const RemoteClocks& JudgeChannels::clocks() const { return impl_->clocks; }

JudgeChannels::Stats JudgeChannels::stats() const {
  Stats stats;
  const JudgeClientShared::Counters& counters = impl_->shared.counters;
  stats.streams_failed = counters.streams_failed.load(std::memory_order_relaxed);
  stats.go_aways = counters.go_aways.load(std::memory_order_relaxed);
  stats.messages = counters.messages.load(std::memory_order_relaxed);
  stats.entries = counters.entries.load(std::memory_order_relaxed);
  stats.entries_refused = counters.entries_refused.load(std::memory_order_relaxed);
  stats.entries_unknown = counters.entries_unknown.load(std::memory_order_relaxed);
  const std::scoped_lock lock(impl_->mutex);
  for (const JudgeClient* judge : impl_->judges) stats.streams_open += judge->streams_open();
  return stats;
}

void write_metrics(base::MetricsWriter& metrics, const JudgeChannels::Stats& stats) {
  metrics.gauge("estadio_judge_client_streams", "Streams to discipline servers open.",
                stats.streams_open);
  metrics.counter("estadio_judge_client_streams_failed_total",
                  "Streams to discipline servers that broke or could not be opened.",
                  stats.streams_failed);
  metrics.counter("estadio_judge_client_go_aways_total",
                  "Streams that were replaced because their server asked for it.", stats.go_aways);
  metrics.counter("estadio_judge_client_batches_total", "Batches sent.", stats.messages);
  metrics.counter("estadio_judge_client_entries_total", "Entries sent.", stats.entries);
  metrics.counter("estadio_judge_client_entries_refused_total",
                  "Entries that no discipline server accepted.", stats.entries_refused);
  metrics.counter("estadio_judge_client_entries_unknown_total",
                  "Entries that were sent and got no answer.", stats.entries_unknown);
}

}  // namespace estadio
