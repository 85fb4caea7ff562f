// The contract of EventLog, for every implementation.
//
// An adapter's test makes a harness and instantiates the suite:
//
//   struct DiskLogHarness {
//     EventLog& open(int partitions);  // a new, empty log; called once, before reopen()
//     EventLog& reopen();              // the same log as a new process finds it
//     // Only for a harness that may be unable to run: the reason, or nothing when it can run.
//     static std::optional<std::string> skip_reason();
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(DiskLog, EventLogContract, DiskLogHarness);
//
// A reference is valid until the next reopen() or the harness's end, whichever comes first.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "estadio/contest/event_log.h"
#include "estadio/contest/test_world.h"

namespace estadio {

// A copy of a record. It outlives the reader's next call.
struct KeptRecord {
  std::int64_t offset = 0;
  std::int64_t time_ms = 0;
  std::uint64_t number = 0;

  friend bool operator==(const KeptRecord&, const KeptRecord&) = default;
};

template <class Harness>
class EventLogContract : public testing::Test {
 protected:
  static constexpr int kPartitions = 2;
  static constexpr PartitionId kFirst{.topic = Outcome::kWinner, .number = 0};
  static constexpr PartitionId kSecond{.topic = Outcome::kWinner, .number = 1};
  static constexpr PartitionId kThird{.topic = Outcome::kLoser, .number = 0};
  static constexpr PartitionId kLast{.topic = Outcome::kLoser, .number = 1};

  void SetUp() override {
    if constexpr (requires { Harness::skip_reason(); }) {
      if (const auto why = Harness::skip_reason()) GTEST_SKIP() << *why;
    }
    log_ = &harness_.open(kPartitions);
  }

  EventLog& log() { return *log_; }
  void reopen() { log_ = &harness_.reopen(); }

  [[nodiscard]] RecordBatch batch_of(PartitionId to, std::uint64_t from,
                                     std::uint64_t until) const {
    RecordBatch batch(kPartitions);
    for (std::uint64_t number = from; number < until; ++number) {
      records_.add(batch, to, number, true);
    }
    return batch;
  }
  void append(PartitionId to, std::uint64_t from, std::uint64_t until,
              std::int64_t time_ms = test::TestClock::kStartMs) {
    RecordBatch batch = batch_of(to, from, until);
    batch.time_ms = time_ms;
    const auto appended = test::append_and_wait(log(), batch);
    ASSERT_TRUE(appended) << appended.error().message();
  }

  std::int64_t end_of(PartitionId partition) {
    const auto end = log().end_offset(partition);
    EXPECT_TRUE(end) << end.error().message();
    return end.value_or(-1);
  }
  std::unique_ptr<PartitionReader> reader_at(PartitionId partition, std::int64_t offset) {
    auto reader = log().read_from(partition, offset);
    EXPECT_TRUE(reader) << reader.error().message();
    return reader ? *std::move(reader) : nullptr;
  }

  // Reads up to `until` or an error. Fails when a read returns nothing although there is a record.
  std::vector<KeptRecord> read_until(PartitionReader& reader, std::int64_t until) const {
    std::vector<KeptRecord> kept;
    std::vector<LoggedRecord> records;
    while (reader.position() < until) {
      const std::int64_t before = reader.position();
      const auto read = reader.read(records, test::kPatience);
      EXPECT_TRUE(read) << read.error().message();
      EXPECT_FALSE(records.empty())
          << "nothing read at " << before << " though " << until << " records are there";
      if (!read || records.empty()) break;
      EXPECT_EQ(records.front().offset, before);
      for (const LoggedRecord& record : records) {
        kept.push_back({.offset = record.offset,
                        .time_ms = record.time_ms,
                        .number = records_.number_of(record.line)});
      }
      EXPECT_EQ(reader.position(), records.back().offset + 1);
    }
    return kept;
  }
  std::vector<KeptRecord> read_all(PartitionId partition, std::int64_t from = 0) {
    const auto reader = reader_at(partition, from);
    return reader == nullptr ? std::vector<KeptRecord>() : read_until(*reader, end_of(partition));
  }

