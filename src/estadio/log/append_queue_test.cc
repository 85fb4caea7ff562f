#include "estadio/log/append_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <librdkafka/rdkafka.h>
#include <string>
#include <thread>
#include <vector>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AppendQueueTest : public testing::Test {
 protected:
  static constexpr std::size_t kBytesMax = 100;

  // Adds an append that writes its number, or the code of its error, into answers_.
  PendingAppend& add(int number, std::uint32_t records, std::size_t bytes = 1) {
    auto append = make(number, records, bytes);
    PendingAppend& added = *append;
    const std::scoped_lock lock(mutex_);
    EXPECT_TRUE(queue_.add(append));
    return added;
  }
  std::unique_ptr<PendingAppend> make(int number, std::uint32_t records, std::size_t bytes) {
    return std::make_unique<PendingAppend>(
        [this, number](const base::Result<void>& result) {
          answers_.push_back(result ? std::to_string(number)
                                    : std::string(base::to_string(result.error().code())));
          if (!result) message_ = result.error().message();
        },
        records, bytes);
  }
  // As the appender does it for `records` results, the appending thread's own among them.
  void settle(PendingAppend& append, std::uint32_t records) {
    if (!append.settle(records)) return;
    std::unique_lock lock(mutex_);
    queue_.answer_settled(lock);
  }

  std::mutex mutex_;
  AppendQueue queue_{kBytesMax};
  std::vector<std::string> answers_;
  std::string message_;
};

TEST_F(AppendQueueTest, AnswersComeInTheOrderOfTheAppends) {
  PendingAppend& first = add(1, 2);
  PendingAppend& second = add(2, 1);
  PendingAppend& third = add(3, 0);
  settle(third, 1);
  settle(second, 2);
  settle(first, 2);
  EXPECT_THAT(answers_, IsEmpty());
  settle(first, 1);
  EXPECT_THAT(answers_, ElementsAre("1", "2", "3"));
  EXPECT_TRUE(queue_.is_empty());
}

TEST_F(AppendQueueTest, AnAppendDoesNotEndBeforeAllItsRecordsAreGivenToTheProducer) {
  PendingAppend& append = add(1, 2);
  settle(append, 1);
  settle(append, 1);
  EXPECT_THAT(answers_, IsEmpty());
  settle(append, 1);
  EXPECT_THAT(answers_, ElementsAre("1"));
}

TEST_F(AppendQueueTest, AnAnswerMayAppendAndSettle) {
  auto outer = std::make_unique<PendingAppend>(
      [this](const base::Result<void>&) {
        answers_.emplace_back("outer");
        settle(add(2, 0), 1);
      },
      0, 1);
  PendingAppend& append = *outer;
  {
    const std::scoped_lock lock(mutex_);
    ASSERT_TRUE(queue_.add(outer));
  }
  settle(append, 1);
  EXPECT_THAT(answers_, ElementsAre("outer", "2"));
}

TEST_F(AppendQueueTest, MoreBytesThanTheBoundAreRefusedUntilSomeAreAnswered) {
  PendingAppend& first = add(1, 0, kBytesMax);
  auto refused = make(2, 0, 1);
  const auto added = queue_.add(refused);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code(), base::Code::kResourceExhausted);
  EXPECT_THAT(added.error().message(), HasSubstr("takes 100: try again later"));
  EXPECT_NE(refused, nullptr);
  settle(first, 1);
  EXPECT_TRUE(queue_.add(refused));
}

TEST_F(AppendQueueTest, ABatchIsRefusedOnlyWhenNoRecordOfItWasLogged) {
  PendingAppend& all = add(1, 2);
  all.note_refused(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
  all.note_refused(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
  settle(all, 3);
  PendingAppend& some = add(2, 2);
  some.note_refused(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
  settle(some, 3);
  PendingAppend& unknown = add(3, 1);
  unknown.note_unknown(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
  settle(unknown, 2);
  EXPECT_THAT(answers_, ElementsAre(base::to_string(base::Code::kUnavailable),
                                    base::to_string(base::Code::kDeadlineExceeded),
                                    base::to_string(base::Code::kDeadlineExceeded)));
}

TEST_F(AppendQueueTest, AFullProducerRefusesAsAFullQueueDoes) {
  PendingAppend& append = add(1, 1);
  append.note_refused(RD_KAFKA_RESP_ERR__QUEUE_FULL);
  settle(append, 2);
  EXPECT_THAT(answers_, ElementsAre(base::to_string(base::Code::kResourceExhausted)));
}

TEST_F(AppendQueueTest, ARecordThatCameBeforeAnAcknowledgedEndIsUnknown) {
  PendingAppend& append = add(1, 1);
  append.note_unknown(RD_KAFKA_RESP_ERR_NO_ERROR);
  settle(append, 2);
  EXPECT_THAT(answers_, ElementsAre(base::to_string(base::Code::kDeadlineExceeded)));
  EXPECT_THAT(message_, HasSubstr("before the end"));
}

TEST_F(AppendQueueTest, ThreadsThatSettleInAnyOrderAnswerEveryAppendOnceInOrder) {
  constexpr int kThreads = 4;
  constexpr int kAppends = 400;
  std::vector<PendingAppend*> appends;
  std::vector<std::string> expected;
  for (int i = 0; i < kAppends; ++i) {
    appends.push_back(&add(i, kThreads - 1, 0));
    expected.push_back(std::to_string(i));
  }
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kAppends; ++i) {
          // Half of the threads go backwards.
          settle(*appends[static_cast<std::size_t>(t % 2 == 0 ? i : kAppends - 1 - i)], 1);
        }
      });
    }
  }
  EXPECT_EQ(answers_, expected);
}

}  // namespace
}  // namespace estadio
