#include "estadio/log/kafka_control_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fmt/format.h>

#include "estadio/contest/control_log_contract.h"
#include "estadio/log/kafka_manifest.h"
#include "estadio/log/test_kafka.h"

namespace estadio {
namespace {

using testing::HasSubstr;

// A contest of its own in the broker of all tests.
KafkaContest new_contest() {
  static int number = 0;
  KafkaContest contest;
  contest.cluster.brokers = test::KafkaBroker::shared().address();
  contest.topics = {.prefix = fmt::format("control{}-{}.", ::getpid(), number++),
                    .partitions = kControlLogPartitions};
  const CoinSeed seed = {1};
  const base::SystemClock clock;
  test::CapturedLog log;
  const auto agreed = agree_on_manifest(
      contest,
      {.started_at_ms = 1000, .coin_commitment = Coin(seed).commitment(), .coin_seed = seed}, clock,
      log.logger());
  if (!agreed) ADD_FAILURE() << agreed.error().message();
  return contest;
}

std::unique_ptr<KafkaControlLog> open_log(const KafkaContest& contest) {
  auto opened = KafkaControlLog::open(
      {.cluster = contest.cluster, .topics = contest.topics, .partitions = kControlLogPartitions});
  if (!opened) ADD_FAILURE() << opened.error().message();
  return *std::move(opened);
}

class KafkaControlLogHarness {
 public:
  static std::optional<std::string> skip_reason() { return test::KafkaBroker::skip_reason(); }
  ControlLog& open() {
    if (logs_.empty()) contest_ = new_contest();
    return *logs_.emplace_back(open_log(contest_));
  }

 private:
  KafkaContest contest_;
  std::vector<std::unique_ptr<KafkaControlLog>> logs_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Kafka, ControlLogContract, KafkaControlLogHarness);

class KafkaControlLogTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = test::KafkaBroker::skip_reason()) GTEST_SKIP() << *why;
    contest_ = new_contest();
  }
  // Puts a record with this value into the topic.
  void put(const std::string& value) const {
    const std::string command = fmt::format(
        "printf '{}\\n' | {}/kafka cli kafka-console-producer --topic {} --bootstrap-server {} "
        "--property parse.key=true --property key.separator=/ >/dev/null",
        "k/" + value, OLIMPIADAS_TOOLS, contest_.topics.contest_name(), contest_.cluster.brokers);
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  // Reads until a record or an error comes.
  static base::Result<std::vector<ControlRecord>> read(ControlLog& log) {
    std::vector<ControlRecord> records;
    const auto end = std::chrono::steady_clock::now() + test::kPatience;
    while (records.empty() && std::chrono::steady_clock::now() < end) {
      RETURN_IF_ERROR(log.read(records, std::chrono::milliseconds(100)));
    }
    return records;
  }

  KafkaContest contest_;
};

TEST_F(KafkaControlLogTest, AnUnknownRecordStopsTheReaderBehindTheRecordsBeforeIt) {
  const auto log = open_log(contest_);
  log->append({.kind = ControlRecord::Kind::kHeartbeat,
               .judge = test::numbered_id(1),
               .number = 7,
               .offsets = {}});
  const auto before = read(*log);
  ASSERT_TRUE(before) << before.error().message();
  EXPECT_EQ(before->at(0).number, 7U);
  put(R"({"kind":"reopened","judge":"00000000-0000-4000-0000-000000000001"})");
  for (int i = 0; i < 2; ++i) {
    const auto refused = read(*log);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), base::Code::kCorruption);
    EXPECT_THAT(refused.error().message(), HasSubstr("offset 2"));
  }
}

TEST_F(KafkaControlLogTest, OffsetsOfAnotherNumberOfPartitionsAreRefused) {
  put(R"({"kind":"closing","judge":"00000000-0000-4000-0000-000000000001","offsets":[1,2]})");
  const auto refused = read(*open_log(contest_));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kCorruption);
}

TEST_F(KafkaControlLogTest, ASecondProposalOfAManifestIsSkipped) {
  put(R"({"version":1,"coin_commitment":"x"})");
  const auto log = open_log(contest_);
  log->append({.kind = ControlRecord::Kind::kHeartbeat,
               .judge = test::numbered_id(1),
               .number = 3,
               .offsets = {}});
  const auto records = read(*log);
  ASSERT_TRUE(records) << records.error().message();
  EXPECT_EQ(records->at(0).number, 3U);
}

}  // namespace
}  // namespace estadio