  static void expect_dense(const std::vector<KeptRecord>& records, std::int64_t from) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      ASSERT_EQ(records[i].offset, from + static_cast<std::int64_t>(i));
    }
  }
  static std::vector<std::uint64_t> numbers_of(const std::vector<KeptRecord>& records) {
    std::vector<std::uint64_t> numbers;
    for (const KeptRecord& record : records) numbers.push_back(record.number);
    return numbers;
  }
  static std::vector<std::uint64_t> range(std::uint64_t from, std::uint64_t until) {
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t number = from; number < until; ++number) numbers.push_back(number);
    return numbers;
  }

  Harness harness_;
  EventLog* log_ = nullptr;
  test::NumberedRecords records_;
};

TYPED_TEST_SUITE_P(EventLogContract);

TYPED_TEST_P(EventLogContract, ANewLogIsEmpty) {
  EXPECT_EQ(this->log().partitions(), this->kPartitions);
  for (const PartitionId partition : {this->kFirst, this->kSecond, this->kThird, this->kLast}) {
    EXPECT_EQ(this->end_of(partition), 0);
    const auto reader = this->reader_at(partition, 0);
    ASSERT_NE(reader, nullptr);
    std::vector<LoggedRecord> records(3);
    ASSERT_TRUE(reader->read(records, std::chrono::nanoseconds(0)));
    EXPECT_TRUE(records.empty());
  }
}

TYPED_TEST_P(EventLogContract, RecordsAreReadBackInOrderWithDenseOffsetsFromZero) {
  this->append(this->kFirst, 0, 3);
  this->append(this->kFirst, 3, 4);
  this->append(this->kThird, 100, 105);
  this->append(this->kFirst, 4, 50);
  const auto first = this->read_all(this->kFirst);
  this->expect_dense(first, 0);
  EXPECT_EQ(this->numbers_of(first), this->range(0, 50));
  const auto third = this->read_all(this->kThird);
  this->expect_dense(third, 0);
  EXPECT_EQ(this->numbers_of(third), this->range(100, 105));
  EXPECT_EQ(this->end_of(this->kSecond), 0);
}

TYPED_TEST_P(EventLogContract, LinesAreReadBackToTheByte) {
  const std::string line = this->records_.line(Outcome::kLoser, 7, true);
  RecordBatch batch(this->kPartitions);
  batch.part(this->kLast) = {.lines = line, .count = 1};
  ASSERT_TRUE(test::append_and_wait(this->log(), batch));
  const auto reader = this->reader_at(this->kLast, 0);
  std::vector<LoggedRecord> records;
  ASSERT_TRUE(reader->read(records, test::kPatience));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(std::string(records[0].line) + "\n", line);
}

TYPED_TEST_P(EventLogContract, ABatchOverAllPartitionsIsLoggedWhole) {
  RecordBatch batch(this->kPartitions);
  std::uint64_t number = 0;
  for (const PartitionId partition : {this->kLast, this->kFirst, this->kThird, this->kSecond}) {
    for (int i = 0; i < 10; ++i) this->records_.add(batch, partition, number++);
  }
  ASSERT_TRUE(test::append_and_wait(this->log(), batch));
  EXPECT_EQ(this->numbers_of(this->read_all(this->kLast)), this->range(0, 10));
  EXPECT_EQ(this->numbers_of(this->read_all(this->kFirst)), this->range(10, 20));
  EXPECT_EQ(this->numbers_of(this->read_all(this->kThird)), this->range(20, 30));
  EXPECT_EQ(this->numbers_of(this->read_all(this->kSecond)), this->range(30, 40));
}

TYPED_TEST_P(EventLogContract, ABatchMayBeUsedAgainWhenAppendReturns) {
  RecordBatch batch(this->kPartitions);
  std::vector<std::future<base::Result<void>>> answers;
  for (std::uint64_t number = 0; number < 20; ++number) {
    batch.clear();
    this->records_.add(batch, this->kSecond, number);
    const auto answer = std::make_shared<std::promise<base::Result<void>>>();
    answers.push_back(answer->get_future());
    this->log().append(batch, [answer](base::Result<void> result) { answer->set_value(result); });
    batch.part(this->kSecond).lines.assign(batch.part(this->kSecond).lines.size(), 'x');
  }
  for (auto& answer : answers) {
    ASSERT_EQ(answer.wait_for(test::kPatience), std::future_status::ready);
    EXPECT_TRUE(answer.get());
  }
  EXPECT_EQ(this->numbers_of(this->read_all(this->kSecond)), this->range(0, 20));
}

