// A simulation of a contest's end on several machines, in one thread, with clocks of its own for
// every process. The judges, their closers and the rule for answers afterwards are the code that
// ships. The log and the control log are in memory, and everything reaches them late.
//
// A seed decides everything. The simulation knows the true time; no process does:
//
//   - The wall clocks of judges and brokers are wrong by up to hours. The clocks that measure a
//     lease run too fast or too slow, by less than a third.
//   - Records, reports and heartbeats are late by up to ten minutes. Some reports are lost.
//   - A judge cannot reach the control log for a while, or reads it with a delay. It freezes for up
//     to five minutes. Another one starts when the contest is already ending.
//   - Half of the entries come at edges: at the end by a judge's clock, in the last moments of a
//     lease, right before a freeze.
//
// After each run: every acknowledged entry is before its partition's first end mark. No entry that
// counts came to the log after the seed was shown. `closed` has the offsets of the first marks.
// Every judge answers acknowledged entries again, and no such answer was ever "the contest is
// over".
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <queue>
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
#include "estadio/discipline/accepted_ids.h"
#include "estadio/discipline/closer.h"
#include "estadio/discipline/local_judge.h"

namespace estadio {
namespace {

using test::Choices;

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kStartMs = test::TestClock::kStartMs;
constexpr std::int64_t kEndMs = kStartMs + 200 * kSecond;
constexpr std::int64_t kHorizonMs = kEndMs + 8000 * kSecond;
constexpr CoinSeed kSeed = {1, 2, 3};
constexpr RetryRule kRule(std::chrono::minutes(10));

// Events in the order of their true times.
class Agenda {
 public:
  void at(std::int64_t time_ms, std::function<void()> what) {
    events_.push({std::max(time_ms, now_ms), next_++, std::move(what)});
  }
  // Does the next event. Returns false when there is none before the horizon.
  bool step() {
    if (events_.empty() || events_.top().time_ms > kHorizonMs) return false;
    const auto what = events_.top().what;
    now_ms = events_.top().time_ms;
    events_.pop();
    what();
    return true;
  }

  std::int64_t now_ms = kStartMs;

 private:
  struct Event {
    std::int64_t time_ms;
    std::uint64_t number;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return time_ms != other.time_ms ? time_ms > other.time_ms : number > other.number;
    }
  };
  std::priority_queue<Event> events_;
  std::uint64_t next_ = 0;
};

// A process' clocks. The one for leases counts freezes too.
class ProcessClock final : public base::Clock {
 public:
  explicit ProcessClock(const Agenda& agenda) : agenda_(agenda) {}

  [[nodiscard]] std::int64_t wall_ms() const override { return agenda_.now_ms + ahead_ms; }
  [[nodiscard]] base::Nanos mono() const override {
    const auto passed = static_cast<double>(agenda_.now_ms - kStartMs) * rate;
    return std::chrono::seconds(1000) + base::Nanos(static_cast<std::int64_t>(passed * 1e6));
  }

  std::int64_t ahead_ms = 0;
  double rate = 1;

 private:
  const Agenda& agenda_;
};

// What the machines share.
struct Cluster {
  Agenda agenda;
  test::MemoryLog results{1};
  std::vector<std::int64_t> came_ms[2];  // when each record came, by partition
  std::vector<ControlRecord> control;
  std::int64_t seed_shown_ms = -1;  // when the first `closed` came
  std::int64_t broker_ahead_ms = 0;
  std::int64_t delay_max_ms = 0;

  std::int64_t delay(Choices& choices) const {
    const std::int64_t most =
        choices.one_in(4) ? delay_max_ms : std::min<std::int64_t>(50, delay_max_ms);
    return choices.range(1, most);
  }
  // Notes when the records came that were added now.
  void note_times() {
    for (std::size_t i = 0; i < 2; ++i) {
      const PartitionId id{.topic = static_cast<Outcome>(i), .number = 0};
      came_ms[i].resize(static_cast<std::size_t>(results.end_offset(id).value()), agenda.now_ms);
    }
  }
};

// A judge's access to the log of results. Answers come while the process does not freeze.
class LateLog final : public EventLog {
 public:
  // `when_awake` runs its argument once the process is not frozen.
  LateLog(Cluster& cluster, Choices& choices, std::function<void(std::function<void()>)> when_awake)
      : cluster_(cluster), choices_(choices), when_awake_(std::move(when_awake)) {}

