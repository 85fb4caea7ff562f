// One thread of load. It sends its share of the schedule over its own connections and measures.
//
// Open loop. A request is due at its intended time, however slow the server is. The connection that
// has been free the longest sends it. When no connection is free the request waits. Waiting
// requests differ only by their intended time, so a count suffices, without a queue. Latency counts
// from the intended time. So a server that stalls is charged for every request that fell due
// meanwhile, not only for the requests that it received.
//
//   intended  |1   |2   |3   |4   |5   |6
//   sent      |1   |2 (stall)      |3|4|5 |6        one connection
//   latency    ~    ==============             2
//                        ===========           3, and so on; service time shows the stall once
//
// Closed loop. A connection sends its next request when the answer to the last has come.
//
// Retries. A request to be retried stays with its connection, which rests and sends the same bytes
// again. So each connection keeps at most one request. After the run's duration:
//
//   duration | backlog, at most kBacklogGrace (retry_for with retries) | answers, at most timeout
//
// Threads: run() belongs to the generator's thread. Any thread may call interrupt(), and one other
// thread take_progress().
#pragma once

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/result.h"
#include "estadio/load/acks.h"
#include "estadio/load/answer_check.h"
#include "estadio/load/answered_ids.h"
#include "estadio/load/json_reader.h"
#include "estadio/load/report.h"
#include "estadio/load/request_writer.h"
#include "estadio/load/schedule.h"
#include "estadio/load/thread_usage.h"
#include "http/client_connection.h"
#include "net/event_loop.h"

namespace estadio::load {

// All threads of a run wait here for each other before the first request. Any of them may call it.
class StartBarrier {
 public:
  StartBarrier(std::int64_t threads, const base::Clock& clock)
      : clock_(clock), barrier_(threads, SetStart{*this}) {}

  // Blocks until every thread has arrived. Returns the same start time to all.
  base::Nanos arrive_and_wait() {
    barrier_.arrive_and_wait();
    return start_;
  }

 private:
  struct SetStart {
    StartBarrier& owner;
    void operator()() const noexcept { owner.start_ = owner.clock_.mono(); }
  };

  const base::Clock& clock_;
  base::Nanos start_{};
  std::barrier<SetStart> barrier_;
};

// Counts since the start of a run.
struct Progress {
  std::uint64_t sent = 0;  // requests, without retries
  std::uint64_t accepted_entries = 0;
  std::uint64_t errors = 0;
  std::uint64_t retries = 0;
  std::uint64_t waiting = 0;  // requests that are due but not sent
};

class Generator final : private http::ClientConnection::Owner {
 public:
  // How long an open loop without retries still sends late requests after its end.
  static constexpr std::chrono::nanoseconds kBacklogGrace = std::chrono::seconds(1);
  // How long an interrupted run waits for pending answers.
  static constexpr std::chrono::nanoseconds kInterruptGrace = std::chrono::seconds(1);
  // The run starts after this time at the latest, even when some connections are not open.
  static constexpr std::chrono::nanoseconds kOpeningMax = std::chrono::seconds(3);

  struct Options {
    Schedule::Options schedule;
    std::int64_t connections = 64;  // of this thread
    std::chrono::nanoseconds timeout = std::chrono::seconds(10);
    bool retries = false;
    std::chrono::nanoseconds retry_for = std::chrono::seconds(30);  // after the run's end
    ForeignBody foreign = ForeignBody::kFits;
    std::uint64_t seed = 0;
  };

  // All must outlive the generator. `writer` and `acks` are for this generator alone.
  struct Dependencies {
    const http::ClientConnection::Peer& peer;
    RequestWriter& writer;
    AckWriter* acks = nullptr;  // none when null
    AnsweredIds& answered_ids;
    StartBarrier& start_barrier;
    const base::Clock& clock;
  };

  Generator(const Options& options, const Dependencies& deps);
  ~Generator() override;

  // Makes the run and returns its figures. Blocks until it ends.
  // Errors: kUnavailable when no connection opened, without retries; those of writing acks.
  [[nodiscard]] base::Result<Measurements> run();

  // Ends the run early. run() returns the figures so far.
  void interrupt();

  // Returns recent counts. Adds the latencies since about the last call to `recent`. Only one
  // thread may call it.
  [[nodiscard]] Progress take_progress(base::Histogram& recent);

 private:
  enum class Phase { kOpening, kRunning, kDone };

  struct Slot {
    enum class State {
      kOpening,
      kFree,      // in the list of free slots; its connection may have to be opened first
      kBusy,      // an answer is due
      kRetrying,  // rests before it sends its request again
      kResting,   // rests after a failure; has no request
      kRetired,   // has no more requests to send
    };