TYPED_TEST_P(EventLogContract, DoneIsCalledOnceForEachBatchInTheirOrder) {
  constexpr int kBatches = 200;
  struct Calls {
    std::mutex mutex;
    std::vector<int> order;
    std::promise<void> all;
  };
  const auto calls = std::make_shared<Calls>();
  for (int i = 0; i < kBatches; ++i) {
    const auto number = static_cast<std::uint64_t>(i);
    this->log().append(this->batch_of(this->kFirst, number, number + 1),
                       [calls, i](const base::Result<void>& result) {
                         EXPECT_TRUE(result);
                         const std::scoped_lock lock(calls->mutex);
                         calls->order.push_back(i);
                         if (calls->order.size() == kBatches) calls->all.set_value();
                       });
  }
  ASSERT_EQ(calls->all.get_future().wait_for(test::kPatience), std::future_status::ready);
  // A second call for one of them would come before the call for this batch.
  this->append(this->kFirst, kBatches, kBatches + 1);
  const std::scoped_lock lock(calls->mutex);
  ASSERT_EQ(calls->order.size(), static_cast<std::size_t>(kBatches));
  EXPECT_TRUE(std::ranges::is_sorted(calls->order));
}

TYPED_TEST_P(EventLogContract, AnEmptyBatchIsDoneAndAddsNothing) {
  this->append(this->kFirst, 0, 2);
  const auto appended = test::append_and_wait(this->log(), RecordBatch(this->kPartitions));
  EXPECT_TRUE(appended);
  EXPECT_EQ(this->end_of(this->kFirst), 2);
  EXPECT_EQ(this->end_of(this->kLast), 0);
  this->append(this->kFirst, 2, 4);
  EXPECT_EQ(this->numbers_of(this->read_all(this->kFirst)), this->range(0, 4));
  this->reopen();
  EXPECT_EQ(this->numbers_of(this->read_all(this->kFirst)), this->range(0, 4));
}

TYPED_TEST_P(EventLogContract, AWaitingReaderIsWokenByAnAppend) {
  const auto reader = this->reader_at(this->kFirst, 0);
  std::promise<void> begins;
  auto read = std::async(std::launch::async, [&] {
    begins.set_value();
    return this->read_until(*reader, 1);
  });
  begins.get_future().wait();
  this->append(this->kFirst, 5, 6);
  EXPECT_EQ(this->numbers_of(read.get()), this->range(5, 6));
}

TYPED_TEST_P(EventLogContract, AWaitingReaderIsWokenByWake) {
  const auto reader = this->reader_at(this->kFirst, 0);
  std::promise<void> begins;
  auto read = std::async(std::launch::async, [&] {
    begins.set_value();
    std::vector<LoggedRecord> records;
    const bool is_read = reader->read(records, std::chrono::hours(1)).has_value();
    return is_read && records.empty();
  });
  begins.get_future().wait();
  reader->wake();  // the reader may wait already, or not yet
  const bool is_woken = read.wait_for(test::kPatience) == std::future_status::ready;
  EXPECT_TRUE(is_woken);
  if (!is_woken) this->append(this->kFirst, 0, 1);
  EXPECT_EQ(read.get(), is_woken);
}

TYPED_TEST_P(EventLogContract, AWakeIsKeptForTheNextReadThatWouldWait) {
  this->append(this->kFirst, 0, 1);
  const auto reader = this->reader_at(this->kFirst, 0);
  reader->wake();
  std::vector<LoggedRecord> records;
  ASSERT_TRUE(reader->read(records, test::kPatience));
  if (records.empty()) return;  // the wake ended this read before it waited
  auto read = std::async(std::launch::async, [&] {
    return reader->read(records, std::chrono::hours(1)).has_value() && records.empty();
  });
  const bool is_woken = read.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
  EXPECT_TRUE(is_woken) << "the wake was lost on a read that did not wait";
  if (!is_woken) this->append(this->kFirst, 1, 2);
  EXPECT_EQ(read.get(), is_woken);
}