  void append(const RecordBatch& batch, Done done) override {
    send([this, batch] { cluster_.results.append(batch, [](const base::Result<void>&) {}); },
         std::move(done));
  }
  void append_end_marks(Done done) override {
    send(
        [this] {
          for (const PartitionId each : all_partitions(1)) {
            cluster_.results.add(each, std::string(RecordFormat::kEndMark));
          }
        },
        std::move(done));
  }
  base::Result<base::Uuid> incarnation(PartitionId id) override {
    return cluster_.results.incarnation(id);
  }
  [[nodiscard]] int partitions() const override { return 1; }
  base::Result<std::int64_t> end_offset(PartitionId id) override {
    return cluster_.results.end_offset(id);
  }
  base::Result<std::int64_t> offset_before(PartitionId id, std::int64_t time_ms) override {
    return cluster_.results.offset_before(id, time_ms);
  }
  base::Result<std::unique_ptr<PartitionReader>> read_from(PartitionId id,
                                                           std::int64_t offset) override {
    return cluster_.results.read_from(id, offset);
  }

 private:
  void send(std::function<void()> come, Done done) {
    const std::int64_t comes_ms = cluster_.agenda.now_ms + cluster_.delay(choices_);
    const std::int64_t report_ms = comes_ms + cluster_.delay(choices_);
    const bool is_lost = choices_.one_in(20);
    cluster_.agenda.at(comes_ms, [this, come = std::move(come)] {
      come();
      cluster_.note_times();
    });
    if (is_lost) return;
    cluster_.agenda.at(report_ms,
                       [this, done = std::move(done)] { when_awake_([done] { done({}); }); });
  }

  Cluster& cluster_;
  Choices& choices_;
  const std::function<void(std::function<void()>)> when_awake_;
};

// A judge's access to the control log, which it cannot reach from cut_from_ms to cut_to_ms.
class LateControlLog final : public ControlLog {
 public:
  LateControlLog(Cluster& cluster, Choices& choices) : cluster_(cluster), choices_(choices) {}

  void append(const ControlRecord& record) override {
    std::int64_t comes_ms = cluster_.agenda.now_ms + cluster_.delay(choices_);
    if (comes_ms >= cut_from_ms && comes_ms < cut_to_ms) {
      if (choices_.one_in(2)) return;  // it was given up
      comes_ms = cut_to_ms + cluster_.delay(choices_);
    }
    cluster_.agenda.at(comes_ms, [this, record] {
      if (record.kind == ControlRecord::Kind::kClosed && cluster_.seed_shown_ms < 0) {
        cluster_.seed_shown_ms = cluster_.agenda.now_ms;
      }
      cluster_.control.push_back(record);
      cluster_.control.back().appended_ms = cluster_.agenda.now_ms + cluster_.broker_ahead_ms;
    });
  }
  [[nodiscard]] base::Result<void> read(std::vector<ControlRecord>& records,
                                        std::chrono::nanoseconds) override {
    records.clear();
    const std::int64_t now_ms = cluster_.agenda.now_ms;
    if (now_ms >= cut_from_ms && now_ms < cut_to_ms) {
      return base::fail(base::Code::kUnavailable, "cut off");
    }
    if (choices_.one_in(5)) return {};  // they come later
    const auto end = static_cast<std::size_t>(
        choices_.range(static_cast<std::int64_t>(position_), std::ssize(cluster_.control)));
    for (; position_ < end; ++position_) records.push_back(cluster_.control[position_]);
    return {};
  }

  std::int64_t cut_from_ms = INT64_MAX;
  std::int64_t cut_to_ms = INT64_MIN;

