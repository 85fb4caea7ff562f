#include "estadio/rpc/judge_client.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <condition_variable>
#include <deque>
#include <estadio/v1/judge.grpc.pb.h>
#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/units.h"
#include "estadio/rpc/batch_codec.h"
#include "estadio/rpc/handshake.h"
#include "estadio/rpc/judge_call.h"
#include "estadio/rpc/routing.h"
#include "estadio/rpc/status.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kTickEvery{20};
// A server that is gone without a word is noticed after the sum of these.
constexpr std::chrono::milliseconds kPingEvery{10'000};
constexpr std::chrono::milliseconds kPingTimeout{5'000};
// Names are looked up again when a connection ends, at most this often.
constexpr std::chrono::milliseconds kLookUpEvery{2'000};

// Clients that sent entries read this. Addresses and reasons are in the log and unready_reason().
constexpr std::string_view kNobody = "no judge's server can be reached: send again later";

struct Counters {
  std::atomic<std::uint64_t> streams_failed{0};
  std::atomic<std::uint64_t> go_aways{0};
  std::atomic<std::uint64_t> messages{0};
  std::atomic<std::uint64_t> entries{0};
  std::atomic<std::uint64_t> entries_refused{0};
  std::atomic<std::uint64_t> entries_unknown{0};
};

// The state that the judges of the same channels share.
struct Shared {
  JudgeChannels::Options options;
  JudgeChannels::Dependencies deps;
  std::vector<std::unique_ptr<v1::Judge::Stub>> stubs;  // of each address, with its connections
  Counters counters;

  [[nodiscard]] HandshakeParty party() const {
    return {.contest = deps.contest, .coin_commitment = options.coin_commitment};
  }
};

// A sub-batch that waits for its answer.
struct PendingSubBatch {
  std::shared_ptr<JudgeCall> call;  // shared by its sub-batches: the last to end settles it
  std::size_t number = 0;           // in the call
  std::size_t bytes = 0;
  base::Nanos deadline{};
  bool is_sent = false;

  [[nodiscard]] std::size_t entries() const { return call->places(number).size(); }
};

class JudgeClient;

// One JudgeStream call. Everything but `context` and what gRPC has at the time is guarded by the
// judge's mutex.
class ClientStream final : public grpc::ClientBidiReactor<v1::JudgeRequest, v1::JudgeReply> {
 public:
  enum class Phase {
    kHandshake,  // the request is under way
    kOpen,       // takes batches
    kRetiring,   // takes no more, and answers come
    kBroken,     // nothing can be sent any more
  };
  struct Queued {
    std::uint64_t sequence = 0;
    v1::JudgeRequest message;
  };

  ClientStream(JudgeClient& judge, std::size_t its_slot) : slot(its_slot), judge_(judge) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnWritesDoneDone(bool ok) override { OnWriteDone(ok); }
  void OnDone(const grpc::Status& status) override;

  const std::size_t slot;
  grpc::ClientContext context;
  v1::JudgeReply reading;    // gRPC's while it reads
  v1::JudgeRequest writing;  // gRPC's while is_writing

  Phase phase = Phase::kHandshake;
  DisciplineMask judged = 0;
  std::string coin_commitment;
  std::int64_t started_at_ms = 0;
  std::optional<std::int64_t> window_ms;
  std::deque<Queued> queue;
  std::map<std::uint64_t, PendingSubBatch> pending;  // by sequence, queued ones too
  std::size_t in_flight_bytes = 0;                   // of pending
  base::Nanos handshake_deadline{};
  std::optional<base::Error> refusal;  // ours: why the stream was cancelled
  bool is_writing = false;
  bool has_closed = false;   // our half
  bool is_held = true;       // gRPC waits for us before OnDone
  bool was_current = false;  // its slot's, until it broke
  bool server_is_stopping = false;

 private:
  JudgeClient& judge_;
};

class JudgeClient final : public Judge {
 public:
  JudgeClient(Shared& shared, std::set<JudgeClient*>& registry, std::mutex& registry_mutex,
              std::uint64_t seed);
  ~JudgeClient() override;

  void judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) override;

  void tick();
  void stop();
  [[nodiscard]] std::optional<std::string> unready_reason() const;
  [[nodiscard]] std::size_t streams_open() const;
  // The least of the servers in use, of those that have said it.
  [[nodiscard]] std::optional<std::int64_t> window_ms() const;

 private:
  friend class ClientStream;

  using Lock = std::unique_lock<std::mutex>;
  // Sub-batches that ended without an answer. tell() reports them after the lock is released.
  using Ended = std::vector<std::pair<PendingSubBatch, base::Error>>;

  // One stream to an address, and its successor.
  struct StreamSlot {
    std::size_t address = 0;
    ClientStream* current = nullptr;  // takes batches
    ClientStream* next = nullptr;     // in its handshake
    bool wants_next = true;
    base::Nanos next_at{};  // not before
    std::chrono::nanoseconds backoff{};
    std::string last_error;  // why there is no current stream
  };

  struct Route {
    Division division;
    base::Error refusal;  // of what is left
  };
  [[nodiscard]] Route route(DisciplineMask disciplines) const;
  void send(std::size_t slot, DisciplineMask disciplines, PendingSubBatch sub_batch,
            ClientStream::Queued queued);

  void on_read(ClientStream& stream, bool ok);
  void on_written(ClientStream& stream, bool ok);
  void on_done(ClientStream& stream, const grpc::Status& status);

  void take_handshake(ClientStream& stream, const v1::HandshakeResponse& response);
  void take_go_away(ClientStream& stream, const v1::GoAway& go_away);
  static void take_window(ClientStream& stream, const v1::RetryWindow& window);
  void take_verdicts(ClientStream& stream, Lock& lock);

  // The following with the lock held.
  void open(StreamSlot& slot, std::size_t number);
  void refuse(ClientStream& stream, base::Error error);
  void retire(ClientStream& stream);
  void try_later(StreamSlot& slot, std::string error);
  void write_next(ClientStream& stream, Lock& lock);
  void has_broken(ClientStream& stream);
  void expire(ClientStream& stream, base::Nanos now, Ended& ended);

  // Without the lock.
  void tell(Ended ended);
  void tell_one(const PendingSubBatch& sub_batch, base::Error error);

  Shared& shared_;
  std::set<JudgeClient*>& registry_;
  std::mutex& registry_mutex_;  // taken before mutex_

  // judge() alone.
  std::uint64_t next_sequence_ = 1;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::vector<StreamSlot> slots_;
  std::unordered_map<ClientStream*, std::unique_ptr<ClientStream>>
      streams_;                    // until gRPC is done with each
  std::size_t streams_alive_ = 0;  // those that are being destroyed, too
  std::mt19937_64 random_;
  bool is_stopping_ = false;
};

void ClientStream::OnReadDone(bool ok) { judge_.on_read(*this, ok); }
void ClientStream::OnWriteDone(bool ok) { judge_.on_written(*this, ok); }
void ClientStream::OnDone(const grpc::Status& status) { judge_.on_done(*this, status); }

JudgeClient::JudgeClient(Shared& shared, std::set<JudgeClient*>& registry,
                         std::mutex& registry_mutex, std::uint64_t seed)
    : shared_(shared), registry_(registry), registry_mutex_(registry_mutex), random_(seed) {
  {
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < shared_.stubs.size(); ++i) {
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
  for (const auto& [stream, owner] : streams_) stream->context.TryCancel();
}

// Streams.

void JudgeClient::open(StreamSlot& slot, std::size_t number) {
  auto owner = std::make_unique<ClientStream>(*this, number);
  ClientStream& stream = *owner;
  streams_.emplace(&stream, std::move(owner));
  ++streams_alive_;
  slot.next = &stream;
  slot.wants_next = false;
  stream.handshake_deadline = shared_.deps.clock.mono() + shared_.options.handshake_timeout;
  shared_.stubs[slot.address]->async()->JudgeStream(&stream.context, &stream);
  write_handshake_request(shared_.party(), *stream.writing.mutable_handshake());
  stream.is_writing = true;
  stream.AddHold();  // batches are written when they come
  stream.StartRead(&stream.reading);
  stream.StartWrite(&stream.writing);
  stream.StartCall();
}

void JudgeClient::on_read(ClientStream& stream, bool ok) {
  Lock lock(mutex_);
  if (!ok) return has_broken(stream);
  switch (stream.reading.kind_case()) {
    case v1::JudgeReply::kHandshake: take_handshake(stream, stream.reading.handshake()); break;
    case v1::JudgeReply::kVerdicts: take_verdicts(stream, lock); break;
    case v1::JudgeReply::kGoAway: take_go_away(stream, stream.reading.go_away()); break;
    case v1::JudgeReply::kRetryWindow: take_window(stream, stream.reading.retry_window()); break;
    case v1::JudgeReply::KIND_NOT_SET: break;  // of a later version of the server
  }
  write_next(stream, lock);
  lock.unlock();
  stream.StartRead(&stream.reading);
}

void JudgeClient::take_handshake(ClientStream& stream, const v1::HandshakeResponse& response) {
  if (stream.phase != ClientStream::Phase::kHandshake) return;
  auto judged = read_handshake_response(response, shared_.party());
  if (!judged) return refuse(stream, std::move(judged).error());
  // An id must have the same outcome wherever it is judged, and all results are in one log.
  for (const StreamSlot& other : slots_) {
    if (other.current == nullptr) continue;
    const std::string& address = shared_.options.addresses[other.address];
    const std::string& commitment = other.current->coin_commitment;
    if (!commitment.empty() && !response.coin_commitment().empty() &&
        commitment != response.coin_commitment()) {
      return refuse(stream,
                    base::Error(base::Code::kFailedPrecondition,
                                fmt::format("its coin's commitment is {}, that of {} is {}",
                                            response.coin_commitment(), address, commitment)));
    }
    const std::int64_t started_at_ms = other.current->started_at_ms;
    if (started_at_ms != 0 && response.started_at_ms() != 0 &&
        started_at_ms != response.started_at_ms()) {
      return refuse(
          stream,
          base::Error(base::Code::kFailedPrecondition,
                      fmt::format("its contest began at {}, that of {} at {} (ms since 1970): they "
                                  "keep their results in different topics",
                                  response.started_at_ms(), address, started_at_ms)));
    }
  }
  stream.phase = ClientStream::Phase::kOpen;
  stream.judged = *judged;
  stream.coin_commitment = response.coin_commitment();
  stream.started_at_ms = response.started_at_ms();
  StreamSlot& slot = slots_[stream.slot];
  if (ClientStream* old = std::exchange(slot.current, &stream)) {
    retire(*old);
  } else {
    shared_.deps.log.info("a judge's server is there",
                          {{"address", shared_.options.addresses[slot.address]},
                           {"disciplines", names_of(*judged, shared_.deps.contest)}});
  }
  slot.next = nullptr;
  slot.backoff = shared_.options.backoff_min;
  slot.last_error.clear();
}

void JudgeClient::take_go_away(ClientStream& stream, const v1::GoAway& go_away) {
  StreamSlot& slot = slots_[stream.slot];
  if (slot.current != &stream) return;
  shared_.counters.go_aways.fetch_add(1, std::memory_order_relaxed);
  stream.server_is_stopping |= go_away.stopping();
  if (slot.next != nullptr || is_stopping_) return;
  open(slot, stream.slot);
}

void JudgeClient::take_window(ClientStream& stream, const v1::RetryWindow& window) {
  stream.window_ms = window.has_ms() ? std::optional(window.ms()) : std::nullopt;
}

void JudgeClient::take_verdicts(ClientStream& stream, Lock& lock) {
  const v1::Verdicts& verdicts = stream.reading.verdicts();
  const auto found = stream.pending.find(verdicts.sequence());
  if (found == stream.pending.end()) return;  // too late: it was given up
  const PendingSubBatch sub_batch = std::move(found->second);
  stream.pending.erase(found);
  stream.in_flight_bytes -= sub_batch.bytes;
  lock.unlock();
  base::Result<void> result;
  if (verdicts.code() != 0) {
    result = base::fail(from_rpc_code(verdicts.code()), verdicts.message());
  }
  sub_batch.call->end(sub_batch.number, verdicts.verdicts(), std::move(result));
  lock.lock();
}

void JudgeClient::refuse(ClientStream& stream, base::Error error) {
  stream.refusal = std::move(error);
  stream.context.TryCancel();
}

// Closes our half of the stream once its queue is written.
void JudgeClient::retire(ClientStream& stream) {
  stream.phase = ClientStream::Phase::kRetiring;
  if (stream.is_writing) return;  // on_written() goes on
  CHECK(stream.queue.empty());
  stream.is_writing = true;
  stream.has_closed = true;
  stream.StartWritesDone();
}

// Starts what is to be written next; unlocked while gRPC is called, since that may take as long as
// a write to the socket.
void JudgeClient::write_next(ClientStream& stream, Lock& lock) {
  if (stream.is_writing || stream.phase == ClientStream::Phase::kBroken) return;
  if (!stream.queue.empty()) {
    stream.is_writing = true;
    stream.writing = std::move(stream.queue.front().message);
    stream.pending.at(stream.queue.front().sequence).is_sent = true;
    stream.queue.pop_front();
    grpc::WriteOptions options;
    if (!stream.queue.empty()) options.set_buffer_hint();
    lock.unlock();
    stream.StartWrite(&stream.writing, options);
    return lock.lock();
  }
  if (stream.phase == ClientStream::Phase::kRetiring && !stream.has_closed) {
    stream.is_writing = true;
    stream.has_closed = true;
    stream.StartWritesDone();
  }
}

void JudgeClient::on_written(ClientStream& stream, bool ok) {
  Lock lock(mutex_);
  stream.is_writing = false;
  if (!ok || stream.phase == ClientStream::Phase::kBroken) return has_broken(stream);
  write_next(stream, lock);
}

// The stream can send nothing more; answers may still come. on_done() receives the status once no
// write is pending.
void JudgeClient::has_broken(ClientStream& stream) {
  stream.phase = ClientStream::Phase::kBroken;
  stream.queue.clear();
  StreamSlot& slot = slots_[stream.slot];
  if (slot.current == &stream) {
    slot.current = nullptr;
    stream.was_current = true;
  }
  if (!stream.is_held || stream.is_writing) return;
  stream.is_held = false;
  stream.RemoveHold();
}

void JudgeClient::on_done(ClientStream& stream, const grpc::Status& status) {
  std::unique_ptr<ClientStream> owner;
  Ended ended;
  {
    const Lock lock(mutex_);
    for (auto& [sequence, sub_batch] : stream.pending) {
      const bool is_sent = sub_batch.is_sent;
      ended.emplace_back(std::move(sub_batch),
                         is_sent ? base::Error(base::Code::kInternal,
                                               "the judge's server was lost before it answered")
                                 : base::Error(base::Code::kUnavailable, std::string(kNobody)));
    }
    std::string error = status.ok() ? "the server has ended the stream" : status.error_message();
    if (stream.refusal) error = stream.refusal->message();
    StreamSlot& slot = slots_[stream.slot];
    if (slot.next == &stream) {
      slot.next = nullptr;
      // The old one goes on, unless its server does not.
      if (slot.current != nullptr && slot.current->server_is_stopping) {
        retire(*std::exchange(slot.current, nullptr));
      }
      try_later(slot, std::move(error));
    } else if (stream.was_current && slot.next == nullptr) {
      try_later(slot, std::move(error));
    }
    owner = std::move(streams_.extract(&stream).mapped());
  }
  tell(std::move(ended));
  // A stream holds its channel, and gRPC cannot bear that the last of one goes on its own threads:
  // they would wait for themselves. So this comes before the judge may go.
  owner.reset();
  const Lock lock(mutex_);
  --streams_alive_;
  changed_.notify_all();
}

void JudgeClient::try_later(StreamSlot& slot, std::string error) {
  const std::chrono::nanoseconds half = slot.backoff / 2;
  slot.wants_next = true;
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
  Ended ended;
  {
    const Lock lock(mutex_);
    if (is_stopping_) return;
    const base::Nanos now = shared_.deps.clock.mono();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      StreamSlot& slot = slots_[i];
      if (slot.wants_next && slot.next == nullptr && now >= slot.next_at) open(slot, i);
    }
    for (const auto& [stream, owner] : streams_) {
      if (stream->phase == ClientStream::Phase::kHandshake && now >= stream->handshake_deadline &&
          !stream->refusal) {
        refuse(*stream, base::Error(base::Code::kDeadlineExceeded, "no handshake came in time"));
      }
      expire(*stream, now, ended);
    }
  }
  tell(std::move(ended));
}

void JudgeClient::expire(ClientStream& stream, base::Nanos now, Ended& ended) {
  // Those that were sent first end first.
  while (!stream.pending.empty() && stream.pending.begin()->second.deadline <= now) {
    const std::uint64_t sequence = stream.pending.begin()->first;
    PendingSubBatch sub_batch = std::move(stream.pending.begin()->second);
    stream.pending.erase(stream.pending.begin());
    stream.in_flight_bytes -= sub_batch.bytes;
    std::erase_if(stream.queue,
                  [&](const ClientStream::Queued& queued) { return queued.sequence == sequence; });
    base::Error error = sub_batch.is_sent ? base::Error(base::Code::kDeadlineExceeded,
                                                        "the judge's server did not answer in time")
                                          : base::Error(base::Code::kUnavailable,
                                                        "the judge's server reads no more");
    ended.emplace_back(std::move(sub_batch), std::move(error));
  }
}

void JudgeClient::tell(Ended ended) {
  for (auto& [sub_batch, error] : ended) tell_one(sub_batch, std::move(error));
}

void JudgeClient::tell_one(const PendingSubBatch& sub_batch, base::Error error) {
  const bool is_refused =
      error.code() == base::Code::kUnavailable || error.code() == base::Code::kResourceExhausted;
  (is_refused ? shared_.counters.entries_refused : shared_.counters.entries_unknown)
      .fetch_add(sub_batch.entries(), std::memory_order_relaxed);
  sub_batch.call->fail(sub_batch.number, std::move(error));
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
      tell_one(sub_batch, route.refusal);
      continue;
    }
    ClientStream::Queued queued{.sequence = next_sequence_++, .message = {}};
    v1::Batch& message = *queued.message.mutable_batch();
    message.set_sequence(queued.sequence);
    encode_batch(batch, call->places(i), message);
    sub_batch.bytes = queued.message.ByteSizeLong();
    send(*sub_batches[i].number, sub_batches[i].disciplines, std::move(sub_batch),
         std::move(queued));
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
      if (stream->in_flight_bytes >= shared_.options.in_flight_bytes) {
        full |= stream->judged;
      } else {
        streams.push_back(
            {.number = i, .judged = stream->judged, .in_flight_bytes = stream->in_flight_bytes});
      }
    }
  }
  Division division = divide(disciplines, streams);
  const bool is_full = (division.unassigned & ~full) == 0;
  return {.division = std::move(division),
          .refusal = is_full ? base::Error(base::Code::kResourceExhausted,
                                           "as many entries as may be are on their way to the "
                                           "judge's servers")
                             : base::Error(base::Code::kUnavailable, std::string(kNobody))};
}

