#include "estadio/rpc/judge_client.h"

#include <algorithm>
#include <chrono>
#include <estadio/v1/judge.pb.h>
#include <fmt/format.h>
#include <utility>

#include "base/check.h"
#include "estadio/rpc/batch_codec.h"
#include "estadio/rpc/judge_call.h"

namespace estadio {

JudgeClient::JudgeClient(JudgeClientShared& shared, std::set<JudgeClient*>& registry,
                         std::mutex& registry_mutex, std::uint64_t seed)
    : shared_(shared), registry_(registry), registry_mutex_(registry_mutex), random_(seed) {
  {
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < shared_.channels.size(); ++i) {
      for (std::size_t j = 0; j < shared_.options.streams_per_address; ++j) {
        slots_.push_back({.address = i,
                          .next_at = {},
                          .backoff = shared_.options.backoff_min,
                          .last_error = "no handshake yet"});
      }
    }
    for (std::size_t i = 0; i < slots_.size(); ++i) open(slots_[i], i);
  }
  const std::scoped_lock lock(registry_mutex_);
  registry_.insert(this);
}

JudgeClient::~JudgeClient() {
  {
    const std::scoped_lock lock(registry_mutex_);
    registry_.erase(this);
  }
  stop();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return streams_alive_ == 0; });
}

void JudgeClient::stop() {
  const std::scoped_lock lock(mutex_);
  is_stopping_ = true;
  for (const auto& [stream, owner] : streams_) stream->cancel();
}

// Streams.

void JudgeClient::open(StreamSlot& slot, std::size_t number) {
  const ClientStream::Options options{
      .slot = number,
      .caller = shared_.party(),
      .handshake_deadline = shared_.deps.clock.mono() + shared_.options.handshake_timeout,
      .clock = shared_.deps.clock};
  auto owner = std::make_unique<ClientStream>(*this, mutex_, options);
  ClientStream& stream = *owner;
  streams_.emplace(&stream, std::move(owner));
  ++streams_alive_;
  slot.next = &stream;
  slot.next_at.reset();
  stream.start(shared_.channels[slot.address]);
}

base::Result<void> JudgeClient::on_handshake(ClientStream& stream,
                                             const ClientStream::ServerInfo& server) {
  RETURN_IF_ERROR(compare_with_others(server));
  StreamSlot& slot = slots_[stream.slot()];
  if (ClientStream* old = std::exchange(slot.current, &stream)) {
    old->retire();
  } else {
    shared_.deps.log.info("a judge's server is there",
                          {{"address", shared_.options.addresses[slot.address]},
                           {"disciplines", names_of(server.judged, shared_.deps.contest)}});
  }
  slot.next = nullptr;
  slot.backoff = shared_.options.backoff_min;
  slot.last_error.clear();
  return {};
}

// An id must have the same outcome wherever it is judged, and all results are in one log.
base::Result<void> JudgeClient::compare_with_others(const ClientStream::ServerInfo& server) const {
  for (const StreamSlot& slot : slots_) {
    if (slot.current == nullptr) continue;
    const std::string& address = shared_.options.addresses[slot.address];
    const ClientStream::ServerInfo& other = slot.current->server();
    if (!other.coin_commitment.empty() && !server.coin_commitment.empty() &&
        other.coin_commitment != server.coin_commitment) {
      return base::fail(base::Code::kFailedPrecondition,
                        fmt::format("its coin's commitment is {}, that of {} is {}",
                                    server.coin_commitment, address, other.coin_commitment));
    }
    if (other.started_at_ms != 0 && server.started_at_ms != 0 &&
        other.started_at_ms != server.started_at_ms) {
      return base::fail(base::Code::kFailedPrecondition,
                        fmt::format("its contest began at {}, that of {} at {} (ms since 1970): "
                                    "they keep their results in different topics",
                                    server.started_at_ms, address, other.started_at_ms));
    }
    if (other.retry_window_ms != server.retry_window_ms) {
      return base::fail(base::Code::kFailedPrecondition,
                        fmt::format("its retry window is {} ms, that of {} is {} ms",
                                    server.retry_window_ms, address, other.retry_window_ms));
    }
  }
  return {};
}

