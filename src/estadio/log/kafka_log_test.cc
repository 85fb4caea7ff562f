#include "estadio/log/kafka_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "estadio/contest/event_log_contract.h"
#include "estadio/log/test_kafka.h"

namespace estadio {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A prefix that no other test's topics have.
std::string new_prefix() {
  static int number = 0;
  return fmt::format("t{}-{}.", ::getpid(), number++);
}

class KafkaLogHarness {
 public:
  static std::optional<std::string> skip_reason() { return test::KafkaBroker::skip_reason(); }

  EventLog& open(int partitions) {
    options_.cluster.brokers = test::KafkaBroker::shared().address();
    options_.topics = {.prefix = new_prefix(), .partitions = partitions, .replication = 1};
    return reopen();
  }
  EventLog& reopen() {
    log_.reset();
    auto opened = KafkaLog::open(options_, clock_, captured_.logger());
    EXPECT_TRUE(opened) << opened.error().message();
    log_ = *std::move(opened);
    return *log_;
  }

 private:
  base::SystemClock clock_;
  test::CapturedLog captured_;
  KafkaLog::Options options_;
  std::unique_ptr<KafkaLog> log_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Kafka, EventLogContract, KafkaLogHarness);

constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};
constexpr PartitionId kLosers1{.topic = Outcome::kLoser, .number = 1};

class KafkaLogTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = test::KafkaBroker::skip_reason()) GTEST_SKIP() << *why;
    options_.cluster.brokers = test::KafkaBroker::shared().address();
    options_.topics.prefix = new_prefix();
  }
  base::Result<std::unique_ptr<KafkaLog>> try_open() {
    return KafkaLog::open(options_, clock_, captured_.logger());
  }
  std::unique_ptr<KafkaLog> open() {
    auto opened = try_open();
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *std::move(opened) : nullptr;
  }
  [[nodiscard]] RecordBatch batch_of(PartitionId to, std::uint64_t from,
                                     std::uint64_t until) const {
    RecordBatch batch(options_.topics.partitions);
    for (std::uint64_t number = from; number < until; ++number) records_.add(batch, to, number);
    return batch;
  }
  [[nodiscard]] std::vector<std::uint64_t> numbers(KafkaLog& log, PartitionId partition) const {
    std::vector<std::uint64_t> numbers;
    const auto end = log.end_offset(partition);
    const auto reader = log.read_from(partition, 0);
    if (!end || !reader) {
      ADD_FAILURE() << (end ? reader.error() : end.error()).message();
      return numbers;
    }
    std::vector<LoggedRecord> records;
    while ((*reader)->position() < *end) {
      if (!(*reader)->read(records, test::kPatience) || records.empty()) {
        ADD_FAILURE() << "the log cannot be read on";
        return numbers;
      }
      for (const LoggedRecord& record : records) numbers.push_back(records_.number_of(record.line));
    }
    return numbers;
  }
  // Runs one of Kafka's own tools on the broker of all tests.
  static void run_tool(const std::string& arguments) {
    const std::string command =
        fmt::format("{}/kafka cli {} --bootstrap-server {} >/dev/null 2>&1", OLIMPIADAS_TOOLS,
                    arguments, test::KafkaBroker::shared().address());
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  void make_topic(std::string_view topic, std::string_view settings) const {
    run_tool(fmt::format("kafka-topics --create --topic {}{} --replication-factor 1 {}",
                         options_.topics.prefix, topic, settings));
  }

  base::SystemClock clock_;
  test::CapturedLog captured_;
  test::NumberedRecords records_;
  KafkaLog::Options options_;
};

TEST_F(KafkaLogTest, TopicsAreMadeSoThatTheyKeepEveryRecordAndOneBrokerIsAWarning) {
  const auto log = open();
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->partitions(), 2);
  EXPECT_THAT(captured_.text(), AllOf(HasSubstr("made a topic"), HasSubstr("there is one broker")));
}

