// RedisFacts against a real server.
#include "estadio/score/redis_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <functional>
#include <string>
#include <vector>

#include "estadio/contest/test_world.h"
#include "estadio/score/test_redis_server.h"

namespace estadio {
namespace {

using base::Code;
using test::TestRedisServer;
using testing::HasSubstr;

constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};
constexpr PartitionId kWinners1{.topic = Outcome::kWinner, .number = 1};
constexpr PartitionId kLosers0{.topic = Outcome::kLoser, .number = 0};
constexpr PartitionId kLosers10{.topic = Outcome::kLoser, .number = 10};

// Returns the server of all tests that do not change its state. It ends with the program's last
// thread.
TestRedisServer& shared_server() {
  static TestRedisServer server;
  return server;
}

ContestFacts facts_with(std::vector<ContestFacts::End> ends) {
  return {.started_at_ms = 1'790'000'000'000,
          .coin_commitment = std::string(64, 'a'),
          .retry_window_ms = 600'000,
          .coin_seed = std::nullopt,
          .ends = std::move(ends)};
}

class RedisFactsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TestRedisServer::missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    facts_ = open(shared_server());
  }

  std::unique_ptr<RedisFacts> open(const TestRedisServer& server) {
    RedisFacts::Options options;
    options.url = server.unix_url();
    options.prefix = prefix_;
    auto opened = RedisFacts::open(options, clock_);
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *std::move(opened) : nullptr;
  }
  [[nodiscard]] std::string key() const { return fmt::format("{{{}}}:contest", prefix_); }
  static base::Error error_of(const base::Result<ContestFacts>& result) {
    EXPECT_FALSE(result);
    return result ? base::Error(Code::kInternal, "no error") : result.error();
  }
  static std::string next_prefix() {
    static int count = 0;
    return fmt::format("facts-{}", ++count);
  }

  const std::string prefix_ = next_prefix();
  base::SystemClock clock_;
  std::unique_ptr<RedisFacts> facts_;
};

TEST_F(RedisFactsTest, PublishedFactsAreRead) {
  ContestFacts published =
      facts_with({{.partition = kLosers10, .offset = 4}, {.partition = kWinners0, .offset = 7}});
  published.coin_seed = std::string(32, 'b');
  ASSERT_TRUE(facts_->publish(published));
  const auto read = facts_->read();
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->started_at_ms, published.started_at_ms);
  EXPECT_EQ(read->coin_commitment, published.coin_commitment);
  EXPECT_EQ(read->coin_seed, published.coin_seed);
  EXPECT_EQ(read->retry_window_ms, published.retry_window_ms);
  ASSERT_EQ(read->ends.size(), 2U);
  EXPECT_EQ(read->ends[0].partition, kWinners0);
  EXPECT_EQ(read->ends[0].offset, 7);
  EXPECT_EQ(read->ends[1].partition, kLosers10);
  EXPECT_EQ(read->ends[1].offset, 4);
}

TEST_F(RedisFactsTest, APersonCanReadTheFactsInTheKey) {
  ASSERT_TRUE(facts_->publish(facts_with({{.partition = kWinners0, .offset = 7}})));
  EXPECT_EQ(shared_server().command({"HGETALL", key()}),
            fmt::format("started_at_ms 1790000000000 coin_commitment {} "
                        "retry_window_ms 600000 end/winners/0 7",
                        std::string(64, 'a')));
}

TEST_F(RedisFactsTest, SeveralProcessesEachPublishThePartitionsThatTheyRead) {
  ASSERT_TRUE(facts_->publish(facts_with({{.partition = kWinners1, .offset = 1}})));
  const auto other = open(shared_server());
  ASSERT_TRUE(other->publish(facts_with({{.partition = kLosers0, .offset = 2}})));
  ASSERT_TRUE(facts_->publish(facts_with({{.partition = kWinners1, .offset = 3}})));
  const auto read = facts_->read();
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->ends.size(), 2U);
  EXPECT_EQ(read->ends[0].offset, 3);
  EXPECT_EQ(read->ends[1].offset, 2);
}

TEST_F(RedisFactsTest, PublishingWithoutASeedKeepsThePublishedSeed) {
  ContestFacts facts = facts_with({});
  ASSERT_TRUE(facts_->publish(facts));
  EXPECT_EQ(facts_->read()->coin_seed, std::nullopt);
  facts.coin_seed = std::string(32, '0');
  ASSERT_TRUE(facts_->publish(facts));
  facts.coin_seed.reset();
  ASSERT_TRUE(facts_->publish(facts));
  EXPECT_EQ(facts_->read()->coin_seed, std::string(32, '0'));
}

TEST_F(RedisFactsTest, ReadingBeforeAnyPublishingSaysSo) {
  const base::Error error = error_of(facts_->read());
  EXPECT_EQ(error.code(), Code::kNotFound);
  EXPECT_THAT(error.message(), HasSubstr(key()));
  EXPECT_THAT(error.message(), HasSubstr("no tally has reported to this Redis yet"));
}