void JudgeClient::send(std::size_t slot, DisciplineMask disciplines, PendingSubBatch sub_batch,
                       ClientStream::Queued queued) {
  Lock lock(mutex_);
  ClientStream* stream = slots_[slot].current;
  // It has gone since route() looked, or another server has come in its place.
  if (stream == nullptr || (disciplines & ~stream->judged) != 0 || is_stopping_) {
    lock.unlock();
    return tell_one(sub_batch, base::Error(base::Code::kUnavailable, std::string(kNobody)));
  }
  shared_.counters.messages.fetch_add(1, std::memory_order_relaxed);
  shared_.counters.entries.fetch_add(sub_batch.entries(), std::memory_order_relaxed);
  stream->in_flight_bytes += sub_batch.bytes;
  stream->pending.emplace(queued.sequence, std::move(sub_batch));
  stream->queue.push_back(std::move(queued));
  write_next(*stream, lock);
}

std::optional<std::string> JudgeClient::unready_reason() const {
  const Lock lock(mutex_);
  if (is_stopping_) return "the streams to the judge's servers are closed";
  DisciplineMask judged = 0;
  std::set<std::string> errors;  // each once, however many streams have it
  for (const StreamSlot& slot : slots_) {
    if (slot.current != nullptr) {
      judged |= slot.current->judged;
    } else {
      errors.insert(
          fmt::format("{}: {}", shared_.options.addresses[slot.address], slot.last_error));
    }
  }
  const DisciplineMask missing = all_disciplines(shared_.deps.contest) & ~judged;
  if (missing == 0) return std::nullopt;
  return fmt::format("nobody judges {}{}{}", names_of(missing, shared_.deps.contest),
                     errors.empty() ? "" : "; ", fmt::join(errors, "; "));
}