TEST_F(KafkaLogTest, MissingTopicsAreNotMadeForWhoOnlyReads) {
  options_.missing = MissingTopics::kRefuse;
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), base::Code::kNotFound);
  EXPECT_THAT(opened.error().message(), HasSubstr(options_.topics.prefix + "winners"));
}

TEST_F(KafkaLogTest, ATopicThatWouldDropResultsIsRefusedWithTheWayOut) {
  const std::pair<const char*, const char*> kept[] = {
      {"retention.ms", "604800000"},
      {"cleanup.policy", "compact"},
      {"retention.bytes", "1000000"},
      {"message.timestamp.type", "LogAppendTime"},
      {"message.timestamp.before.max.ms", "3600000"}};
  for (const auto& [key, value] : kept) {
    options_.topics.prefix = new_prefix();
    const std::string others =
        std::string_view(key) == "retention.ms" ? "" : " --config retention.ms=-1";
    make_topic("winners", fmt::format("--partitions 2 --config message.timestamp.after.max.ms={} "
                                      "--config {}={}{}",
                                      INT64_MAX, key, value, others));
    const auto opened = try_open();
    ASSERT_FALSE(opened) << key;
    EXPECT_EQ(opened.error().code(), base::Code::kFailedPrecondition);
    EXPECT_THAT(opened.error().message(),
                AllOf(HasSubstr(fmt::format("{}={}", key, value)), HasSubstr("--add-config")));
  }
}

TEST_F(KafkaLogTest, TooFewBrokersForTheReplicasAreWaitedFor) {
  options_.topics.replication = 3;
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(opened.error().message(), HasSubstr("3"));
}

TEST_F(KafkaLogTest, TopicsOfUnlikeDivisionAreRefused) {
  make_topic("losers", fmt::format("--partitions 3 --config retention.ms=-1 --config "
                                   "message.timestamp.after.max.ms={}",
                                   INT64_MAX));
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), base::Code::kFailedPrecondition);
  EXPECT_THAT(opened.error().message(), AllOf(HasSubstr("has 2"), HasSubstr("has 3")));
}

TEST_F(KafkaLogTest, ATopicThatWasDeletedAndMadeAgainIsAnotherIncarnation) {
  base::Uuid before;
  {
    const auto log = open();
    ASSERT_TRUE(test::append_and_wait(*log, batch_of(kWinners0, 0, 5)));
    before = log->incarnation(kWinners0).value();
  }
  run_tool("kafka-topics --delete --topic " + options_.topics.prefix + "winners");
  const auto log = open();
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->incarnation(kWinners0).value(), base::Uuid());
  ASSERT_TRUE(test::append_and_wait(*log, batch_of(kWinners0, 0, 5)));
  EXPECT_NE(log->incarnation(kWinners0).value(), before);
}