 private:
  Cluster& cluster_;
  Choices& choices_;
  std::size_t position_ = 0;
};

class EndSimulation {
 public:
  EndSimulation(std::uint64_t seed, bool traces, base::Logger& log)
      : choices_(seed), traces_(traces), log_(log) {}

  // Returns what is wrong; nothing when the end is right.
  std::optional<std::string> run() {
    choose_world();
    for (std::size_t i = 0; i < judges_.size(); ++i) start(i);
    while (!failure_ && agenda().step()) {
    }
    return failure_ ? failure_ : check();
  }
  [[nodiscard]] const std::string& trace() const { return trace_; }

 private:
  struct Request {
    EntryBatch batch;
    std::vector<Verdict> verdicts;
  };
  struct Process {
    Process(EndSimulation& world, std::size_t number)
        : clock(world.agenda()),
          log(world.cluster_, world.choices_,
              [&world, number](std::function<void()> what) {
                world.when_awake(number, std::move(what));
              }),
          control(world.cluster_, world.choices_),
          end(kEndMs, ContestEnd::LeaseNeed::kLease, clock),
          accepted({.contest = world.contest_,
                    .events = log,
                    .retry = kRule,
                    .memory = world.memory_,
                    .clock = clock,
                    .log = world.log_}),
          closer({.judge = test::numbered_id(number + 1),
                  .closes_at_ms = kEndMs,
                  .events = log,
                  .control = control,
                  .end = end,
                  .accepted = accepted,
                  .clock = clock,
                  .log = world.log_}),
          judge({.contest = world.contest_,
                 .coin = world.coin_,
                 .events = log,
                 .known = known,
                 .end = end,
                 .accepted = accepted,
                 .retry = kRule,
                 .clock = clock}) {}

    ProcessClock clock;
    std::int64_t starts_ms = kStartMs;
    std::int64_t frozen_until_ms = INT64_MIN;
    LateLog log;
    LateControlLog control;
    KnownIds known{kRule.retention_ms()};
    ContestEnd end;
    AcceptedIds accepted;
    Closer closer;
    LocalJudge judge;
    std::deque<Request> requests;  // deque: they stay where they are
  };

  Agenda& agenda() { return cluster_.agenda; }

  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    if (!traces_) return;
    trace_ += fmt::format("{:9.3f} s  ", static_cast<double>(agenda().now_ms - kEndMs) / 1000.0);
    trace_ += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }
  void fail(std::string why) {
    if (!failure_) failure_ = std::move(why);
  }

  void choose_world() {
    static constexpr std::int64_t kDelays[] = {50, 2 * kSecond, 30 * kSecond, 120 * kSecond,
                                               600 * kSecond};
    static constexpr std::int64_t kAhead[] = {0, 5 * kSecond, 60 * kSecond, 7200 * kSecond};
    static constexpr std::int64_t kDriftPermille[] = {0, 100, 300, 332};
    cluster_.delay_max_ms = choices_.among(kDelays);
    ahead_max_ms_ = choices_.among(kAhead);
    drift_permille_ = choices_.among(kDriftPermille);
    cluster_.broker_ahead_ms = choices_.range(-ahead_max_ms_ / 10, ahead_max_ms_ / 10);
  }

  void start(std::size_t number) {
    judges_[number] = std::make_unique<Process>(*this, number);
    Process& judge = *judges_[number];
    judge.clock.ahead_ms = number == 0 ? choices_.range(0, 2 * kSecond)
                                       : choices_.range(-ahead_max_ms_, ahead_max_ms_);
    judge.clock.rate =
        1 + static_cast<double>(choices_.range(-drift_permille_, drift_permille_)) / 1000.0;
    if (number == judges_.size() - 1) {
      judge.starts_ms = kEndMs + choices_.range(-60 * kSecond, 400 * kSecond);
    }
    if (choices_.one_in(2)) {
      judge.control.cut_from_ms = kEndMs + choices_.range(-120 * kSecond, 60 * kSecond);
      judge.control.cut_to_ms = judge.control.cut_from_ms + choices_.range(0, 400 * kSecond);
    }
    if (choices_.one_in(2)) plan_freeze(number);
    for (int i = 0; i < 6; ++i) {
      plan_entry(number, kEndMs + choices_.range(-150 * kSecond, 400 * kSecond));
      plan_entry(number, kEndMs - judge.clock.ahead_ms + choices_.range(-500, 500));
    }
    agenda().at(judge.starts_ms, [this, number] { step(number); });
  }

