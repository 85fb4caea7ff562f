#include "estadio/rpc/judge_server.h"

#include <algorithm>
#include <atomic>
#include <climits>
#include <condition_variable>
#include <deque>
#include <estadio/v1/judge.grpc.pb.h>
#include <fmt/format.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "estadio/rpc/batch_codec.h"
#include "estadio/rpc/handshake.h"
#include "estadio/rpc/one_entry.h"
#include "estadio/rpc/status.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kTickEvery{50};
constexpr std::size_t kBatchBytesLeast = 256;  // what a batch and its answer take, however short
constexpr std::size_t kLoggedBytes = 512;      // of what a caller says
constexpr std::int64_t kNothingTold = -1;      // no window, nor the lack of one
constexpr int kReflectionThreadsMax = 2;
// Callers that ping more often than this are cut off by gRPC; ours do every ten seconds.
constexpr std::chrono::milliseconds kPingIntervalMin{5000};
// A connection must live long enough to be used.
constexpr std::chrono::milliseconds kConnectionAgeMin{1000};

grpc::Status to_status(base::Code code, std::string_view message) {
  return {static_cast<grpc::StatusCode>(to_rpc_code(code)), to_status_text(message)};
}
grpc::Status to_status(const base::Error& error) {
  return to_status(error.code(), error.message());
}

class ServerStream;

// The state that all calls of a server share.
class Core {
 public:
  Core(JudgeServer::Options options, JudgeServer::Dependencies deps, DisciplineMask judged)
      : options_(std::move(options)),
        deps_(std::move(deps)),
        judged_(judged),
        one_judge_(deps_.make_judge()),
        random_(options_.seed) {}

  [[nodiscard]] const JudgeServer::Options& options() const { return options_; }
  [[nodiscard]] const JudgeServer::Dependencies& deps() const { return deps_; }
  [[nodiscard]] DisciplineMask judged() const { return judged_; }
  [[nodiscard]] HandshakeParty party() const {
    return {.contest = deps_.contest,
            .coin_commitment = options_.coin_commitment,
            .started_at_ms = options_.started_at_ms};
  }

  // A call has come: counted until left(). False when the server stops.
  bool enter() {
    const std::scoped_lock lock(mutex_);
    ++calls_;
    return !is_stopping_;
  }
  void leave() {
    const std::scoped_lock lock(mutex_);
    --calls_;
    changed_.notify_all();
  }

  // False when there are as many streams as there may be.
  bool add(ServerStream& stream) {
    const std::scoped_lock lock(mutex_);
    if (streams_.size() >= options_.streams_max) return false;
    return streams_.insert(&stream).second;
  }
  void remove(ServerStream& stream) {
    const std::scoped_lock lock(mutex_);
    streams_.erase(&stream);
  }

  // A stream's judge comes back when the stream has gone: it is not destroyed within the callback
  // of its own last batch.
  std::unique_ptr<Judge> take_judge() {
    const std::scoped_lock lock(mutex_);
    if (spare_judges_.empty()) return deps_.make_judge();
    auto judge = std::move(spare_judges_.back());
    spare_judges_.pop_back();
    return judge;
  }
  void give_back(std::unique_ptr<Judge> judge) {
    const std::scoped_lock lock(mutex_);
    if (judge) spare_judges_.push_back(std::move(judge));
  }

  // The instant at which a stream that begins now has had its time.
  base::Nanos draw_end() {
    const std::scoped_lock lock(mutex_);
    const double factor = std::uniform_real_distribution(0.8, 1.2)(random_);
    return deps_.clock.mono() +
           std::chrono::duration_cast<base::Nanos>(options_.stream_age * factor);
  }

  // Judges the entry of a JudgeOne call. These calls share one judge and one source of ids.
  void judge_one(EntryBatch& batch, std::span<Verdict> verdicts, Judge::Done done) {
    const std::scoped_lock lock(one_mutex_);
    Entry& entry = batch.entries.front();
    if (!entry.is_id_given) entry.id = ids_.next_marked(deps_.clock.wall_ms());
    one_judge_->judge(batch, verdicts, std::move(done));
  }