TYPED_TEST_P(EventLogContract, AWakeEndsOneReadAndNotThoseAfterIt) {
  const auto reader = this->reader_at(this->kFirst, 0);
  std::vector<LoggedRecord> records;
  reader->wake();
  ASSERT_TRUE(reader->read(records, std::chrono::hours(1)));
  EXPECT_TRUE(records.empty());
  this->append(this->kFirst, 0, 1);
  EXPECT_EQ(this->read_until(*reader, 1).size(), 1U);
}

TYPED_TEST_P(EventLogContract, SeekGoesToAnyOffsetUpToTheEnd) {
  this->append(this->kFirst, 0, 7);
  this->append(this->kLast, 0, 2);
  this->append(this->kFirst, 7, 10);
  const auto reader = this->reader_at(this->kFirst, 10);
  for (const std::int64_t offset : {0, 9, 3, 6, 7, 8, 1, 10, 0}) {
    ASSERT_TRUE(reader->seek(offset)) << offset;
    EXPECT_EQ(reader->position(), offset);
    EXPECT_EQ(this->numbers_of(this->read_until(*reader, 10)),
              this->range(static_cast<std::uint64_t>(offset), 10));
  }
  ASSERT_TRUE(reader->seek(10));
  this->append(this->kFirst, 10, 11);
  EXPECT_EQ(this->numbers_of(this->read_until(*reader, 11)), this->range(10, 11));
}

