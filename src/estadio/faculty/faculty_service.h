// The HTTP edge takes entries at POST /v1/entries and at each faculty's own paths. The judge judges
// them, and the edge answers when the results are durable.
//
// All requests of one round go to the judge as one batch. When its verdicts are durable, one more
// round answers the whole batch. So all requests that arrive during one commit share the cost of
// the next.
//
//   request -> EntryParser -> Batch of this round -> Judge ... durable -> loop -> answers
//
// Bounds: all loops together have at most `in_flight_bytes` of results that are not durable yet.
// Requests beyond that get 429. A batch that is not durable after `durability_timeout` gets 504.
// Its entries may count. A client may safely send them again with the same ids.
//
// Threads: a FacultyService belongs to its loop; FacultyEdge is shared by the loops.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "estadio/contest/contest.h"
#include "estadio/contest/judge.h"
#include "estadio/contest/record.h"
#include "estadio/dedup/judge_clocks.h"
#include "estadio/faculty/edge_stats.h"
#include "estadio/faculty/entry_parser.h"
#include "http/router.h"
#include "http/server.h"

namespace estadio {

// The data that the loops of one edge share. It must outlive the server.
struct FacultyEdge {
  struct Limits {
    std::size_t entries_per_request = 10'000;
    std::size_t in_flight_bytes = std::size_t{64} << 20;  // of results not durable yet
    std::chrono::nanoseconds durability_timeout = std::chrono::seconds(10);
    // How many batches of one loop may be at the judge. Later requests form the next batch, which
    // is sent when one of these is answered. So batches grow with the time that a judge takes.
    std::size_t batches_at_judge = SIZE_MAX;
    // How long a batch waits for more requests, while it has fewer than the batch that was answered
    // last. Clients that wait for their answers send the next requests together.
    std::chrono::nanoseconds batch_linger{};
    // A batch that is at the judge for longer does not count for batches_at_judge. One discipline's
    // server may be stuck while the others work.
    std::chrono::nanoseconds stuck_after = std::chrono::milliseconds(50);
  };

  const Contest& contest;
  const JudgeClocks& judges;
  EdgeStats& edge_stats;
  const base::Clock& clock;
  const std::function<std::unique_ptr<Judge>()> make_judge;  // called once per loop
  const Limits limits;
  const std::optional<FacultyIndex> only = std::nullopt;  // entries of others are refused
  std::atomic<std::size_t> in_flight_bytes{0};
};

class FacultyService final : public http::Service {
 public:
  explicit FacultyService(FacultyEdge& edge);
  ~FacultyService() override;

  void install(http::Router& router, net::EventLoop& loop) override;

 private:
  // A request whose entries are in a batch.
  struct Waiting {
    http::Exchange exchange;
    base::Nanos received;
    std::uint32_t first = 0;  // entry in the batch
    std::uint32_t count = 0;
    std::size_t record_bytes = 0;  // upper bound of its records' size
    bool is_single = false;
  };
  struct Batch {
    EntryBatch entries;
    std::vector<Verdict> verdicts;
    std::vector<Waiting> waiting;
    base::Nanos submitted{};
    bool has_timed_out = false;
    bool is_in_flight = false;
  };

  // The state of the contest when a request came.
  struct Moment {
    std::int64_t now_ms = 0;
    std::optional<JudgeTimes> judges;  // nothing until the clock of a judge is known
  };
  // Why a request is refused, apart from errors in its body.
  enum class Refusal {
    kMediaType,    // 415
    kNoJudge,      // 503: the clock of no judge is known
    kContestOver,  // 403: the log does not have the entry, and takes nothing more
    kFull,         // 429: too many bytes are in flight
    kTooLarge,     // 413: alone it has more bytes than may be in flight
  };

  void handle(const http::Request& request, http::Exchange exchange,
              std::optional<FacultyIndex> faculty);
  [[nodiscard]] Moment this_moment() const;
  [[nodiscard]] EntryParser::Options parser_options(BodyFormat format,
                                                    std::optional<FacultyIndex> faculty,
                                                    const Moment& moment) const;
  // Returns the batch that gathers requests. Takes a spare one when there is none.
  Batch& gathering();
  // Admits a request whose records have at most `bytes`: adds these to the bytes in flight. Adds
  // nothing when it returns a refusal.
  [[nodiscard]] std::optional<Refusal> admit(std::size_t bytes);
  void refuse(Refusal refusal, http::Exchange exchange);
  void reject(const Rejection& rejection, http::Exchange exchange);

  void submit();
  void complete(Batch& batch, const base::Result<void>& judged);
  void answer(const Batch& batch, const Waiting& waiting);
  void answer_not_kept(const Batch& batch, const Waiting& waiting, Verdict::Durability durability,
                       const base::Result<void>& judged);
  void refuse_not_in_time(const Batch& batch, const Waiting& waiting);
  void refuse_conflict(const Batch& batch, const Waiting& waiting);
  void fail(const Waiting& waiting, Verdict::Durability durability, std::string_view why);
  void check_timeouts();
  void give_up_gathering();

  // Whether the judge has batches_at_judge batches. Stuck ones do not count.
  [[nodiscard]] bool is_judge_busy() const;

  FacultyEdge& edge_;
  const RecordFormat format_;
  EntryParser parser_;
  net::EventLoop* loop_ = nullptr;
  std::vector<std::unique_ptr<Batch>> batches_;  // all batches, spare ones too
  std::vector<Batch*> spare_;
  std::size_t last_requests_ = 0;  // of the batch that was answered last
  base::Nanos linger_until_{};
  Batch* gathering_ = nullptr;  // the next batch; null when no request came yet
  std::string body_;            // room for an answer
  std::vector<std::chrono::nanoseconds> latencies_;
  std::unique_ptr<Judge> judge_;  // last: its destructor answers into the batches
};

// Also writes the metrics of its EdgeStats.
void write_metrics(base::MetricsWriter& metrics, const FacultyEdge& edge);

}  // namespace estadio
