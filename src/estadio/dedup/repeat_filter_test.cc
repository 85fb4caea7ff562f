#include "estadio/dedup/repeat_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "estadio/contest/test_log.h"
#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using Decision = RepeatFilter::Decision;
using testing::ElementsAre;

constexpr PartitionId kLosers0{.topic = Outcome::kLoser, .number = 0};
constexpr std::int64_t kNowMs = test::TestClock::kStartMs;
constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;

// Passes calls to another log. It counts the readers, and can refuse them.
class ReadCountingLog final : public EventLog {
 public:
  explicit ReadCountingLog(EventLog& log) : log_(log) {}

  void append(const RecordBatch& batch, Done done) override { log_.append(batch, std::move(done)); }
  void append_end_marks(Done done) override { log_.append_end_marks(std::move(done)); }
  base::Result<base::Uuid> incarnation(PartitionId id) override { return log_.incarnation(id); }
  [[nodiscard]] int partitions() const override { return log_.partitions(); }
  base::Result<std::int64_t> end_offset(PartitionId id) override { return log_.end_offset(id); }
  base::Result<std::int64_t> offset_before(PartitionId id, std::int64_t time_ms) override {
    return log_.offset_before(id, time_ms);
  }
  base::Result<std::unique_ptr<PartitionReader>> read_from(PartitionId id,
                                                           std::int64_t offset) override {
    ++reads;
    if (fails) return base::fail(base::Code::kUnavailable, "the log is away");
    return log_.read_from(id, offset);
  }

  int reads = 0;
  bool fails = false;

 private:
  EventLog& log_;
};

class RepeatFilterTest : public testing::Test {
 protected:
  struct Logged {
    base::Uuid id;
    bool is_given = false;
    std::int64_t time_ms = 0;
    std::string line;
  };

  void log(const base::Uuid& id, std::int64_t time_ms, bool is_given = true) {
    std::string line;
    format_.append(line, {.id = id, .is_id_given = is_given}, {}, Outcome::kLoser);
    line.pop_back();
    memory_log_.add(kLosers0, line, time_ms);
    all_.push_back({.id = id, .is_given = is_given, .time_ms = time_ms, .line = std::move(line)});
  }
  base::Uuid id_of(std::int64_t time_ms) { return ids_.next(time_ms); }

  [[nodiscard]] RepeatFilter filter() {
    return {
        rule_, kLosers0, {.events = log_, .format = format_, .memory = memory_, .clock = clock_}};
  }
  base::Result<Decision> decide(RepeatFilter& filter, std::size_t offset) const {
    const Logged& logged = all_[offset];
    return filter.decide({.id = logged.id, .is_id_given = logged.is_given},
                         {.offset = static_cast<std::int64_t>(offset),
                          .time_ms = logged.time_ms,
                          .line = logged.line});
  }
  // Returns the decisions of a filter that begins at `from`.
  std::vector<Decision> decisions(std::size_t from = 0) {
    RepeatFilter filter = this->filter();
    filter.restart(static_cast<std::int64_t>(from));
    std::vector<Decision> decisions;
    for (std::size_t i = from; i < all_.size(); ++i) {
      const auto decided = decide(filter, i);
      EXPECT_TRUE(decided) << decided.error().message();
      if (!decided) break;
      decisions.push_back(*decided);
    }
    return decisions;
  }

  // The rule as its text says it, over the whole log.
  [[nodiscard]] Decision expected(std::size_t offset) const {
    const Logged& record = all_[offset];
    if (!record.is_given) return Decision::kCounts;
    const auto is_in_time = [&](const Logged& each) {
      const auto id_ms = each.id.time_ms();
      return !id_ms || (*id_ms >= each.time_ms - 12 * kMinute && *id_ms <= each.time_ms + kMinute);
    };
    if (!is_in_time(record)) return Decision::kNotInTime;
    for (std::size_t i = 0; i < offset; ++i) {
      if (!all_[i].is_given || all_[i].id != record.id || !is_in_time(all_[i])) continue;
      if (record.id.version() == 7) return Decision::kRepeat;
      const std::int64_t minutes = minute_of(all_[i].time_ms) - minute_of(record.time_ms);
      if (minutes >= -12 && minutes <= 12) return Decision::kRepeat;
    }
    return Decision::kCounts;
  }

