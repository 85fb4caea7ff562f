// A simulation of a contest: judges, a log, tallies and a score book in one thread, with a clock of
// its own for every process. The code under test is the code that ships.
//
// A seed decides everything. The simulation knows the true time; no process does. Clocks start
// wrong and jump by hours. Entries are sent again, above all at the edges of the retry window.
// Batches reach the log late, or are lost with their judge. Judges and tallies crash between any
// two steps. Two tallies count each partition. The score book goes back. The log loses its
// end and grows again, between any two steps, and somebody repairs the score later. A program that
// is no judge writes records.
//
// After each run the log is counted by the rule's text, and the score must be the same. Every
// acknowledged entry must be in it.
//
// SIMULATION_SEEDS says how many seeds to run, SIMULATION_FIRST the first one. A failing seed
// prints its shortest trace.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "estadio/app/test_simulation.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/known_ids.h"
#include "estadio/contest/test_log.h"
#include "estadio/contest/test_world.h"
#include "estadio/dedup/id_memory.h"
#include "estadio/dedup/judge_clocks.h"
#include "estadio/discipline/accepted_ids.h"
#include "estadio/discipline/local_judge.h"
#include "estadio/tally/partition_counter.h"
#include "estadio/verify/recount.h"

namespace estadio {
namespace {

using std::chrono::minutes;
using test::Choices;

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kStartMs = test::TestClock::kStartMs;
constexpr CoinSeed kSeed = {1, 2, 3};
constexpr RetryRule kRule(minutes(10));

// A process' clock. `now_ms` is the true time.
class SimulatedClock final : public base::Clock {
 public:
  explicit SimulatedClock(const std::int64_t& now_ms) : now_ms_(now_ms) {}

  [[nodiscard]] std::int64_t wall_ms() const override { return now_ms_ + ahead_ms; }
  [[nodiscard]] base::Nanos mono() const override {
    return std::chrono::milliseconds(now_ms_ - kStartMs);
  }

  std::int64_t ahead_ms = 0;

 private:
  const std::int64_t& now_ms_;
};

// A judge's access to the log of the cluster. Its appends reach the log when the simulation
// delivers them.
class SimulatedLog final : public EventLog {
 public:
  explicit SimulatedLog(test::MemoryLog& storage) : storage_(storage) {}

  void append(const RecordBatch& batch, Done done) override {
    pending_.push_back({batch, std::move(done)});
  }
  void append_end_marks(Done) override { ADD_FAILURE() << "these contests have no end"; }
  [[nodiscard]] bool has_pending() const { return !pending_.empty(); }
  // The oldest append reaches the log. Its answer comes too, unless it is lost.
  void deliver(bool is_answered) {
    const Pending next = std::move(pending_.front());
    pending_.pop_front();
    storage_.append(next.batch, [](const base::Result<void>&) {});
    if (is_answered) next.done({});
  }

  base::Result<base::Uuid> incarnation(PartitionId id) override { return storage_.incarnation(id); }
  [[nodiscard]] int partitions() const override { return storage_.partitions(); }
  base::Result<std::int64_t> end_offset(PartitionId id) override { return storage_.end_offset(id); }
  base::Result<std::int64_t> offset_before(PartitionId id, std::int64_t time_ms) override {
    return storage_.offset_before(id, time_ms);
  }
  base::Result<std::unique_ptr<PartitionReader>> read_from(PartitionId id,
                                                           std::int64_t offset) override {
    return storage_.read_from(id, offset);
  }

 private:
  struct Pending {
    RecordBatch batch;
    Done done;
  };

  test::MemoryLog& storage_;
  std::deque<Pending> pending_;
};

// A score book that can go back.
class SimulatedBook final : public ScoreBook {
 public:
  base::Result<CommitOutcome> commit(const ScoreCommit& commit) override {
    const PartitionState* stored = score_.find(commit.partition);
    if (stored == nullptr ? commit.before.next_offset != 0 : *stored != commit.before) {
      return CommitOutcome{.is_applied = false, .position = score_.position(commit.partition)};
    }
    if (before_.size() < 8) before_.push_back(score_);
    for (const ScoreCommit::Delta& delta : commit.deltas) {
      score_.counts.push_back({.faculty = {},
                               .discipline_id = delta.discipline,
                               .outcome = commit.partition.topic,
                               .count = delta.count});
    }
    score_.not_counted += commit.not_counted;
    std::erase_if(score_.positions,
                  [&](const auto& each) { return each.partition == commit.partition; });
    score_.positions.push_back({.partition = commit.partition, .state = commit.after});
    return CommitOutcome{.is_applied = true, .position = commit.after.next_offset};
  }
  base::Result<Score> read() const override { return score_; }
  void replace(Score score) {
    score_ = std::move(score);
    before_.clear();  // these books may count lost records
  }
  void go_back(Choices& choices) {
    if (before_.empty()) return;
    score_ = choices.among(before_);
    before_.clear();
  }