TEST_F(KafkaLogTest, ATopicThatLosesItsEndWhileTheLogIsOpenEndsAllAppends) {
  const auto log = open();
  ASSERT_TRUE(test::append_and_wait(*log, batch_of(kWinners0, 0, 5)));
  EXPECT_EQ(log->end_offset(kWinners0).value_or(-1), 5);
  EXPECT_FALSE(log->stats().has_lost);
  run_tool("kafka-topics --delete --topic " + options_.topics.prefix + "winners");
  make_topic("winners", "--partitions 2");
  // The query finds the new topic's end once the client knows its leader.
  EXPECT_TRUE(test::eventually([&] { return log->end_offset(kWinners0).value_or(-1) == 0; }));
  EXPECT_TRUE(log->stats().has_lost);
  const auto refused = test::append_and_wait(*log, batch_of(kLosers1, 0, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(captured_.text(), HasSubstr("Kafka has lost results"));
}

// The topic is made again and grows beyond the last known offset, so no offset shows the loss.
TEST_F(KafkaLogTest, ATopicThatLostItsEndAndGrewAgainEndsAllAppends) {
  const auto log = open();
  ASSERT_TRUE(test::append_and_wait(*log, batch_of(kWinners0, 0, 5)));
  log->look_for_loss();
  EXPECT_FALSE(log->stats().has_lost);
  run_tool("kafka-topics --delete --topic " + options_.topics.prefix + "winners");
  make_topic("winners",
             "--partitions 2 --config retention.ms=-1 --config retention.bytes=-1 --config "
             "message.timestamp.before.max.ms=9223372036854775807 --config "
             "message.timestamp.after.max.ms=9223372036854775807");
  {
    const auto other = open();
    ASSERT_TRUE(test::append_and_wait(*other, batch_of(kWinners0, 100, 120)));
  }
  EXPECT_TRUE(test::eventually([&] {
    log->look_for_loss();
    return log->stats().has_lost;
  }));
  EXPECT_THAT(captured_.text(), HasSubstr("Kafka has lost results"));
}

TEST_F(KafkaLogTest, ATruncatedTopicIsDamageAndNotReadOnFromSomewhereElse) {
  const auto log = open();
  ASSERT_TRUE(test::append_and_wait(*log, batch_of(kWinners0, 0, 10)));
  const test::TempFolder folder;
  test::write_file(
      folder / "offsets",
      fmt::format(R"({{"partitions":[{{"topic":"{}winners","partition":0,"offset":4}}],)"
                  R"("version":1}})",
                  options_.topics.prefix));
  run_tool("org.apache.kafka.tools.DeleteRecordsCommand --offset-json-file " +
           (folder / "offsets"));
  const auto reader = log->read_from(kWinners0, 0);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code(), base::Code::kCorruption);
  EXPECT_THAT(reader.error().message(), HasSubstr("truncated"));
  EXPECT_TRUE(log->read_from(kWinners0, 4));
}

TEST_F(KafkaLogTest, MoreThanMayBeOnItsWayIsRefused) {
  options_.in_flight_bytes = 1000;
  const auto log = open();
  const auto refused = test::append_and_wait(*log, batch_of(kLosers1, 0, 100));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kResourceExhausted);
  EXPECT_TRUE(test::append_and_wait(*log, batch_of(kLosers1, 0, 5)));
  EXPECT_EQ(numbers(*log, kLosers1).size(), 5U);
}

TEST_F(KafkaLogTest, StoppingDeliversWhatWasAppendedAndTakesNoMore) {
  const auto log = open();
  std::atomic<int> delivered = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    log->append(batch_of(kWinners0, i, i + 1),
                [&](const base::Result<void>& result) { delivered += result ? 1 : 0; });
  }
  log->stop();
  EXPECT_EQ(delivered, 50);
  EXPECT_FALSE(test::append_and_wait(*log, batch_of(kWinners0, 50, 51)));
  EXPECT_EQ(numbers(*log, kWinners0).size(), 50U);
}

TEST_F(KafkaLogTest, ARecordIsKeyedByItsIdAndIsItsLine) {
  const auto log = open();
  ASSERT_TRUE(test::append_and_wait(*log, batch_of(kWinners0, 7, 8)));
  const test::TempFolder folder;
  const std::string command = fmt::format(
      "{}/kafka cli kafka-console-consumer --bootstrap-server {} --topic {}winners "
      "--from-beginning --max-messages 1 --property print.key=true > {} 2>/dev/null",
      OLIMPIADAS_TOOLS, options_.cluster.brokers, options_.topics.prefix, folder / "out");
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(test::read_file(folder / "out"),
            test::numbered_id(7).to_string() + "\t" + records_.line(Outcome::kWinner, 7));
}