  void plan_freeze(std::size_t number) {
    const std::int64_t from_ms = kEndMs + choices_.range(-120 * kSecond, 150 * kSecond);
    const std::int64_t time_ms = choices_.range(kSecond, 300 * kSecond);
    agenda().at(from_ms, [this, number, time_ms] {
      judges_[number]->frozen_until_ms = agenda().now_ms + time_ms;
      say("judge {} freezes for {} s", number, time_ms / kSecond);
    });
    for (int i = 0; i < 2; ++i) plan_entry(number, from_ms - choices_.range(1, 60));
  }
  void plan_entry(std::size_t number, std::int64_t time_ms) {
    agenda().at(std::max(time_ms, judges_[number]->starts_ms),
                [this, number] { when_awake(number, [this, number] { attempt(number); }); });
  }

  // Runs `what` now, or when the judge wakes up.
  void when_awake(std::size_t number, std::function<void()> what) {
    const Process& judge = *judges_[number];
    if (agenda().now_ms >= judge.frozen_until_ms) return what();
    agenda().at(judge.frozen_until_ms + choices_.range(0, 5),
                [this, number, what = std::move(what)] { when_awake(number, what); });
  }

  void step(std::size_t number) {
    Process& judge = *judges_[number];
    if (agenda().now_ms >= judge.frozen_until_ms) {
      const ContestPhase before = judge.end.phase();
      const auto lease_before = judge.end.lease_left().value();
      judge.closer.step({});
      if (judge.end.phase() != before) {
        say("judge {} is {}", number, to_string(judge.end.phase()));
      }
      if (judge.end.lease_left().value() > lease_before && choices_.one_in(3)) {
        plan_entries_at_the_leases_end(number);
      }
      if (judge.accepted.is_ready()) return;  // nothing more happens here
    }
    agenda().at(agenda().now_ms + choices_.range(50, 3 * kSecond),
                [this, number] { step(number); });
  }

  void plan_entries_at_the_leases_end(std::size_t number) {
    const Process& judge = *judges_[number];
    const auto left_ms = static_cast<double>(judge.end.lease_left()->count()) / 1e6;
    const std::int64_t ends_ms =
        agenda().now_ms + static_cast<std::int64_t>(left_ms / judge.clock.rate);
    plan_entry(number, ends_ms - choices_.range(5, 1500));
  }

  // Sends a new entry, or one again.
  void attempt(std::size_t number) {
    if (choices_.one_in(5)) return send(number, choices_.id_of_version_4(), false);
    if (!ids_.empty() && choices_.one_in(3)) return send(number, choices_.among(ids_), true);
    ids_.push_back(choices_.id_of_version_7(judges_[number]->clock.wall_ms()));
    send(number, ids_.back(), true);
  }

  void send(std::size_t number, const base::Uuid& id, bool is_given) {
    Process& judge = *judges_[number];
    Request& request = judge.requests.emplace_back();
    request.batch.entries.push_back({.id = id, .is_id_given = is_given});
    request.verdicts.resize(1);
    judge.judge.judge(request.batch, request.verdicts,
                      [this, number, &request](const base::Result<void>& result) {
                        answer(number, request, result);
                      });
  }

  void answer(std::size_t number, const Request& request, const base::Result<void>& result) {
    using Durability = Verdict::Durability;
    const Entry& entry = request.batch.entries[0];
    const Verdict& verdict = request.verdicts[0];
    const Durability durability = verdict.durability == Durability::kOfBatch
                                      ? durability_of_batch(result)
                                      : verdict.durability;
    const std::string id = entry.id.to_string();
    if (durability == Durability::kKept) {
      say("judge {} answers 200 for {}", number, id);
      acknowledged_.insert(id);
      if (refused_.contains(id))
        fail("an entry was refused for good before it was accepted: " + id);
    } else if (durability == Durability::kOver) {
      refused_.insert(id);
      if (acknowledged_.contains(id)) fail("an accepted entry was refused for good: " + id);
    }
  }