  void tick();
  void begin_stopping();

  // Until no stream and no JudgeOne call is left; false after `patience`.
  bool wait_until_left(std::chrono::nanoseconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return calls_ == 0; });
  }
  void wait_until_left() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return calls_ == 0; });
  }

  [[nodiscard]] JudgeServer::Stats stats() const {
    const std::scoped_lock lock(mutex_);
    return {.streams_open = streams_.size(),
            .streams_refused = streams_refused.load(std::memory_order_relaxed),
            .go_aways = go_aways.load(std::memory_order_relaxed),
            .batches = batches.load(std::memory_order_relaxed),
            .batches_malformed = batches_malformed.load(std::memory_order_relaxed),
            .entries = entries.load(std::memory_order_relaxed),
            .pauses = pauses.load(std::memory_order_relaxed)};
  }

  std::atomic<std::uint64_t> streams_refused{0};
  std::atomic<std::uint64_t> go_aways{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> batches_malformed{0};
  std::atomic<std::uint64_t> entries{0};
  std::atomic<std::uint64_t> pauses{0};
  std::atomic<std::size_t> judge_one_calls{0};  // JudgeOne calls under way

 private:
  const JudgeServer::Options options_;
  const JudgeServer::Dependencies deps_;
  const DisciplineMask judged_;

  std::mutex one_mutex_;
  const std::unique_ptr<Judge> one_judge_;  // one_mutex_
  base::UuidGenerator ids_;                 // one_mutex_

  mutable std::mutex mutex_;  // taken before a stream's own
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::size_t calls_ = 0;
  std::set<ServerStream*> streams_;
  std::vector<std::unique_ptr<Judge>> spare_judges_;
  std::mt19937_64 random_;
  bool is_stopping_ = false;
};

// One JudgeStream call. It lives until gRPC is done with it and the judge with its batches,
// whichever comes last.
class ServerStream final : public grpc::ServerBidiReactor<v1::JudgeRequest, v1::JudgeReply> {
 public:
  explicit ServerStream(Core& core)
      : core_(core), handshake_deadline_(core.deps().clock.mono() + core.options().patience) {}