    Slot(std::size_t index, const http::ClientConnection::Dependencies& shared)
        : connection(index, shared) {}

    http::ClientConnection connection;
    State state = State::kOpening;
    Slot* next_free = nullptr;

    std::string_view request;
    std::string room;  // holds the request's bytes unless the writer does
    SentEntries sent_entries;
    base::Nanos intended{};
    base::Nanos sent{};
    base::Nanos free_since{};
    base::Nanos deadline{};  // end of the wait for the connection or answer, or of the rest
    std::string last_error;  // why the request is retried
    unsigned failures = 0;   // retryable failures in a row
  };

  // Why a request was not accepted.
  struct Fault {
    std::string_view kind;          // as in Measurements::errors
    std::string_view why;           // for Measurements::reasons; may be empty
    bool may_retry = false;         // a later attempt may be accepted
    bool is_of_connection = false;  // the connection is closed; it rests before it opens again
    base::Nanos retry_after{};      // from the server's Retry-After
  };

  // Slots in the order in which they became free.
  class FreeSlots {
   public:
    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    void push(Slot& slot);
    Slot& pop();

   private:
    Slot* first_ = nullptr;
    Slot* last_ = nullptr;
  };

  void on_open(http::ClientConnection& connection) override;
  void on_answer(http::ClientConnection& connection, const http::ResponseParser& answer) override;
  void on_failure(http::ClientConnection& connection, http::ClientConnection::Failure failure,
                  std::string_view why) override;

  [[nodiscard]] Slot& slot_of(const http::ClientConnection& connection) {
    return slots_[connection.index()];
  }

  void settle_opening(Slot& slot, Slot::State state);
  void begin();
  // Sends the due requests on free connections. Sets a timer for the next one.
  void send_due();
  void start_request(Slot& slot, base::Nanos intended);
  void send(Slot& slot);
  void accept(Slot& slot, std::string_view body, base::Nanos now);
  void acknowledge(const Slot& slot, const Answer& answer);
  void note_reason(const Fault& fault);
  // Retries the request or counts it as an error.
  void give_back(Slot& slot, const Fault& fault);
  void end_request(Slot& slot);
  void make_free(Slot& slot);
  void rest(Slot& slot, Slot::State state, base::Nanos delay);
  [[nodiscard]] base::Nanos backoff(const Slot& slot);
  [[nodiscard]] bool is_over(base::Nanos now) const;
  // Checks deadlines, rests and the end of the run. Runs every sweep_every_.
  void sweep();
  void check(Slot& slot, base::Nanos now);
  void stop_if_done(base::Nanos now);
  void stop_early(base::Nanos now);
  void note_usage(base::Nanos now);
  void publish(base::Nanos now);
  [[nodiscard]] Measurements finish();

  const Options options_;
  const Schedule schedule_;
  const base::Nanos sweep_every_;
  RequestWriter& writer_;
  AckWriter* const acks_;
  StartBarrier& start_barrier_;
  const base::Clock& clock_;
  net::EventLoop loop_;
  std::vector<char> receive_buffer_;
  std::deque<Slot> slots_;
  FreeSlots free_;
  JsonReader json_;
  AnswerCheck check_;
  std::minstd_rand jitter_;

  Phase phase_ = Phase::kOpening;
  std::int64_t opening_ = 0;  // slots that have neither opened nor failed
  std::int64_t opened_ = 0;
  std::string why_not_opened_;
  std::optional<base::Error> error_;
  std::atomic<bool> is_interrupted_{false};

  std::int64_t planned_ = 0;     // requests in all
  std::int64_t next_ = 0;        // the index of the next request
  std::int64_t in_hand_ = 0;     // slots that hold a request
  base::Nanos next_intended_{};  // intended time of next_, in an open loop
  base::Nanos armed_for_{};
  base::Nanos start_{};
  base::Nanos end_{};            // no request falls due after it
  base::Nanos backlog_until_{};  // no request is sent for the first time after it
  base::Nanos give_up_at_{};     // pending answers and retries are given up at it
  base::Nanos last_accepted_{};
  ThreadUsage usage_at_start_;
  base::Nanos published_at_{};

  Measurements measured_;
  std::uint64_t error_count_ = 0;

  std::unique_ptr<base::Histogram> recent_latency_;  // being filled
  std::mutex mutex_;
  Progress published_;                               // guarded by mutex_
  std::unique_ptr<base::Histogram> filled_latency_;  // guarded by mutex_; null when it was taken
  std::unique_ptr<base::Histogram> spare_latency_;   // guarded by mutex_; empty, or null
};

}  // namespace estadio::load