void JudgeClient::on_go_away(ClientStream& stream) {
  shared_.counters.go_aways.fetch_add(1, std::memory_order_relaxed);
  StreamSlot& slot = slots_[stream.slot()];
  if (slot.next != nullptr || is_stopping_) return;
  open(slot, stream.slot());
}

void JudgeClient::on_broken(ClientStream& stream) { slots_[stream.slot()].current = nullptr; }

void JudgeClient::on_done(ClientStream& stream, std::string reason,
                          std::vector<EndedSubBatch> ended) {
  std::unique_ptr<ClientStream> owner;
  {
    const Lock lock(mutex_);
    StreamSlot& slot = slots_[stream.slot()];
    if (slot.next == &stream) {
      slot.next = nullptr;
      // The old stream stays, unless its server stops.
      if (slot.current != nullptr && slot.current->server_is_stopping()) {
        std::exchange(slot.current, nullptr)->retire();
      }
      try_later(slot, std::move(reason));
    } else if (stream.was_open() && slot.next == nullptr) {
      try_later(slot, std::move(reason));
    }
    owner = std::move(streams_.extract(&stream).mapped());
  }
  end(std::move(ended));
  // A stream shares its channel. gRPC must not destroy a channel on its own threads, where it would
  // wait for itself. So destroy the stream while the judge, and with it the channel, still exists.
  owner.reset();
  const Lock lock(mutex_);
  --streams_alive_;
  changed_.notify_all();
}

void JudgeClient::try_later(StreamSlot& slot, std::string error) {
  const std::chrono::nanoseconds half = slot.backoff / 2;
  slot.next_at = shared_.deps.clock.mono() + half +
                 std::chrono::nanoseconds(
                     std::uniform_int_distribution<std::int64_t>(0, half.count())(random_));
  slot.backoff = std::min<std::chrono::nanoseconds>(slot.backoff * 2, shared_.options.backoff_max);
  if (is_stopping_) return;
  shared_.counters.streams_failed.fetch_add(1, std::memory_order_relaxed);
  // The same error is logged once, however often the attempt is repeated.
  if (slot.last_error != error) {
    shared_.deps.log.warning(
        "no stream to a judge's server",
        {{"address", shared_.options.addresses[slot.address]}, {"error", error}});
  }
  slot.last_error = std::move(error);
}

// Time.

void JudgeClient::tick() {
  std::vector<EndedSubBatch> ended;
  {
    const Lock lock(mutex_);
    if (is_stopping_) return;
    const base::Nanos now = shared_.deps.clock.mono();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      StreamSlot& slot = slots_[i];
      if (slot.next_at && slot.next == nullptr && now >= *slot.next_at) open(slot, i);
    }
    for (const auto& [stream, owner] : streams_) stream->tick(now, ended);
  }
  end(std::move(ended));
}

void JudgeClient::end(std::vector<EndedSubBatch> ended) {
  for (auto& [sub_batch, error] : ended) end(sub_batch, std::move(error));
}

void JudgeClient::end(const PendingSubBatch& sub_batch, base::Error error) {
  const bool is_refused =
      error.code() == base::Code::kUnavailable || error.code() == base::Code::kResourceExhausted;
  (is_refused ? shared_.counters.entries_refused : shared_.counters.entries_unknown)
      .fetch_add(sub_batch.entries(), std::memory_order_relaxed);
  sub_batch.call->on_failure(sub_batch.number, std::move(error));
}

// Batches.

void JudgeClient::judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) {
  CHECK(verdicts.size() == batch.entries.size());
  if (batch.entries.empty()) return done({});
  DisciplineMask disciplines = 0;
  for (const Entry& entry : batch.entries) disciplines |= mask_of(entry.discipline);
  Route route = this->route(disciplines);
  std::vector<SubBatch> sub_batches = split_batch(batch, route.division.assignments);
  std::vector<std::vector<std::uint32_t>> places;
  places.reserve(sub_batches.size());
  for (SubBatch& sub_batch : sub_batches) places.push_back(std::move(sub_batch.places));
  const auto call = std::make_shared<JudgeCall>(verdicts, std::move(places), std::move(done));
  const base::Nanos deadline = shared_.deps.clock.mono() + shared_.options.answer_timeout;
  for (std::size_t i = 0; i < sub_batches.size(); ++i) {
    PendingSubBatch sub_batch{.call = call, .number = i, .bytes = 0, .deadline = deadline};
    if (!sub_batches[i].number) {
      end(sub_batch, route.refusal);
      continue;
    }
    v1::JudgeRequest message;
    message.mutable_batch()->set_sequence(next_sequence_++);
    encode_batch(batch, call->places(i), *message.mutable_batch());
    sub_batch.bytes = message.ByteSizeLong();
    send(*sub_batches[i].number, sub_batches[i].disciplines, std::move(sub_batch),
         std::move(message));
  }
}