TYPED_TEST_P(EventLogContract, SeekBeyondTheEndIsRefusedAndChangesNothing) {
  this->append(this->kFirst, 0, 3);
  const auto reader = this->reader_at(this->kFirst, 1);
  for (const std::int64_t offset : {std::int64_t{4}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    EXPECT_FALSE(reader->seek(offset)) << offset;
    EXPECT_EQ(reader->position(), 1);
    EXPECT_FALSE(this->log().read_from(this->kFirst, offset)) << offset;
  }
  EXPECT_FALSE(this->log().read_from(this->kSecond, 1));
  EXPECT_EQ(this->numbers_of(this->read_until(*reader, 3)), this->range(1, 3));
}

TYPED_TEST_P(EventLogContract, ARecordWithAGivenIdHasTheTimeOfItsBatch) {
  const std::vector<std::int64_t> times = {5'000'000'000'000, 1, 1'790'000'000'000,
                                           1'790'000'000'000, 1'789'000'000'123};
  for (std::uint64_t number = 0; number < times.size(); ++number) {
    this->append(this->kFirst, number, number + 1, times[number]);
  }
  for (int i = 0; i < 2; ++i) {
    std::vector<std::int64_t> found;
    for (const KeptRecord& record : this->read_all(this->kFirst)) found.push_back(record.time_ms);
    EXPECT_EQ(found, times);
    this->reopen();
  }
}

TYPED_TEST_P(EventLogContract, EveryRecordBeforeOffsetBeforeIsEarlierThanItsTime) {
  for (std::uint64_t number = 0; number < 30; ++number) {
    // The times go forward and back.
    const auto step = static_cast<std::int64_t>(number * 7 % 30);
    this->append(this->kFirst, number, number + 1, test::TestClock::kStartMs + step * 1000);
  }
  const auto records = this->read_all(this->kFirst);
  ASSERT_EQ(records.size(), 30U);
  std::set<std::int64_t> times = {0, INT64_MAX};
  for (const KeptRecord& record : records) {
    times.insert({record.time_ms - 1, record.time_ms, record.time_ms + 1});
  }
  for (const std::int64_t time_ms : times) {
    const auto offset = this->log().offset_before(this->kFirst, time_ms);
    ASSERT_TRUE(offset) << offset.error().message();
    ASSERT_GE(*offset, 0);
    ASSERT_LE(*offset, 30);
    for (const KeptRecord& record : records) {
      EXPECT_TRUE(record.offset >= *offset || record.time_ms < time_ms);
    }
    EXPECT_EQ(this->log().offset_before(this->kLast, time_ms).value_or(-1), 0);
  }
}

TYPED_TEST_P(EventLogContract, ReadersDoNotDisturbEachOther) {
  this->append(this->kFirst, 0, 20);
  this->append(this->kSecond, 20, 40);
  const auto one = this->reader_at(this->kFirst, 0);
  const auto other = this->reader_at(this->kFirst, 15);
  const auto second = this->reader_at(this->kSecond, 0);
  EXPECT_EQ(this->numbers_of(this->read_until(*other, 20)), this->range(15, 20));
  EXPECT_EQ(this->numbers_of(this->read_until(*second, 20)), this->range(20, 40));
  EXPECT_EQ(this->numbers_of(this->read_until(*one, 20)), this->range(0, 20));
}

TYPED_TEST_P(EventLogContract, AReadReturnsItsRecordsWhileOtherPartitionsAreBusy) {
  this->append(this->kFirst, 0, 1);
  const auto reader = this->reader_at(this->kFirst, 0);
  ASSERT_EQ(this->read_until(*reader, 1).size(), 1U);
  for (std::uint64_t i = 0; i < 4; ++i) this->append(this->kLast, i * 5000, (i + 1) * 5000);
  this->append(this->kFirst, 1, 2);
  std::vector<LoggedRecord> records;
  ASSERT_TRUE(reader->read(records, test::kPatience));
  EXPECT_EQ(records.size(), 1U) << "a read brought nothing though a record was there";
}

TYPED_TEST_P(EventLogContract, ManyAppendersLoseNothingAndKeepTheirOrder) {
  static constexpr std::uint64_t kThreads = 4;
  static constexpr std::uint64_t kEach = 152;  // a multiple of 4: see below
  const std::vector<PartitionId> partitions = {this->kFirst, this->kSecond, this->kThird,
                                               this->kLast};
  struct Calls {
    std::atomic<std::uint64_t> count{0};
    std::promise<void> all;
  };
  const auto calls = std::make_shared<Calls>();
  // One reader follows from the start.
  const auto reader = this->reader_at(this->kFirst, 0);
  auto followed = std::async(std::launch::async,
                             [&] { return this->read_until(*reader, kThreads * kEach / 4); });
  std::vector<std::jthread> threads;
  for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        RecordBatch batch(this->kPartitions);
        // Every batch goes to two partitions. In total each thread appends equally to each
        // partition.
        const std::uint64_t number = thread * 1000 + i;
        this->records_.add(batch, partitions[i % 4 < 2 ? 0 : 2], number);
        this->records_.add(batch, partitions[i % 4 < 2 ? 1 : 3], number);
        this->log().append(batch, [calls](const base::Result<void>& result) {
          EXPECT_TRUE(result);
          if (++calls->count == kThreads * kEach) calls->all.set_value();
        });
      }
    });
  }
  threads.clear();
  ASSERT_EQ(calls->all.get_future().wait_for(test::kPatience), std::future_status::ready);
  EXPECT_EQ(calls->count, kThreads * kEach);

  std::multiset<std::uint64_t> found;
  for (const PartitionId partition : partitions) {
    const auto records = this->read_all(partition);
    this->expect_dense(records, 0);
    std::map<std::uint64_t, std::uint64_t> last_of_thread;
    for (const KeptRecord& record : records) {
      found.insert(record.number);
      const auto [last, is_first] = last_of_thread.try_emplace(record.number / 1000, record.number);
      if (is_first) continue;
      EXPECT_LT(std::exchange(last->second, record.number), record.number);
    }
  }
  ASSERT_EQ(found.size(), kThreads * kEach * 2);
  for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
    for (std::uint64_t i = 0; i < kEach; ++i) EXPECT_EQ(found.count(thread * 1000 + i), 2U);
  }
  const auto along = followed.get();
  const auto again = this->read_all(this->kFirst);
  ASSERT_LE(along.size(), again.size());
  EXPECT_TRUE(std::equal(along.begin(), along.end(), again.begin()));
}

TYPED_TEST_P(EventLogContract, ReadersSeeOnlyWhatIsDurable) {
  constexpr std::uint64_t kRecords = 300;
  auto reader = this->reader_at(this->kFirst, 0);
  std::jthread appender([&] {
    for (std::uint64_t number = 0; number < kRecords; ++number) {
      this->log().append(this->batch_of(this->kFirst, number, number + 1),
                         [](const base::Result<void>&) {});
    }
  });
  std::vector<LoggedRecord> records;
  while (reader->position() < static_cast<std::int64_t>(kRecords)) {
    const auto read = reader->read(records, test::kPatience);
    ASSERT_TRUE(read) << read.error().message();
    ASSERT_FALSE(records.empty());
    EXPECT_LE(reader->position(), this->end_of(this->kFirst));
  }
  appender.join();
  reader.reset();  // the log must outlive it
  this->reopen();
  EXPECT_EQ(this->numbers_of(this->read_all(this->kFirst)), this->range(0, kRecords));
}