TEST_F(KafkaLogTest, ABrokerThatIsAwayRefusesInTimeAndGoesOnWhenItIsBack) {
  const test::TempFolder folder;
  auto broker = std::make_unique<test::KafkaBroker>(folder / "kafka");
  options_.cluster.brokers = broker->address();
  options_.delivery_timeout = std::chrono::seconds(10);
  const auto log = open();
  ASSERT_TRUE(test::append_and_wait(*log, batch_of(kWinners0, 0, 3)));
  const int port = broker->port();
  broker->end(SIGKILL);
  EXPECT_TRUE(test::eventually([&] { return log->stats().is_away; }));
  const auto refused = test::append_and_wait(*log, batch_of(kWinners0, 3, 6));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
  EXPECT_FALSE(log->end_offset(kWinners0));

  broker = std::make_unique<test::KafkaBroker>(folder / "kafka", port);
  EXPECT_TRUE(test::eventually([&] { return !log->stats().is_away; }));
  ASSERT_TRUE(test::append_and_wait(*log, batch_of(kWinners0, 6, 9)));
  EXPECT_EQ(numbers(*log, kWinners0), (std::vector<std::uint64_t>{0, 1, 2, 6, 7, 8}));
  EXPECT_THAT(captured_.text(), AllOf(HasSubstr("Kafka is away"), HasSubstr("Kafka is back")));
}

TEST_F(KafkaLogTest, WhatWasDoneIsThereAfterTheBrokerWasKilledUnderLoad) {
  const test::TempFolder folder;
  auto broker = std::make_unique<test::KafkaBroker>(folder / "kafka");
  options_.cluster.brokers = broker->address();
  options_.delivery_timeout = std::chrono::seconds(30);
  const auto log = open();
  struct Results {
    std::mutex mutex;
    std::set<std::uint64_t> kept;
    std::set<std::uint64_t> refused;
    std::size_t answered = 0;
  };
  const auto results = std::make_shared<Results>();
  const auto answered = [results] {
    const std::scoped_lock lock(results->mutex);
    return results->answered;
  };
  std::atomic<std::uint64_t> next = 0;
  std::jthread appender([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (next > answered() + 1000) {
        std::this_thread::yield();
        continue;
      }
      const std::uint64_t number = next++;
      log->append(batch_of(kWinners0, number, number + 1),
                  [results, number](const base::Result<void>& result) {
                    const std::scoped_lock lock(results->mutex);
                    ++results->answered;
                    if (result) {
                      results->kept.insert(number);
                    } else if (result.error().code() == base::Code::kUnavailable) {
                      results->refused.insert(number);
                    }
                  });
    }
  });
  EXPECT_TRUE(test::eventually([&] { return answered() > 500; }));
  const int port = broker->port();
  broker->end(SIGKILL);
  broker = std::make_unique<test::KafkaBroker>(folder / "kafka", port);
  const std::size_t before = answered();
  EXPECT_TRUE(test::eventually([&] { return answered() > before + 500; }));
  appender.request_stop();
  appender.join();
  EXPECT_TRUE(test::eventually([&] { return answered() == next; }));

  // The answers may have been refusals, and the broker may still be starting.
  EXPECT_TRUE(test::eventually([&] { return log->end_offset(kWinners0).has_value(); }));
  std::map<std::uint64_t, int> times;
  for (const std::uint64_t number : numbers(*log, kWinners0)) ++times[number];
  for (const std::uint64_t number : results->kept) EXPECT_EQ(times[number], 1) << number;
  for (const std::uint64_t number : results->refused) EXPECT_EQ(times[number], 0) << number;
}

TEST(KafkaLogSettingsTest, ASettingThatTheClientDoesNotTakeIsNamedWithoutItsValue) {
  const base::SystemClock clock;
  test::CapturedLog captured;
  const auto opened = KafkaLog::open(
      {.cluster = {.brokers = "127.0.0.1:1", .properties = {{"security.protocol", "secret"}}},
       .topics = {}},
      clock, captured.logger());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), base::Code::kInvalidArgument);
  EXPECT_THAT(opened.error().message(),
              AllOf(HasSubstr("security.protocol"), Not(HasSubstr("secret"))));
}

}  // namespace
}  // namespace estadio