JudgeClient::Route JudgeClient::route(DisciplineMask disciplines) const {
  std::vector<StreamState> streams;
  DisciplineMask full = 0;
  {
    const Lock lock(mutex_);
    for (std::size_t i = 0; i < slots_.size() && !is_stopping_; ++i) {
      const ClientStream* stream = slots_[i].current;
      if (stream == nullptr) continue;
      const DisciplineMask judged = stream->server().judged;
      const std::size_t in_flight_bytes = stream->in_flight_bytes();
      if (in_flight_bytes >= shared_.options.in_flight_bytes) {
        full |= judged;
      } else {
        streams.push_back({.number = i, .judged = judged, .in_flight_bytes = in_flight_bytes});
      }
    }
  }
  Division division = divide(disciplines, streams);
  const bool is_full = (division.unassigned & ~full) == 0;
  return {.division = std::move(division),
          .refusal = is_full ? base::Error(base::Code::kResourceExhausted,
                                           "too many entries wait for the judge's servers: send "
                                           "again later")
                             : base::Error(base::Code::kUnavailable, std::string(kNoServer))};
}

void JudgeClient::send(std::size_t slot, DisciplineMask disciplines, PendingSubBatch sub_batch,
                       v1::JudgeRequest&& message) {
  Lock lock(mutex_);
  ClientStream* stream = slots_[slot].current;
  // The stream broke after route() looked, or another server took its place.
  if (stream == nullptr || (disciplines & ~stream->server().judged) != 0 || is_stopping_) {
    lock.unlock();
    return end(sub_batch, base::Error(base::Code::kUnavailable, std::string(kNoServer)));
  }
  shared_.counters.messages.fetch_add(1, std::memory_order_relaxed);
  shared_.counters.entries.fetch_add(sub_batch.entries(), std::memory_order_relaxed);
  const std::uint64_t sequence = message.batch().sequence();
  stream->send(lock, sequence, std::move(sub_batch), std::move(message));
}

std::optional<std::string> JudgeClient::unready_reason() const {
  const Lock lock(mutex_);
  if (is_stopping_) return "the streams to the judge's servers are closed";
  DisciplineMask judged = 0;
  std::set<std::string> errors;  // each once, however many streams have it
  for (const StreamSlot& slot : slots_) {
    if (slot.current != nullptr) {
      judged |= slot.current->server().judged;
    } else {
      errors.insert(
          fmt::format("{}: {}", shared_.options.addresses[slot.address], slot.last_error));
    }
  }
  const DisciplineMask missing = all_disciplines(shared_.deps.contest) & ~judged;
  if (missing == 0) return std::nullopt;
  return fmt::format("no server judges {}{}{}", names_of(missing, shared_.deps.contest),
                     errors.empty() ? "" : "; ", fmt::join(errors, "; "));
}

std::size_t JudgeClient::streams_open() const {
  const Lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(
      slots_, [](const StreamSlot& slot) { return slot.current != nullptr; }));
}

void JudgeClient::add_clocks(std::vector<RemoteClocks::Reading>& readings) const {
  const Lock lock(mutex_);
  for (const StreamSlot& slot : slots_) {
    if (slot.current == nullptr) continue;
    readings.push_back(
        {.address = shared_.options.addresses[slot.address],
         .offset = slot.current->clock_offset(),
         .rule = RetryRule(std::chrono::milliseconds(slot.current->server().retry_window_ms)),
         .check = slot.current->id_check()});
  }
}

}  // namespace estadio