 private:
  Score score_;
  std::vector<Score> before_;  // some earlier moments
};

// The end of a contest that stays open. A judge asks for it.
struct OpenEnd {
  OpenEnd(const Contest& contest, EventLog& events, IdMemory& memory, const base::Clock& clock,
          base::Logger& log)
      : end(std::nullopt, ContestEnd::LeaseNeed::kNone, clock),
        accepted({.contest = contest,
                  .events = events,
                  .retry = kRule,
                  .memory = memory,
                  .clock = clock,
                  .log = log}) {}

  ContestEnd end;
  AcceptedIds accepted;
};

struct Request {
  EntryBatch batch;
  std::vector<Verdict> verdicts;
};
struct JudgeProcess {
  explicit JudgeProcess(const std::int64_t& now_ms) : clock(now_ms) {}
  SimulatedClock clock;
  // How far the edge's reading of this clock is ahead of the true time. Each message corrects it.
  std::int64_t edge_ahead_ms = 0;
  std::unique_ptr<SimulatedLog> log;
  std::unique_ptr<KnownIds> known;
  std::unique_ptr<OpenEnd> end;
  std::unique_ptr<LocalJudge> judge;
  std::deque<Request> requests;  // deque: they stay where they are
};
std::unique_ptr<LocalJudge> make_judge(JudgeProcess& judge, const Contest& contest,
                                       const Coin& coin) {
  return std::make_unique<LocalJudge>(LocalJudge::Dependencies{.contest = contest,
                                                               .coin = coin,
                                                               .events = *judge.log,
                                                               .known = *judge.known,
                                                               .end = judge.end->end,
                                                               .accepted = judge.end->accepted,
                                                               .retry = kRule,
                                                               .clock = judge.clock});
}
struct TallyProcess {
  TallyProcess(const std::int64_t& now_ms, PartitionId counted)
      : clock(now_ms), partition(counted) {}
  SimulatedClock clock;
  const PartitionId partition;
  std::unique_ptr<Tally::Dependencies> deps;
  std::unique_ptr<PartitionCounter> counter;
  std::unique_ptr<PartitionReader> reader;  // null: it has not started
};
struct Id {
  base::Uuid id;
  bool is_made = false;
};

// What happened in a run.
class Trace {
 public:
  Trace(bool is_kept, const std::int64_t& now_ms) : is_kept_(is_kept), now_ms_(now_ms) {}

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    if (!is_kept_) return;
    text_ += fmt::format("{:9.3f} s  ", static_cast<double>(now_ms_ - kStartMs) / 1000.0);
    text_ += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  const bool is_kept_;
  const std::int64_t& now_ms_;
  std::string text_;
};

// Counts the log by the text of the rule. Adds the ids that count.
std::int64_t expected_count(test::MemoryLog& log, const RecordFormat& format, Outcome topic,
                            std::set<std::string>& in_log) {
  std::int64_t count = 0;
  const auto reader = log.read_from({.topic = topic, .number = 0}, 0).value();
  std::vector<LoggedRecord> records;
  while (reader->read(records, {}) && !records.empty()) {
    for (const LoggedRecord& logged : records) {
      const Record record = format.parse(logged.line).value();
      const auto id_ms = record.id.time_ms();
      if (record.is_id_given &&
          (logged.time_ms - *id_ms > 12 * kMinute || *id_ms - logged.time_ms > kMinute)) {
        continue;
      }
      if (in_log.insert(record.id.to_string()).second) ++count;
    }
  }
  return count;
}

class Simulation {
 public:
  Simulation(std::uint64_t seed, int steps, bool traces, base::Logger& log)
      : choices_(seed), steps_(steps), log_(log), trace_(traces, now_ms_) {
    storage_.bound_reads([this] { return choices_.range(1, 6); });
  }

  // Returns what is wrong; nothing when the score is exact.
  std::optional<std::string> run() {
    for (auto& judge : judges_) start(judge, choices_.clock_error_ms());
    for (auto& tally : tallies_) {
      tally.clock.ahead_ms = choices_.clock_error_ms();
      start(tally);
    }
    for (int i = 0; i < 5; ++i) ids_.emplace_back();
    for (int i = 0; i < steps_; ++i) step();
    return finish();
  }
  [[nodiscard]] const std::string& trace() const { return trace_.text(); }