  std::optional<std::string> check() {
    std::array<std::int64_t, 2> marks{};
    std::set<std::string> counted;
    for (const PartitionId each : all_partitions(1)) {
      if (auto why = read_partition(each, marks[index_of(each, 1)], counted)) return why;
    }
    for (const std::string& id : acknowledged_) {
      if (!counted.contains(id)) return "an acknowledged entry does not count: " + id;
    }
    // Judge 0 has the right time, so the contest must close; unless it is away for too long.
    if (cluster_.seed_shown_ms < 0) return "the contest does not close";
    const auto closed =
        std::ranges::find(cluster_.control, ControlRecord::Kind::kClosed, &ControlRecord::kind);
    if (!std::ranges::equal(closed->offsets, marks)) return "closed has other offsets";
    return ask_all_again(counted);
  }

  // Adds the ids before the first mark. Returns what is wrong.
  std::optional<std::string> read_partition(PartitionId partition, std::int64_t& mark,
                                            std::set<std::string>& counted) {
    const auto reader = cluster_.results.read_from(partition, 0).value();
    std::vector<LoggedRecord> records;
    mark = -1;
    while (reader->read(records, {}) && !records.empty()) {
      for (const LoggedRecord& logged : records) {
        if (RecordFormat::is_end_mark(logged.line)) {
          mark = logged.offset;
          return std::nullopt;
        }
        const std::string id = format_.parse(logged.line)->id.to_string();
        counted.insert(id);
        const std::int64_t came_ms =
            cluster_.came_ms[index_of(partition, 1)][static_cast<std::size_t>(logged.offset)];
        if (cluster_.seed_shown_ms >= 0 && came_ms > cluster_.seed_shown_ms) {
          return "an entry counts that came after the seed was shown: " + id;
        }
      }
    }
    return std::nullopt;
  }

  // Each judge that has read the log knows what was accepted.
  std::optional<std::string> ask_all_again(const std::set<std::string>& counted) {
    for (std::size_t i = 0; i < judges_.size() && !failure_; ++i) {
      if (!judges_[i]->accepted.is_ready()) return fmt::format("judge {} does not close", i);
      for (const base::Uuid& id : ids_) send(i, id, true);
    }
    for (const base::Uuid& id : ids_) {
      if (acknowledged_.contains(id.to_string()) != counted.contains(id.to_string())) {
        return "the answer after the end is not what the log says: " + id.to_string();
      }
    }
    return failure_;
  }

  const Contest contest_ = Contest::defaults();
  const RecordFormat format_{contest_};
  const Coin coin_{kSeed};
  Choices choices_;
  const bool traces_;
  base::Logger& log_;
  std::string trace_;
  std::optional<std::string> failure_;

  Cluster cluster_;
  IdMemory memory_{{.bytes_max = std::size_t{1} << 24, .folder = "/nowhere"}};
  std::int64_t ahead_max_ms_ = 0;
  std::int64_t drift_permille_ = 0;
  std::array<std::unique_ptr<Process>, 4> judges_;
  std::vector<base::Uuid> ids_;
  std::set<std::string> acknowledged_;
  std::set<std::string> refused_;
};

TEST(EndSimulationTest, NoEntryCountsOnceTheSeedIsShownAndAllAcceptedOnesDo) {
  const base::SystemClock clock;
  base::Logger log(clock, {.level = base::LogLevel::kError});
  const auto failed = test::failing_seed(
      10, [&](std::uint64_t seed) { return EndSimulation(seed, false, log).run().has_value(); });
  if (!failed) return;
  EndSimulation simulation(*failed, true, log);
  const auto why = simulation.run();
  FAIL() << "SIMULATION_FIRST=" << *failed << "\n"
         << simulation.trace() << why.value_or("it passes alone");
}

}  // namespace
}  // namespace estadio