std::size_t JudgeClient::streams_open() const {
  const Lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(
      slots_, [](const StreamSlot& slot) { return slot.current != nullptr; }));
}

std::optional<std::int64_t> JudgeClient::window_ms() const {
  const Lock lock(mutex_);
  std::optional<std::int64_t> least;
  for (const StreamSlot& slot : slots_) {
    if (slot.current == nullptr || !slot.current->window_ms) continue;
    least = std::min(*slot.current->window_ms, least.value_or(INT64_MAX));
  }
  return least;
}

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
  // Despite its name: how long an attempt at a connection may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, milliseconds(options.handshake_timeout));
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, milliseconds(kLookUpEvery));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(kPingEvery));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(kPingTimeout));
  // A proxy for the web, which the environment may name, does not lead to our own servers.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

}  // namespace

struct JudgeChannels::Impl {
  Impl(Options options, const Dependencies& deps,
       std::vector<std::unique_ptr<v1::Judge::Stub>> stubs)
      : shared{.options = std::move(options),
               .deps = deps,
               .stubs = std::move(stubs),
               .counters = {}} {}

  void tick_until_stopped(const std::stop_token& token) {
    std::mutex never;
    std::condition_variable_any changed;
    std::unique_lock lock(never);
    while (!changed.wait_for(lock, token, kTickEvery, [&] { return token.stop_requested(); })) {
      const std::scoped_lock judges_lock(mutex);
      for (JudgeClient* judge : judges) judge->tick();
      publish_window();
    }
  }