 private:
  [[nodiscard]] std::size_t number_of(const JudgeProcess& judge) const {
    return static_cast<std::size_t>(&judge - judges_.data());
  }

  void start(JudgeProcess& judge, std::int64_t ahead_ms) {
    judge.clock.ahead_ms = judge.edge_ahead_ms = ahead_ms;
    judge.judge.reset();
    judge.requests.clear();
    judge.log = std::make_unique<SimulatedLog>(storage_);
    judge.known = std::make_unique<KnownIds>(12 * kMinute);
    judge.end = std::make_unique<OpenEnd>(contest_, *judge.log, memory_, judge.clock, log_);
    judge.judge = make_judge(judge, contest_, coin_);
  }
  void start(TallyProcess& tally) {
    tally.reader.reset();
    tally.counter.reset();
    tally.deps.reset(new Tally::Dependencies{.contest = contest_,
                                             .events = storage_,
                                             .scores = book_,
                                             .retry = kRule,
                                             .memory = memory_,
                                             .clock = tally.clock,
                                             .log = log_});
    tally.counter =
        std::make_unique<PartitionCounter>(options_, *tally.deps, tally.partition, nullptr);
  }

  void step() {
    advance();
    switch (choices_.range(0, 15)) {
      case 0: return jump();
      case 1: return restart();
      case 2:
        if (!choices_.one_in(4)) return write_as_a_stranger(choices_.among(ids_));
        if (choices_.one_in(2)) return lose_end();
        trace_.add("the score book goes back");
        return book_.go_back(choices_);
      case 3: return send(choices_.among(judges_), choices_.id_of_version_4(), false);
      case 4:
      case 5:
      case 6: return deliver(choices_.among(judges_));
      case 7:
      case 8:
      case 9: return count(choices_.among(tallies_));
      default: return attempt(choices_.among(ids_));
    }
  }

  // Half of the time goes to the edge of an id's window, by the clock of a judge.
  void advance() {
    if (choices_.one_in(3)) now_ms_ += choices_.range(0, 2 * kSecond);
    if (choices_.one_in(6)) now_ms_ += choices_.range(0, 13 * kMinute);
    if (!choices_.one_in(3)) return;
    const Id& id = choices_.among(ids_);
    if (!id.is_made || !id.id.time_ms()) return;
    static constexpr std::int64_t kEdges[] = {10 * kMinute,  11 * kMinute,  12 * kMinute,
                                              -30 * kSecond, -45 * kSecond, -60 * kSecond};
    const std::int64_t then_ms = *id.id.time_ms() + choices_.among(kEdges) -
                                 choices_.among(judges_).clock.ahead_ms +
                                 choices_.range(-2 * kSecond, 2 * kSecond);
    if (then_ms > now_ms_ && then_ms < now_ms_ + kHour) now_ms_ = then_ms;
  }

  void jump() {
    if (choices_.one_in(3)) {
      choices_.among(tallies_).clock.ahead_ms = choices_.clock_error_ms();
      return;
    }
    JudgeProcess& judge = choices_.among(judges_);
    judge.clock.ahead_ms = choices_.clock_error_ms();
    // The edge learns of it now, or with the next message.
    if (choices_.one_in(2)) judge.edge_ahead_ms = judge.clock.ahead_ms;
    trace_.add("judge {}'s clock shows {} s too much", number_of(judge),
               judge.clock.ahead_ms / kSecond);
  }

  void restart() {
    if (choices_.one_in(2)) {
      start(choices_.among(tallies_));
      return;
    }
    JudgeProcess& judge = choices_.among(judges_);
    // What it sent may still reach the log.
    while (judge.log->has_pending() && choices_.one_in(2)) judge.log->deliver(false);
    start(judge, choices_.one_in(2) ? judge.clock.ahead_ms : choices_.clock_error_ms());
    trace_.add("judge {} is started again", number_of(judge));
  }

  void attempt(Id& id) {
    JudgeProcess& judge = choices_.among(judges_);
    if (!id.is_made) {
      static constexpr std::int64_t kAges[] = {0, 0, 10 * kMinute, -30 * kSecond};
      const std::int64_t time_ms =
          judge.clock.wall_ms() - choices_.among(kAges) + choices_.range(-2 * kSecond, 2 * kSecond);
      id = {.id = choices_.id_of_version_7(time_ms), .is_made = true};
    }
    const std::int64_t edge_ms = now_ms_ + judge.edge_ahead_ms;
    if (why_refused(id.id, {.earliest_ms = edge_ms, .latest_ms = edge_ms, .rule = kRule})) return;
    send(judge, id.id, true);
  }