TYPED_TEST_P(EventLogContract, AReopenedLogHasTheSameIncarnationsOffsetsAndRecords) {
  this->append(this->kFirst, 0, 10);
  this->append(this->kLast, 10, 15);
  const base::Uuid winners = this->log().incarnation(this->kFirst).value();
  const base::Uuid losers = this->log().incarnation(this->kLast).value();
  EXPECT_NE(winners, base::Uuid());
  EXPECT_NE(losers, base::Uuid());
  const auto first = this->read_all(this->kFirst);
  const auto last = this->read_all(this->kLast);
  for (int i = 0; i < 2; ++i) {
    this->reopen();
    EXPECT_EQ(this->log().incarnation(this->kFirst).value(), winners);
    EXPECT_EQ(this->log().incarnation(this->kLast).value(), losers);
    EXPECT_EQ(this->log().partitions(), this->kPartitions);
    EXPECT_EQ(this->end_of(this->kFirst), 10);
    EXPECT_EQ(this->end_of(this->kSecond), 0);
    EXPECT_EQ(this->end_of(this->kLast), 5);
    EXPECT_EQ(this->read_all(this->kFirst), first);
    EXPECT_EQ(this->read_all(this->kLast), last);
  }
  this->append(this->kFirst, 20, 22);
  const auto more = this->read_all(this->kFirst);
  this->expect_dense(more, 0);
  ASSERT_EQ(more.size(), 12U);
  EXPECT_EQ(more[10].number, 20U);
}

TYPED_TEST_P(EventLogContract, ThePartitionsOfTwoLogsAreDifferentIncarnations) {
  TypeParam other;
  EventLog& other_log = other.open(this->kPartitions);
  for (const PartitionId partition : {this->kFirst, this->kLast}) {
    const auto batch = this->batch_of(partition, 0, 3);
    ASSERT_TRUE(test::append_and_wait(this->log(), batch));
    ASSERT_TRUE(test::append_and_wait(other_log, batch));
    EXPECT_NE(this->log().incarnation(partition).value(), other_log.incarnation(partition).value());
  }
}

TYPED_TEST_P(EventLogContract, AReaderContinuesFromOldRecordsToThoseAfterTheReopening) {
  this->append(this->kFirst, 0, 3);
  this->append(this->kLast, 0, 2);  // the first partition's last record is not the log's last one
  this->reopen();
  const auto first = this->reader_at(this->kFirst, 0);
  const auto last = this->reader_at(this->kLast, 0);
  const auto idle = this->reader_at(this->kSecond, 0);
  EXPECT_EQ(this->numbers_of(this->read_until(*first, 3)), this->range(0, 3));
  EXPECT_EQ(this->numbers_of(this->read_until(*last, 2)), this->range(0, 2));
  for (std::uint64_t i = 0; i < 3; ++i) {
    this->append(this->kFirst, 3 + i, 4 + i);
    this->append(this->kLast, 2 + i, 3 + i);
    this->append(this->kSecond, i, i + 1);
    const auto at = static_cast<std::int64_t>(i);
    EXPECT_EQ(this->numbers_of(this->read_until(*first, at + 4)), this->range(i + 3, i + 4));
    EXPECT_EQ(this->numbers_of(this->read_until(*last, at + 3)), this->range(i + 2, i + 3));
    EXPECT_EQ(this->numbers_of(this->read_until(*idle, at + 1)), this->range(i, i + 1));
  }
}