TEST_F(RedisFactsTest, AValueThatWasNotPublishedIsNamed) {
  struct Case {
    std::string field;
    std::string value;
  };
  for (const auto& [field, value] : {Case{"started_at_ms", ""},
                                     {"started_at_ms", "-1"},
                                     {"started_at_ms", "1000000000000000000"},
                                     {"coin_commitment", std::string(63, 'a')},
                                     {"coin_commitment", std::string(64, 'A')},
                                     {"coin_seed", std::string(64, 'a')},
                                     {"coin_seed", ""},
                                     {"end/winners/0", "x"},
                                     {"end/winners/0", "01"},
                                     {"end/winners/x", "1"},
                                     {"end/draws/0", "1"},
                                     {"end/", "1"},
                                     {"retry_window_ms", "10m"},
                                     {"retry_window_ms/winners/0", "1"},
                                     {"another", "1"}}) {
    shared_server().command({"DEL", key()});
    ASSERT_TRUE(facts_->publish(facts_with({{.partition = kWinners0, .offset = 1}})));
    shared_server().command({"HSET", key(), field, value});
    const base::Error error = error_of(facts_->read());
    EXPECT_EQ(error.code(), Code::kCorruption) << field << " " << value;
    EXPECT_THAT(error.message(),
                HasSubstr(fmt::format("{}, field {} holds '{}'", key(), field, value)));
  }
}

TEST_F(RedisFactsTest, AMissingFieldIsNamed) {
  for (const std::string field : {"started_at_ms", "coin_commitment", "retry_window_ms"}) {
    ASSERT_TRUE(facts_->publish(facts_with({{.partition = kWinners0, .offset = 1}})));
    shared_server().command({"HDEL", key(), field});
    const base::Error error = error_of(facts_->read());
    EXPECT_EQ(error.code(), Code::kCorruption);
    EXPECT_THAT(error.message(), HasSubstr(fmt::format("the field {} is missing", field)));
  }
}

TEST_F(RedisFactsTest, AHashOfMoreFieldsThanAContestHasIsRefused) {
  std::vector<std::string> command = {"HSET", key()};
  for (int i = 0; i < 5000; ++i) {
    command.push_back(fmt::format("end/winners/{}", i));
    command.emplace_back("1");
  }
  shared_server().command(command);
  EXPECT_EQ(error_of(facts_->read()).code(), Code::kCorruption);
}

TEST_F(RedisFactsTest, AKeyOfAnotherTypeIsAFailedPrecondition) {
  shared_server().command({"SET", key(), "x"});
  EXPECT_EQ(error_of(facts_->read()).code(), Code::kFailedPrecondition);
  const auto published = facts_->publish(facts_with({}));
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(shared_server().command({"GET", key()}), "x");
}

TEST_F(RedisFactsTest, FactsThatCouldNotBeReadAreNotPublished) {
  const ContestFacts good = facts_with({});
  const auto code_of = [&](const std::function<void(ContestFacts&)>& change) {
    ContestFacts facts = good;
    change(facts);
    const auto published = facts_->publish(facts);
    EXPECT_FALSE(published);
    return published ? Code::kInternal : published.error().code();
  };
  for (const std::function<void(ContestFacts&)>& change :
       std::vector<std::function<void(ContestFacts&)>>{
           [](ContestFacts& facts) { facts.started_at_ms = -1; },
           [](ContestFacts& facts) { facts.coin_commitment.clear(); },
           [](ContestFacts& facts) { facts.coin_seed = "secret"; },
           [](ContestFacts& facts) { facts.ends = {{.partition = kWinners0, .offset = -1}}; },
           [](ContestFacts& facts) {
             facts.ends = {{.partition = kWinners0, .offset = INT64_MAX}};
           },
           [](ContestFacts& facts) { facts.retry_window_ms = -1; },
           [](ContestFacts& facts) { facts.ends.resize(2000); }}) {
    EXPECT_EQ(code_of(change), Code::kInvalidArgument);
  }
  EXPECT_EQ(shared_server().command({"EXISTS", key()}), "0");
}

TEST_F(RedisFactsTest, AServerThatIsAwayIsUnavailableUntilItIsBack) {
  TestRedisServer server;
  const auto facts = open(server);
  ASSERT_TRUE(facts->publish(facts_with({})));
  server.kill();
  EXPECT_EQ(error_of(facts->read()).code(), Code::kUnavailable);
  server.start();
  const auto read = facts->read();
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->coin_commitment, std::string(64, 'a'));
}

TEST_F(RedisFactsTest, TheDocumentedRightsSuffice) {
  TestRedisServer server;
  const auto facts_of = [&](const std::string& user) {
    RedisFacts::Options options;
    options.url = server.unix_url();
    options.url.user = user;
    options.password = "secret";
    options.prefix = prefix_;
    return RedisFacts::open(options, clock_);
  };
  const std::string keys = fmt::format("{{{}}}:*", prefix_);
  server.command({"ACL", "SETUSER", "tally", "on", ">secret", "~" + keys, "+ping", "+hset"});
  server.command({"ACL", "SETUSER", "board", "on", ">secret", "%R~" + keys, "+ping", "+hgetall"});
  const auto tally = facts_of("tally");
  ASSERT_TRUE(tally) << tally.error().message();
  ASSERT_TRUE((*tally)->publish(facts_with({})));
  const auto board = facts_of("board");
  ASSERT_TRUE(board) << board.error().message();
  EXPECT_TRUE((*board)->read());
  EXPECT_FALSE((*board)->publish(facts_with({})));
}

}  // namespace
}  // namespace estadio