  void send(JudgeProcess& judge, const base::Uuid& id, bool is_given) {
    Request& request = judge.requests.emplace_back();
    request.batch.entries.push_back({.id = id, .is_id_given = is_given});
    request.verdicts.resize(1);
    trace_.add("judge {} gets {}", number_of(judge), id.to_string());
    judge.judge->judge(request.batch, request.verdicts,
                       [this, &judge, &request](const base::Result<void>& result) {
                         answer(judge, request, result);
                       });
  }

  void answer(JudgeProcess& judge, const Request& request, const base::Result<void>& result) {
    judge.edge_ahead_ms = judge.clock.ahead_ms;  // each message shows the clock
    const Verdict& verdict = request.verdicts[0];
    const bool is_kept = result && (verdict.durability == Verdict::Durability::kOfBatch ||
                                    verdict.durability == Verdict::Durability::kKept);
    if (!is_kept) return;
    acknowledged_.insert(request.batch.entries[0].id.to_string());
    trace_.add("judge {} answers 200 for {}", number_of(judge),
               request.batch.entries[0].id.to_string());
  }

  // A program that is no judge writes a copy into the log, at an edge of what is in time.
  void write_as_a_stranger(const Id& id) {
    if (!id.is_made) return;
    static constexpr std::int64_t kEdges[] = {12 * kMinute, -kMinute};
    const std::int64_t time_ms =
        *id.id.time_ms() + choices_.among(kEdges) + choices_.range(-kSecond, kSecond);
    const Outcome topic = coin_.toss(id.id).outcome;
    std::string line;
    format_.append(line, {.id = id.id, .is_id_given = true}, {}, topic);
    line.pop_back();
    storage_.add({.topic = topic, .number = 0}, std::move(line), time_ms);
    trace_.add("a stranger writes {}", id.id.to_string());
  }

  // The log loses its last records. Often their entries are sent again at once, to any judge, and
  // land at the same offsets.
  void lose_end() {
    const PartitionId partition{.topic = static_cast<Outcome>(choices_.range(0, 1)), .number = 0};
    const std::int64_t end = storage_.end_offset(partition).value();
    const std::int64_t lost = choices_.range(0, std::min<std::int64_t>(4, end));
    if (lost == 0) return;
    trace_.add("{} loses its last {} records", topic_name(partition.topic), lost);
    has_lost_ = true;
    now_ms_ += choices_.range(1, 10 * kSecond);  // a broker's restart
    const auto gone = storage_.lose_end_for_good(partition, static_cast<std::size_t>(end - lost));
    for (const auto& line : gone) {
      acknowledged_.erase(std::string(RecordFormat::id_text(line.text)));
    }
    for (JudgeProcess& judge : judges_) judge.known->forget();
    if (choices_.one_in(3)) return;
    const std::int64_t ahead_ms = choices_.among(judges_).clock.ahead_ms;
    for (const auto& line : gone) storage_.add(partition, line.text, now_ms_ + ahead_ms);
  }

  // Somebody runs `estadio repair --apply`.
  void repair() {
    Recount recount({.contest = contest_,
                     .events = storage_,
                     .retry = kRule,
                     .memory = memory_,
                     .clock = judges_[0].clock,
                     .on_progress = {}});
    if (auto counted = recount.count_to(book_.read()->positions); !counted) {
      return fail(counted.error().message());
    }
    book_.replace(recount.score());
    has_lost_ = false;
    trace_.add("the score is repaired");
  }

  void deliver(JudgeProcess& judge) {
    if (judge.log->has_pending()) judge.log->deliver(!choices_.one_in(8));
  }

  // One round of a tally, which may die before its commit. The log may lose its end between any two
  // steps of the round.
  void count(TallyProcess& tally) {
    if (!tally.reader) {
      auto started = tally.counter->start();
      if (!started) return stop(tally, started.error());
      tally.reader = *std::move(started);
      return;
    }
    std::stop_source stopping;
    stopping.request_stop();  // gather() does not wait
    if (auto gathered = tally.counter->gather(*tally.reader, stopping.get_token()); !gathered) {
      return stop(tally, gathered.error());
    }
    if (choices_.one_in(8)) return start(tally);
    if (is_lossy_ && choices_.one_in(50)) lose_end();
    const auto applied = tally.counter->commit(tally.reader->position());
    if (!applied) return stop(tally, applied.error());
    if (!*applied) tally.reader.reset();
    if (is_lossy_ && choices_.one_in(50)) lose_end();
  }