  // With the lock held.
  void publish_window() const {
    if (shared.deps.window == nullptr) return;
    std::optional<std::int64_t> least;
    for (const JudgeClient* judge : judges) {
      if (const auto window_ms = judge->window_ms()) {
        least = std::min(*window_ms, least.value_or(INT64_MAX));
      }
    }
    if (least) shared.deps.window->set(0, *least);
  }

  Shared shared;
  mutable std::mutex mutex;
  // Guarded by mutex.
  std::set<JudgeClient*> judges;
  std::uint64_t judges_made = 0;

  std::jthread ticker;
};

JudgeChannels::JudgeChannels(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

JudgeChannels::~JudgeChannels() {
  impl_->ticker.request_stop();
  impl_->ticker.join();
  CHECK(impl_->judges.empty());
}

base::Result<std::unique_ptr<JudgeChannels>> JudgeChannels::open(Options options,
                                                                 const Dependencies& deps) {
  RETURN_IF_ERROR(check(options));
  ASSIGN_OR_RETURN(const auto credentials, channel_credentials(options.tls));
  std::vector<std::unique_ptr<v1::Judge::Stub>> stubs;
  stubs.reserve(options.addresses.size());
  for (const std::string& address : options.addresses) {
    stubs.push_back(
        v1::Judge::NewStub(grpc::CreateCustomChannel(address, credentials, arguments_of(options))));
  }
  auto impl = std::make_unique<Impl>(std::move(options), deps, std::move(stubs));
  Impl& running = *impl;
  impl->ticker =
      std::jthread([&running](const std::stop_token& token) { running.tick_until_stopped(token); });
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
  return impl_->judges.empty() ? std::optional<std::string>("nothing judges yet") : std::nullopt;
}

void JudgeChannels::stop() {
  const std::scoped_lock lock(impl_->mutex);
  for (JudgeClient* judge : impl_->judges) judge->stop();
}

JudgeChannels::Stats JudgeChannels::stats() const {
  Stats stats;
  const Counters& counters = impl_->shared.counters;
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
