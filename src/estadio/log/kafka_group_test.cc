#include "estadio/log/kafka_group.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "estadio/contest/test_world.h"
#include "estadio/log/kafka_log.h"
#include "estadio/log/test_kafka.h"

namespace estadio {
namespace {

constexpr int kPartitions = 2;

// A member, and the share that it was assigned.
class Member {
 public:
  // With `loses_for` it takes so long to give up what it has lost.
  Member(const KafkaGroup::Options& options, base::Logger& log,
         std::chrono::milliseconds loses_for = {}) {
    auto joined = KafkaGroup::join(
        options,
        {.gained =
             [this](std::span<const PartitionId> gained) {
               const std::scoped_lock lock(mutex_);
               share_.insert(share_.end(), gained.begin(), gained.end());
             },
         .lost =
             [this, loses_for](std::span<const PartitionId> lost) {
               is_losing_ = true;
               std::this_thread::sleep_for(loses_for);
               const std::scoped_lock lock(mutex_);
               for (const PartitionId each : lost) std::erase(share_, each);
             },
         .refused = [](const base::Error& why) { ADD_FAILURE() << why.message(); }},
        clock_, log);
    EXPECT_TRUE(joined) << joined.error().message();
    if (joined) group_ = *std::move(joined);
  }
  [[nodiscard]] std::size_t share() const {
    const std::scoped_lock lock(mutex_);
    return share_.size();
  }
  [[nodiscard]] bool is_losing() const { return is_losing_; }
  KafkaGroup& group() { return *group_; }
  void leave() { group_.reset(); }

 private:
  base::SystemClock clock_;
  std::atomic<bool> is_losing_ = false;
  mutable std::mutex mutex_;
  std::vector<PartitionId> share_;  // guarded by mutex_
  std::unique_ptr<KafkaGroup> group_;
};

class KafkaGroupTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = test::KafkaBroker::skip_reason()) GTEST_SKIP() << *why;
    static int number = 0;
    options_.cluster.brokers = test::KafkaBroker::shared().address();
    options_.topics = {.prefix = fmt::format("group{}-{}.", ::getpid(), number++),
                       .partitions = kPartitions};
    options_.group = options_.topics.prefix + "tally";
    options_.partitions = kPartitions;
    const auto log = KafkaLog::open({.cluster = options_.cluster, .topics = options_.topics},
                                    clock_, log_.logger());
    ASSERT_TRUE(log) << log.error().message();
  }

  base::SystemClock clock_;
  test::CapturedLog log_;
  KafkaGroup::Options options_;
};

TEST_F(KafkaGroupTest, OneMemberHasAllPartitionsAndTwoShareThem) {
  Member first(options_, log_.logger());
  EXPECT_TRUE(test::eventually([&] { return first.share() == 4; }));
  {
    Member second(options_, log_.logger());
    EXPECT_TRUE(test::eventually([&] { return first.share() == 2 && second.share() == 2; }));
  }
  EXPECT_TRUE(test::eventually([&] { return first.share() == 4; })) << log_.text();
}

TEST_F(KafkaGroupTest, AMemberThatLeavesIsToldOfItsLoss) {
  Member member(options_, log_.logger());
  ASSERT_TRUE(test::eventually([&] { return member.share() == 4; }));
  member.leave();
  EXPECT_EQ(member.share(), 0U);
}

// As a tally does whose score book is away.
TEST_F(KafkaGroupTest, AMemberThatIsSlowToGiveUpItsShareLeavesAllTheSame) {
  Member slow(options_, log_.logger(), std::chrono::seconds(4));
  ASSERT_TRUE(test::eventually([&] { return slow.share() == 4; }));
  Member other(options_, log_.logger());
  ASSERT_TRUE(test::eventually([&] { return slow.is_losing(); }));
  slow.leave();
  EXPECT_TRUE(test::eventually([&] { return other.share() == 4; })) << log_.text();
}

TEST_F(KafkaGroupTest, PartitionsBeyondThoseInUseAreNobodys) {
  options_.partitions = 1;
  Member member(options_, log_.logger());
  EXPECT_TRUE(test::eventually([&] { return member.share() == 2; }));
}

TEST_F(KafkaGroupTest, PositionsAreShownByKafkasOwnTools) {
  Member member(options_, log_.logger());
  ASSERT_TRUE(test::eventually([&] { return member.share() == 4; }));
  const std::pair<PartitionId, std::int64_t> position = {{.topic = Outcome::kLoser, .number = 1},
                                                         41};
  const std::string command = fmt::format(
      "{}/kafka cli kafka-consumer-groups --describe --group {} --bootstrap-server {} 2>/dev/null "
      "| grep -Eq 'losers +1 +41 '",
      OLIMPIADAS_TOOLS, options_.group, options_.cluster.brokers);
  EXPECT_TRUE(test::eventually([&] {
    member.group().commit({&position, 1});
    return std::system(command.c_str()) == 0;
  }));
}

}  // namespace
}  // namespace estadio