  void start() {
    const bool is_open = core_.enter();
    const bool has_room = is_open && core_.add(*this);
    std::unique_lock lock(mutex_);
    if (!is_open) {
      end(to_status(base::Code::kUnavailable, "the server is stopping"));
    } else if (!has_room) {
      end(to_status(base::Code::kResourceExhausted,
                    fmt::format("there are {} streams, as many as there may be",
                                core_.options().streams_max)));
    }
    if (is_ending_) core_.streams_refused.fetch_add(1, std::memory_order_relaxed);
    const bool reads = !is_ending_;
    proceed(lock);
    if (reads) StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    {
      std::unique_lock lock(mutex_);
      // The caller has half-closed, or is gone.
      if (!ok) end(grpc::Status::OK);
      if (is_ending_) return proceed(lock);
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

  void OnWriteDone(bool ok) override {
    std::unique_lock lock(mutex_);
    is_writing_ = false;
    in_flight_bytes_ -= written_bytes_;
    if (!ok) is_cut_off_ = true;
    const bool reads = is_paused_ && in_flight_bytes_ < core_.options().in_flight_bytes;
    if (reads) is_paused_ = false;
    proceed(lock);
    const bool goes_on = reads && !is_ending_;
    lock.unlock();
    if (goes_on) StartRead(&request_);
  }

  void OnCancel() override {
    std::unique_lock lock(mutex_);
    is_cut_off_ = true;
    proceed(lock);
  }

  void OnDone() override {
    core_.remove(*this);
    std::unique_lock lock(mutex_);
    is_done_ = true;
    leave_if_last(lock);
  }

  // Does what is due by now.
  void tick(base::Nanos now) {
    std::unique_lock lock(mutex_);
    if (is_ending_) return;
    if (!has_handshake_) {
      if (now < handshake_deadline_) return;
      end(to_status(base::Code::kDeadlineExceeded, "no handshake came in time"));
      return proceed(lock);
    }
    tell_window();
    if (!is_going_away_) {
      if (now >= go_away_at_) send_go_away(now, false);
    } else if (now >= go_away_deadline_) {
      end(to_status(base::Code::kUnavailable, "the caller did not close the stream after GoAway"));
    }
    proceed(lock);
  }

  void stop(base::Nanos now) {
    std::unique_lock lock(mutex_);
    if (is_ending_) return;
    if (has_handshake_) {
      send_go_away(now, true);
    } else {
      end(to_status(base::Code::kUnavailable, "the server is stopping"));
    }
    proceed(lock);
  }

 private:
  // A batch under way.
  struct Batch {
    std::uint64_t sequence = 0;
    std::size_t bytes = 0;
    EntryBatch entries;
    std::vector<Verdict> verdicts;
  };
  struct Reply {
    v1::JudgeReply message;
    std::size_t bytes = 0;  // of its batch
  };

  // From OnReadDone alone, one at a time; so what the next four use needs no lock.

  void take_handshake() {
    if (judge_) {
      return refuse(to_status(base::Code::kInvalidArgument, "handshake: it comes once"));
    }
    auto caller = read_handshake_request(request_.handshake(), core_.party(), core_.judged());
    if (!caller) {
      core_.streams_refused.fetch_add(1, std::memory_order_relaxed);
      // Its names are the caller's, and as long as it likes.
      core_.deps().log.warning("refused a judge's caller",
                               {{"error", caller.error().message().substr(0, kLoggedBytes)}});
      return refuse(to_status(caller.error()));
    }
    caller_ = *std::move(caller);
    judge_ = core_.take_judge();
    Reply reply;
    write_handshake_response(core_.party(), caller_, *reply.message.mutable_handshake());
    const base::Nanos go_away_at = core_.draw_end();
    std::unique_lock lock(mutex_);
    has_handshake_ = true;
    go_away_at_ = go_away_at;
    replies_.push_back(std::move(reply));
    // Before another reply is there: gRPC does not begin a stream with a message that may wait for
    // the next.
    proceed(lock);
    tell_window();
    proceed(lock);
  }

  void judge_batch() {
    if (!judge_) {
      return refuse(
          to_status(base::Code::kFailedPrecondition, "batch: the first message is a handshake"));
    }
    const v1::Batch& message = request_.batch();
    Batch& batch = take_batch(message);
    core_.batches.fetch_add(1, std::memory_order_relaxed);
    if (auto decoded = decode_batch(message, caller_, batch.entries); !decoded) {
      core_.batches_malformed.fetch_add(1, std::memory_order_relaxed);
      core_.deps().log.warning("a malformed batch", {{"error", decoded.error()}});
      batch.verdicts.clear();
      return answer(batch, std::move(decoded));
    }
    core_.entries.fetch_add(batch.entries.entries.size(), std::memory_order_relaxed);
    batch.verdicts.assign(batch.entries.entries.size(), Verdict());
    judge_->judge(batch.entries, batch.verdicts,
                  [this, &batch](base::Result<void> result) { answer(batch, std::move(result)); });
  }

  Batch& take_batch(const v1::Batch& message) {
    const std::scoped_lock lock(mutex_);
    if (spare_.empty()) {
      batches_.push_back(std::make_unique<Batch>());
      spare_.push_back(batches_.back().get());
    }
    Batch& batch = *spare_.back();
    spare_.pop_back();
    batch.sequence = message.sequence();
    // An empty one has an answer too.
    batch.bytes = std::max(message.ByteSizeLong(), kBatchBytesLeast);
    in_flight_bytes_ += batch.bytes;
    ++in_flight_;
    return batch;
  }

  void refuse(grpc::Status status) {
    std::unique_lock lock(mutex_);
    end(std::move(status));
    proceed(lock);
  }

  void read_on() {
    {
      const std::scoped_lock lock(mutex_);
      if (is_ending_) return;
      is_paused_ = in_flight_bytes_ >= core_.options().in_flight_bytes;
      if (is_paused_) core_.pauses.fetch_add(1, std::memory_order_relaxed);
      if (is_paused_) return;
    }
    StartRead(&request_);
  }

  // On any thread: `batch` was judged.
  void answer(Batch& batch, base::Result<void> result) {
    Reply reply;
    reply.bytes = batch.bytes;
    v1::Verdicts& verdicts = *reply.message.mutable_verdicts();
    verdicts.set_sequence(batch.sequence);
    verdicts.set_verdicts(encode_verdicts(batch.verdicts));
    if (!result) {
      verdicts.set_code(to_rpc_code(result.error().code()));
      verdicts.set_message(to_status_text(result.error().message()));
    }
    std::unique_lock lock(mutex_);
    spare_.push_back(&batch);
    --in_flight_;
    replies_.push_back(std::move(reply));
    ++answering_;
    proceed(lock);
    --answering_;
    leave_if_last(lock);
  }

  // The following with the lock held.

  // Nothing more is read; the status is sent when all that came is answered.
  void end(grpc::Status status) {
    if (is_ending_) return;
    is_ending_ = true;
    status_ = std::move(status);
  }

  // Sends the window if it differs from the last one sent.
  void tell_window() {
    const auto window_ms = core_.deps().window.in_force_ms();
    if (window_ms == told_window_ms_) return;
    told_window_ms_ = window_ms;
    Reply reply;
    v1::RetryWindow& told = *reply.message.mutable_retry_window();
    if (window_ms) told.set_ms(*window_ms);
    replies_.push_back(std::move(reply));
  }

  void send_go_away(base::Nanos now, bool is_stopping) {
    is_going_away_ = true;
    go_away_deadline_ = now + core_.options().patience;
    core_.go_aways.fetch_add(1, std::memory_order_relaxed);
    Reply reply;
    reply.message.mutable_go_away()->set_stopping(is_stopping);
    replies_.push_back(std::move(reply));
  }

  // Starts what is to be done next; unlocked while gRPC is called, since that may take as long as
  // a write to the socket, and locked again after it.
  void proceed(std::unique_lock<std::mutex>& lock) {
    if (is_finished_ || is_writing_) return;
    if (is_cut_off_) {
      is_finished_ = true;
      is_ending_ = true;
      lock.unlock();
      Finish(to_status(base::Code::kUnavailable, "the stream was cut off"));
      return lock.lock();
    }
    if (!replies_.empty()) {
      is_writing_ = true;
      writing_ = std::move(replies_.front().message);
      written_bytes_ = replies_.front().bytes;
      replies_.pop_front();
      grpc::WriteOptions options;
      if (!replies_.empty()) options.set_buffer_hint();
      lock.unlock();
      StartWrite(&writing_, options);
      return lock.lock();
    }
    if (is_ending_ && in_flight_ == 0) {
      is_finished_ = true;
      grpc::Status status = std::move(status_);
      lock.unlock();
      Finish(std::move(status));
      lock.lock();
    }
  }

  // Deletes the stream when nobody will call it any more.
  void leave_if_last(std::unique_lock<std::mutex>& lock) {
    if (!is_done_ || in_flight_ > 0 || answering_ > 0) return;
    Core& core = core_;
    auto judge = std::move(judge_);
    lock.unlock();
    delete this;
    core.give_back(std::move(judge));
    core.leave();
  }

  Core& core_;
  const base::Nanos handshake_deadline_;

  v1::JudgeRequest request_;  // gRPC's while it reads
  v1::JudgeReply writing_;    // gRPC's while is_writing_
  // As said above take_handshake().
  CallerIndexes caller_;
  std::unique_ptr<Judge> judge_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::unique_ptr<Batch>> batches_;  // all that were made
  std::vector<Batch*> spare_;
  std::deque<Reply> replies_;
  std::size_t in_flight_ = 0;        // batches at the judge
  std::size_t answering_ = 0;        // threads in answer()
  std::size_t in_flight_bytes_ = 0;  // of batches whose verdicts are not sent
  std::size_t written_bytes_ = 0;    // of the batch that is_writing_ answers
  std::optional<std::int64_t> told_window_ms_ = kNothingTold;
  base::Nanos go_away_at_{};
  base::Nanos go_away_deadline_{};
  grpc::Status status_;
  bool has_handshake_ = false;
  bool is_going_away_ = false;
  bool is_paused_ = false;  // no read is under way, for in_flight_bytes_
  bool is_writing_ = false;
  bool is_ending_ = false;    // nothing more is read
  bool is_cut_off_ = false;   // the caller hears nothing more
  bool is_finished_ = false;  // Finish() was called
  bool is_done_ = false;      // gRPC is done
};

void Core::tick() {
  const std::scoped_lock lock(mutex_);
  const base::Nanos now = deps_.clock.mono();
  for (ServerStream* stream : streams_) stream->tick(now);
}

void Core::begin_stopping() {
  const std::scoped_lock lock(mutex_);
  is_stopping_ = true;
  const base::Nanos now = deps_.clock.mono();
  for (ServerStream* stream : streams_) stream->stop(now);
}

// One JudgeOne call; lives as a ServerStream does.
class JudgeOneCall final : public grpc::ServerUnaryReactor {
 public:
  JudgeOneCall(Core& core, v1::JudgeOneReply& reply) : core_(core), reply_(reply) {}

  void start(const v1::JudgeOneRequest& request) {
    const bool is_open = core_.enter();
    const std::size_t before = core_.judge_one_calls.fetch_add(1, std::memory_order_relaxed);
    if (!is_open) return finish(to_status(base::Code::kUnavailable, "the server is stopping"));
    if (before >= JudgeServer::kJudgeOneCallsMax) {
      return finish(to_status(base::Code::kResourceExhausted,
                              "as many calls as may be are under way: call again later"));
    }
    const JudgeServer::Dependencies& deps = core_.deps();
    const auto window_ms = deps.window.in_force_ms();
    auto read = read_one_entry(request,
                               {.contest = deps.contest,
                                .judged = core_.judged(),
                                .now_ms = deps.clock.wall_ms(),
                                .window_ms = window_ms},
                               batch_);
    if (!read) return finish(to_status(read.error()));
    {
      const std::scoped_lock lock(mutex_);
      is_judging_ = true;
    }
    core_.judge_one(batch_, {&verdict_, 1},
                    [this](const base::Result<void>& result) { answer(result); });
  }

  void OnCancel() override {
    finish({grpc::StatusCode::CANCELLED, "the caller has gone, or its deadline has passed"});
  }

  void OnDone() override {
    std::unique_lock lock(mutex_);
    is_done_ = true;
    leave_if_last(lock);
  }

 private:
  void answer(const base::Result<void>& result) {
    std::unique_lock lock(mutex_);
    is_judging_ = false;
    // A call that was cancelled has taken its reply with it.
    if (!is_finished_) {
      is_finished_ = true;
      grpc::Status status = grpc::Status::OK;
      if (auto written = write_one_verdict(batch_.entries.front(), verdict_, result, reply_);
          !written) {
        status = to_status(written.error());
      }
      is_finishing_ = true;
      lock.unlock();
      Finish(std::move(status));
      lock.lock();
      is_finishing_ = false;
    }
    leave_if_last(lock);
  }

  void finish(grpc::Status status) {
    {
      const std::scoped_lock lock(mutex_);
      if (is_finished_) return;
      is_finished_ = true;
    }
    Finish(std::move(status));
  }

  void leave_if_last(std::unique_lock<std::mutex>& lock) {
    if (!is_done_ || is_judging_ || is_finishing_) return;
    Core& core = core_;
    lock.unlock();
    delete this;
    core.judge_one_calls.fetch_sub(1, std::memory_order_relaxed);
    core.leave();
  }

  Core& core_;
  v1::JudgeOneReply& reply_;
  EntryBatch batch_;
  Verdict verdict_;

  std::mutex mutex_;
  // Guarded by mutex_.
  bool is_judging_ = false;
  bool is_finishing_ = false;  // answer() has yet to return
  bool is_finished_ = false;
  bool is_done_ = false;
};

class JudgeService final : public v1::Judge::CallbackService {
 public:
  explicit JudgeService(Core& core) : core_(core) {}

  // They delete themselves, as gRPC asks of a reactor.
  grpc::ServerBidiReactor<v1::JudgeRequest, v1::JudgeReply>* JudgeStream(
      grpc::CallbackServerContext* /*context*/) override {
    auto* stream = new ServerStream(core_);
    stream->start();
    return stream;
  }
  grpc::ServerUnaryReactor* JudgeOne(grpc::CallbackServerContext* /*context*/,
                                     const v1::JudgeOneRequest* request,
                                     v1::JudgeOneReply* reply) override {
    auto* call = new JudgeOneCall(core_, *reply);
    call->start(*request);
    return call;
  }

 private:
  Core& core_;
};

}  // namespace

struct JudgeServer::Impl {
  Impl(Options options, Dependencies deps, DisciplineMask judged)
      : core(std::move(options), std::move(deps), judged), service(core) {}