  // A tally stops only when the log has lost counted records. It looks again later.
  void stop(TallyProcess& tally, const base::Error& error) {
    Tally::Stats stats;
    tally.counter->add_to(stats);
    if (!stats.has_log_gone_back || !has_lost_) return fail(error.message());
    trace_.add("a tally stops: {}", error.message());
    tally.reader.reset();
    if (choices_.one_in(3)) repair();
  }

  void fail(std::string why) {
    if (!failure_) failure_ = std::move(why);
  }

  std::optional<std::string> finish() {
    for (auto& judge : judges_) {
      while (judge.log->has_pending()) judge.log->deliver(true);
    }
    is_lossy_ = false;
    for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) count_to_the_end(topic);
    if (failure_) return failure_;
    const Score score = book_.read().value();
    std::map<Outcome, std::int64_t> counted;
    for (const Score::Count& count : score.counts) counted[count.outcome] += count.count;
    std::set<std::string> in_log;
    for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
      const std::int64_t expected = expected_count(storage_, format_, topic, in_log);
      if (counted[topic] != expected) {
        return fmt::format("{}: the log has {} entries, the score {}", topic_name(topic), expected,
                           counted[topic]);
      }
    }
    for (const std::string& id : acknowledged_) {
      if (!in_log.contains(id)) return "an acknowledged entry does not count: " + id;
    }
    return std::nullopt;
  }

  void count_to_the_end(Outcome topic) {
    const PartitionId partition{.topic = topic, .number = 0};
    TallyProcess last(now_ms_, partition);
    start(last);
    for (int i = 0; i < 10'000 && !failure_; ++i) {
      count(last);
      const std::int64_t position = book_.read()->position(partition);
      if (last.reader && position == storage_.end_offset(partition).value()) return;
    }
    fail("the tally does not reach the end of the log");
  }

  const Contest contest_ = Contest::defaults();
  const RecordFormat format_{contest_};
  const Coin coin_{kSeed};
  Choices choices_;
  const int steps_;
  base::Logger& log_;
  std::optional<std::string> failure_;

  std::int64_t now_ms_ = kStartMs;
  Trace trace_;
  test::MemoryLog storage_{1};
  SimulatedBook book_;
  IdMemory memory_{{.bytes_max = std::size_t{1} << 20, .folder = "/nowhere"}};
  const Tally::Options options_{.commit_every = std::chrono::nanoseconds(0)};
  std::array<JudgeProcess, 2> judges_{JudgeProcess(now_ms_), JudgeProcess(now_ms_)};
  std::array<TallyProcess, 4> tallies_{
      TallyProcess(now_ms_, {.topic = Outcome::kWinner, .number = 0}),
      TallyProcess(now_ms_, {.topic = Outcome::kWinner, .number = 0}),
      TallyProcess(now_ms_, {.topic = Outcome::kLoser, .number = 0}),
      TallyProcess(now_ms_, {.topic = Outcome::kLoser, .number = 0})};
  std::vector<Id> ids_;
  std::set<std::string> acknowledged_;
  bool is_lossy_ = true;   // the log may lose its end
  bool has_lost_ = false;  // it has, since the last repair
};

constexpr int kSteps = 120;

// Returns the trace of the shortest failing start of the run.
std::string shortest_trace(std::uint64_t seed, base::Logger& log) {
  for (int steps = 1; steps <= kSteps; ++steps) {
    Simulation simulation(seed, steps, true, log);
    if (const auto why = simulation.run()) return simulation.trace() + *why;
  }
  return "only the whole run fails";
}

TEST(SimulationTest, EveryEntryCountsOnceWhateverTheClocksSay) {
  test::CapturedLog captured;
  const auto failed = test::failing_seed(1, [&](std::uint64_t seed) {
    return Simulation(seed, kSteps, false, captured.logger()).run().has_value();
  });
  if (!failed) return;
  Simulation simulation(*failed, kSteps, false, captured.logger());
  FAIL() << "SIMULATION_FIRST=" << *failed << ": " << simulation.run().value_or("it passes alone")
         << "\n"
         << shortest_trace(*failed, captured.logger());
}

}  // namespace
}  // namespace estadio