  const Contest contest_ = Contest::defaults();
  const RecordFormat format_{contest_};
  const RetryRule rule_{std::chrono::minutes(10)};
  test::TempFolder folder_;
  IdMemory memory_{{.bytes_max = std::size_t{64} << 10, .folder = folder_.path()}};
  test::HandClock clock_;
  test::MemoryLog memory_log_{1};
  ReadCountingLog log_{memory_log_};
  base::UuidGenerator ids_;
  std::vector<Logged> all_;
};

TEST_F(RepeatFilterTest, ThereIsOneRecordThatCountsOfAnId) {
  const base::Uuid id = id_of(kNowMs);
  log(id, kNowMs);
  log(id_of(kNowMs), kNowMs);
  log(id, kNowMs + 5 * kMinute);
  log(id, kNowMs);
  EXPECT_THAT(decisions(), ElementsAre(Decision::kCounts, Decision::kCounts, Decision::kRepeat,
                                       Decision::kRepeat));
}

TEST_F(RepeatFilterTest, AServersIdAlwaysCounts) {
  const base::Uuid id = ids_.next_marked(kNowMs);
  log(id, kNowMs, false);
  log(id, kNowMs, false);
  EXPECT_THAT(decisions(), ElementsAre(Decision::kCounts, Decision::kCounts));
}

TEST_F(RepeatFilterTest, TheTimesOfIdAndRecordAreComparedToTheMillisecond) {
  for (const std::int64_t age_ms :
       {12 * kMinute, 12 * kMinute + 1, -kMinute, -kMinute - 1, std::int64_t{0}}) {
    log(id_of(kNowMs), kNowMs + age_ms);
  }
  EXPECT_THAT(decisions(), ElementsAre(Decision::kCounts, Decision::kNotInTime, Decision::kCounts,
                                       Decision::kNotInTime, Decision::kCounts));
}

TEST_F(RepeatFilterTest, ARecordThatIsNotInTimeMakesNoOtherARepeat) {
  const base::Uuid id = id_of(kNowMs);
  log(id, kNowMs + 3600 * kSecond);
  log(id, kNowMs);
  EXPECT_THAT(decisions(), ElementsAre(Decision::kNotInTime, Decision::kCounts));
}

TEST_F(RepeatFilterTest, WithoutClientsIdsTheLogIsNeverReadBack) {
  for (int i = 0; i < 100; ++i) log(ids_.next_marked(kNowMs), kNowMs, false);
  EXPECT_EQ(decisions(50).size(), 50U);
  EXPECT_EQ(log_.reads, 0);
}

TEST_F(RepeatFilterTest, AfterARestartTheLogIsReadBackOnce) {
  const base::Uuid id = id_of(kNowMs);
  log(id, kNowMs);
  for (int i = 0; i < 100; ++i) {
    const std::int64_t time_ms = kNowMs + i * 5 * kSecond;
    log(id_of(time_ms - 9 * kMinute), time_ms);
  }
  log(id, kNowMs + 600 * kSecond);
  const auto after = decisions(1);
  EXPECT_EQ(after.back(), Decision::kRepeat);
  EXPECT_EQ(log_.reads, 1);
}

TEST_F(RepeatFilterTest, ARecordFarBehindTheOthersIsComparedWithThoseOfItsTime) {
  const base::Uuid id = id_of(kNowMs);
  log(id, kNowMs);
  for (int i = 1; i <= 120; ++i) log(id_of(kNowMs + i * kMinute), kNowMs + i * kMinute);
  log(id, kNowMs + kMinute);  // by a judge whose clock is two hours behind
  RepeatFilter filter = this->filter();
  filter.restart(0);
  for (std::size_t i = 0; i + 1 < all_.size(); ++i) {
    ASSERT_EQ(decide(filter, i).value(), Decision::kCounts) << i;
    clock_.now += std::chrono::minutes(1);
    filter.forget_old();
  }
  EXPECT_LT(filter.size(), 30U) << "old ids are forgotten";
  EXPECT_EQ(log_.reads, 0);
  EXPECT_EQ(decide(filter, all_.size() - 1).value(), Decision::kRepeat);
  EXPECT_EQ(log_.reads, 1);
}