  void tick_until_stopped(const std::stop_token& token) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    while (!never.wait_for(lock, token, kTickEvery, [&] { return token.stop_requested(); })) {
      core.tick();
    }
  }

  Core core;
  JudgeService service;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
  std::once_flag stopped;
  std::jthread ticker;
};

JudgeServer::JudgeServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

JudgeServer::~JudgeServer() {
  stop(std::chrono::nanoseconds(0));
  impl_->core.wait_until_left();
}

base::Result<std::unique_ptr<JudgeServer>> JudgeServer::open(Options options, Dependencies deps) {
  DisciplineMask judged = options.disciplines.empty() ? all_disciplines(deps.contest) : 0;
  for (const std::int64_t id : options.disciplines) {
    const auto discipline = deps.contest.find_discipline(id);
    if (!discipline) {
      return base::fail(base::Code::kInvalidArgument,
                        fmt::format("the contest has no discipline {}; it has {}", id,
                                    names_of(all_disciplines(deps.contest), deps.contest)));
    }
    judged |= mask_of(*discipline);
  }
  ASSIGN_OR_RETURN(const auto credentials, server_credentials(options.tls));
  auto impl = std::make_unique<Impl>(std::move(options), std::move(deps), judged);
  const Options& settled = impl->core.options();

  // gRPC keeps both of these for all servers that a process makes from here on.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(settled.address, credentials, &impl->port);
  builder.RegisterService(&impl->service);
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMessageBytesMax));
  // Reflection is of the kind that holds threads.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, kReflectionThreadsMax);
  // Another process on the same port would get half of the callers, and nobody would know.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             static_cast<int>(std::clamp<std::int64_t>(
                                 settled.stream_age.count(), kConnectionAgeMin.count(), INT_MAX)));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             static_cast<int>(kPingIntervalMin.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  impl->server = builder.BuildAndStart();
  if (!impl->server || impl->port <= 0) {
    return base::fail(
        base::Code::kUnavailable,
        settled.tls ? fmt::format("cannot listen on {} with the certificate {} and the key {}",
                                  settled.address, settled.tls->certificate, settled.tls->key)
                    : fmt::format("cannot listen on {}", settled.address));
  }
  Impl& running = *impl;
  impl->ticker =
      std::jthread([&running](const std::stop_token& token) { running.tick_until_stopped(token); });
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
    impl_->core.begin_stopping();
    impl_->core.wait_until_left(patience);
    // Those that watch the health would stay as long as they are let.
    impl_->server->Shutdown(std::chrono::system_clock::now());
    impl_->server->Wait();
    impl_->ticker.request_stop();
    impl_->ticker.join();
  });
}

JudgeServer::Stats JudgeServer::stats() const { return impl_->core.stats(); }

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
