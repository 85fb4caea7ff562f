#include "estadio/log/kafka_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "estadio/contest/test_world.h"
#include "estadio/log/test_kafka.h"

namespace estadio {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr CoinSeed kSeed = {1, 2, 3};

ContestManifest proposal_of(const CoinSeed& seed, std::int64_t started_at_ms = 1000) {
  return {.started_at_ms = started_at_ms,
          .retry_window = std::chrono::minutes(3),
          .coin_commitment = Coin(seed).commitment(),
          .coin_seed = seed};
}

class KafkaManifestTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = test::KafkaBroker::skip_reason()) GTEST_SKIP() << *why;
    static int number = 0;
    contest_.cluster.brokers = test::KafkaBroker::shared().address();
    contest_.topics = {.prefix = fmt::format("manifest{}-{}.", ::getpid(), number++),
                       .partitions = 3};
  }
  // Puts a record with this value into the topic `contest`.
  void put(const std::string& value) const {
    const std::string command = fmt::format(
        "printf 'k:%s\\n' '{}' | {}/kafka cli kafka-console-producer --topic {} "
        "--property parse.key=true --property key.separator=: --bootstrap-server {} >/dev/null",
        value, OLIMPIADAS_TOOLS, contest_.topics.contest_name(), contest_.cluster.brokers);
    ASSERT_EQ(std::system(command.c_str()), 0);
  }

  KafkaContest contest_;
  base::SystemClock clock_;
  test::CapturedLog log_;
};

TEST_F(KafkaManifestTest, AContestThatHasNotBegunHasNone) {
  const auto read = read_manifest(contest_, clock_, log_.logger());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), base::Code::kNotFound);
}

TEST_F(KafkaManifestTest, WhatAContestBeginsWithIsWhatAllReadAfterwards) {
  const auto began = agree_on_manifest(contest_, proposal_of(kSeed), clock_, log_.logger());
  ASSERT_TRUE(began) << began.error().message();
  const auto later = agree_on_manifest(contest_, proposal_of({9}, 2000), clock_, log_.logger());
  ASSERT_TRUE(later) << later.error().message();
  const auto read = read_manifest(contest_, clock_, log_.logger());
  ASSERT_TRUE(read) << read.error().message();
  for (const ContestManifest& manifest : {*began, *later, *read}) {
    EXPECT_EQ(manifest.started_at_ms, 1000);
    EXPECT_EQ(manifest.partitions, 3);
    EXPECT_EQ(manifest.retry_window, std::chrono::minutes(3));
    EXPECT_EQ(manifest.coin_commitment, Coin(kSeed).commitment());
    EXPECT_EQ(manifest.coin_seed, kSeed);
  }
}

TEST_F(KafkaManifestTest, ManyThatBeginAtOnceAllTakeOne) {
  constexpr int kProcesses = 6;
  std::vector<base::Result<ContestManifest>> manifests(kProcesses, ContestManifest());
  {
    std::vector<std::jthread> processes;
    for (int i = 0; i < kProcesses; ++i) {
      processes.emplace_back([&, i] {
        manifests[static_cast<std::size_t>(i)] = agree_on_manifest(
            contest_, proposal_of({static_cast<std::uint8_t>(i)}), clock_, log_.logger());
      });
    }
  }
  for (const auto& each : manifests) {
    ASSERT_TRUE(each) << each.error().message();
    EXPECT_EQ(each->coin_seed, manifests[0]->coin_seed);
  }
}

TEST_F(KafkaManifestTest, ASeedThatIsKeptElsewhereIsNotInTheTopic) {
  ContestManifest proposal = proposal_of(kSeed);
  proposal.coin_seed.reset();
  ASSERT_TRUE(agree_on_manifest(contest_, proposal, clock_, log_.logger()));
  const auto read = read_manifest(contest_, clock_, log_.logger());
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->coin_seed);
  EXPECT_EQ(read->coin_commitment, Coin(kSeed).commitment());
}

TEST_F(KafkaManifestTest, ATopicThatSaysSomethingElseIsRefusedWithoutBeingQuoted) {
  const std::string secret = "0123456789abcdef0123456789abcdef";
  const std::pair<std::string, std::string> wrong[] = {
      {"hello", "a JSON object"},
      {R"({"version":2})", "version 1"},
      {R"({"version":1,"started_at_ms":1,"partitions":0})", "partitions"},
      {R"({"version":1,"started_at_ms":1,"partitions":1,"retry_window_ms":1,"retry_ids":1,)"
       R"("coin_commitment":"x","coin_seed":")" +
           secret + R"("})",
       "coin_commitment was made of"}};
  const KafkaTopics topics = contest_.topics;
  for (const auto& [value, expected] : wrong) {
    contest_.topics.prefix += "x";
    const std::string command = fmt::format(
        "{}/kafka cli kafka-topics --create --topic {} --partitions 1 --replication-factor 1 "
        "--config cleanup.policy=compact --config message.timestamp.type=LogAppendTime "
        "--bootstrap-server {} >/dev/null 2>&1",
        OLIMPIADAS_TOOLS, contest_.topics.contest_name(), contest_.cluster.brokers);
    ASSERT_EQ(std::system(command.c_str()), 0);
    put(value);
    const auto read = read_manifest(contest_, clock_, log_.logger());
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), base::Code::kCorruption);
    EXPECT_THAT(read.error().message(), HasSubstr(expected));
    EXPECT_THAT(read.error().message(), Not(HasSubstr(secret)));
  }
}

TEST_F(KafkaManifestTest, ATopicThatForgetsIsRefused) {
  const std::string command = fmt::format(
      "{}/kafka cli kafka-topics --create --topic {} --partitions 1 --replication-factor 1 "
      "--bootstrap-server {} >/dev/null 2>&1",
      OLIMPIADAS_TOOLS, contest_.topics.contest_name(), contest_.cluster.brokers);
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto manifest = agree_on_manifest(contest_, proposal_of(kSeed), clock_, log_.logger());
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code(), base::Code::kFailedPrecondition);
  EXPECT_THAT(manifest.error().message(), HasSubstr("cleanup.policy=compact"));
}

}  // namespace
}  // namespace estadio