TEST_F(RepeatFilterTest, AJudgeThatStaysBehindCausesOneReadBack) {
  for (int i = 0; i < 300; ++i) {
    const std::int64_t time_ms = kNowMs + i * 10 * kSecond - (i % 2 == 0 ? 3600 * kSecond : 0);
    log(id_of(time_ms), time_ms);
  }
  RepeatFilter filter = this->filter();
  filter.restart(0);
  for (std::size_t i = 0; i < all_.size(); ++i) {
    ASSERT_TRUE(decide(filter, i));
    clock_.now += std::chrono::seconds(10);
    filter.forget_old();
  }
  EXPECT_LE(log_.reads, 1);
}

TEST_F(RepeatFilterTest, AReadBackThatFailsOrIsCancelledIsAnError) {
  log(id_of(kNowMs), kNowMs);
  log(id_of(kNowMs), kNowMs);
  RepeatFilter filter = this->filter();
  filter.restart(1);
  log_.fails = true;
  EXPECT_EQ(decide(filter, 1).error().code(), base::Code::kUnavailable);
  log_.fails = false;
  filter.restart(1);
  filter.set_cancellation([] { return true; });
  EXPECT_EQ(decide(filter, 1).error().code(), base::Code::kCancelled);
  filter.restart(1);
  filter.set_cancellation([] { return false; });
  EXPECT_EQ(decide(filter, 1).value(), Decision::kCounts);
}

// Logs of judges whose clocks are wrong and jump, with ids that are sent again at the edges of the
// window. Filters that begin anywhere, and forget now and then, decide as the rule says.
TEST_F(RepeatFilterTest, EveryFilterDecidesAsTheRuleSays) {
  std::mt19937_64 random(test::drawn_seed());
  const auto below = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
  };
  for (int round = 0; round < 300; ++round) {
    all_.clear();
    memory_log_.clear();
    std::vector<base::Uuid> sent;
    std::int64_t now_ms = kNowMs;
    std::int64_t clock_ms[] = {below(kMinute), below(2 * 3600 * kSecond) - 3600 * kSecond};
    for (int i = 0; i < 60; ++i) {
      now_ms += below(3 * kMinute);
      std::int64_t& off_ms = clock_ms[below(2)];
      if (below(10) == 0) off_ms = below(2 * 3600 * kSecond) - 3600 * kSecond;
      const std::int64_t time_ms = now_ms + off_ms;
      if (sent.empty() || below(2) == 0) {
        const std::int64_t edges[] = {0, -12 * kMinute, kMinute, -12 * kMinute + 2, below(kMinute)};
        sent.push_back(below(4) == 0 ? test::numbered_id(random() % 8)
                                     : id_of(time_ms + edges[below(5)]));
      }
      const base::Uuid id =
          sent[static_cast<std::size_t>(below(static_cast<std::int64_t>(sent.size())))];
      // A copy at an edge of the id's window, if the id has a time.
      const std::int64_t edges[] = {time_ms, id.time_ms().value_or(time_ms) + 12 * kMinute,
                                    id.time_ms().value_or(time_ms) - kMinute, time_ms};
      log(id, edges[below(4)], below(6) != 0);
    }
    const auto from = static_cast<std::size_t>(below(60));
    RepeatFilter filter = this->filter();
    filter.restart(static_cast<std::int64_t>(from));
    for (std::size_t i = from; i < all_.size(); ++i) {
      const auto decided = decide(filter, i);
      ASSERT_TRUE(decided) << decided.error().message();
      ASSERT_EQ(*decided, expected(i)) << "round " << round << ", offset " << i;
      if (below(3) == 0) {
        clock_.now += std::chrono::minutes(1);
        filter.forget_old();
      }
    }
  }
}

}  // namespace
}  // namespace estadio