TYPED_TEST_P(EventLogContract, ARecordIsReadAgainWithItsTimeAndItsLine) {
  this->append(this->kFirst, 0, 5000, 1'790'000'000'000);
  this->append(this->kLast, 5000, 5003, 1'790'000'000'777);
  const auto reader = this->reader_at(this->kFirst, 0);
  for (const auto& [partition, offset] :
       {std::pair(this->kFirst, 4999), std::pair(this->kFirst, 0), std::pair(this->kFirst, 2500),
        std::pair(this->kLast, 2), std::pair(this->kFirst, 2499), std::pair(this->kLast, 0)}) {
    const auto again = this->log().read_again(partition, offset);
    ASSERT_TRUE(again) << again.error().message();
    const KeptRecord expected = this->read_all(partition, offset).front();
    const LoggedRecord logged = again->logged();
    EXPECT_EQ((KeptRecord{.offset = logged.offset,
                          .time_ms = logged.time_ms,
                          .number = test::NumberedRecords().number_of(logged.line)}),
              expected);
  }
  EXPECT_EQ(this->read_until(*reader, 5000).size(), 5000U) << "other readers are not disturbed";
}

TYPED_TEST_P(EventLogContract, ARecordBeyondTheEndCannotBeReadAgain) {
  this->append(this->kFirst, 0, 3);
  for (const auto& [partition, offset] :
       {std::pair(this->kFirst, 3), std::pair(this->kFirst, 10), std::pair(this->kSecond, 0)}) {
    const auto again = this->log().read_again(partition, offset);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), base::Code::kCorruption) << again.error().message();
    EXPECT_NE(again.error().message().find("lost its end"), std::string::npos);
  }
}

TYPED_TEST_P(EventLogContract, EndMarksAreBehindAllRecordsAndTheLogTakesNothingMore) {
  this->append(this->kFirst, 0, 3);
  auto before = std::make_shared<std::promise<base::Result<void>>>();
  auto marked = std::make_shared<std::promise<base::Result<void>>>();
  this->log().append(this->batch_of(this->kLast, 0, 2),
                     [before](base::Result<void> result) { before->set_value(result); });
  this->log().append_end_marks([marked](base::Result<void> result) { marked->set_value(result); });
  ASSERT_TRUE(before->get_future().get());
  ASSERT_TRUE(marked->get_future().get());
  for (const PartitionId partition : all_partitions(this->kPartitions)) {
    const std::int64_t end = this->end_of(partition);
    const auto reader = this->reader_at(partition, end - 1);
    std::vector<LoggedRecord> records;
    ASSERT_TRUE(reader->read(records, test::kPatience));
    ASSERT_EQ(records.size(), 1U);
    EXPECT_TRUE(RecordFormat::is_end_mark(records[0].line)) << records[0].line;
    EXPECT_EQ(end, partition == this->kFirst ? 4 : partition == this->kLast ? 3 : 1);
  }
  const auto refused = test::append_and_wait(this->log(), this->batch_of(this->kFirst, 3, 4));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
  EXPECT_EQ(this->end_of(this->kFirst), 4);
}

REGISTER_TYPED_TEST_SUITE_P(
    EventLogContract, ANewLogIsEmpty, RecordsAreReadBackInOrderWithDenseOffsetsFromZero,
    LinesAreReadBackToTheByte, ABatchOverAllPartitionsIsLoggedWhole,
    ABatchMayBeUsedAgainWhenAppendReturns, DoneIsCalledOnceForEachBatchInTheirOrder,
    AnEmptyBatchIsDoneAndAddsNothing, AWaitingReaderIsWokenByAnAppend, AWaitingReaderIsWokenByWake,
    AWakeIsKeptForTheNextReadThatWouldWait, AWakeEndsOneReadAndNotThoseAfterIt,
    SeekGoesToAnyOffsetUpToTheEnd, SeekBeyondTheEndIsRefusedAndChangesNothing,
    ARecordWithAGivenIdHasTheTimeOfItsBatch, EveryRecordBeforeOffsetBeforeIsEarlierThanItsTime,
    ReadersDoNotDisturbEachOther, AReadReturnsItsRecordsWhileOtherPartitionsAreBusy,
    ManyAppendersLoseNothingAndKeepTheirOrder, ReadersSeeOnlyWhatIsDurable,
    AReopenedLogHasTheSameIncarnationsOffsetsAndRecords,
    ThePartitionsOfTwoLogsAreDifferentIncarnations,
    EndMarksAreBehindAllRecordsAndTheLogTakesNothingMore, ARecordIsReadAgainWithItsTimeAndItsLine,
    ARecordBeyondTheEndCannotBeReadAgain, AReaderContinuesFromOldRecordsToThoseAfterTheReopening);

}  // namespace estadio
