// A queue of bytes to send: the order of own and constant bytes, and the memory that it holds.
#include "http/send_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace http {
namespace {

std::string joined(const SendQueue& queue) {
  std::string text;
  for (const std::string_view piece : queue.next()) text += piece;
  return text;
}

TEST(SendQueueTest, OwnAndConstantBytesKeepTheirOrder) {
  SendQueue queue;
  EXPECT_TRUE(queue.empty());
  queue.tail() += "head ";
  queue.append_constant("page ");
  queue.append_constant("script ");
  queue.tail() += "tail";
  EXPECT_EQ(joined(queue), "head page script tail");
  EXPECT_EQ(queue.unsent(), 21U);
}

TEST(SendQueueTest, AConstantIsNotCopied) {
  const std::string page(100'000, 'p');
  SendQueue queue;
  queue.tail() += "head";
  queue.append_constant(page);
  EXPECT_EQ(queue.next()[1].data(), page.data());
  EXPECT_LT(queue.memory(), 100U);
}

TEST(SendQueueTest, AnEmptyConstantIsNoPiece) {
  SendQueue queue;
  queue.append_constant("");
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(joined(queue), "");
}

TEST(SendQueueTest, AnyBytesLeaveInOrderHoweverTheyAreSent) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  static const std::string kConstants = [] {
    std::string bytes(200'000, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % 251);
    return bytes;
  }();
  SendQueue queue;
  std::string expected;
  std::string sent;
  for (int step = 0; step < 2000; ++step) {
    if (random() % 2 == 0) {
      const std::string own(random() % 3000, static_cast<char>('a' + step % 26));
      queue.tail() += own;
      expected += own;
    } else if (random() % 3 == 0) {
      const std::string_view constant =
          std::string_view(kConstants).substr(random() % 100'000, random() % 10'000);
      queue.append_constant(constant);
      expected += constant;
    }
    const std::string bytes = joined(queue);
    ASSERT_EQ(bytes.empty(), queue.empty());
    const std::size_t count = bytes.empty() ? 0 : random() % (bytes.size() + 1);
    sent += bytes.substr(0, count);
    queue.drop(count);
    queue.compact();
    if (queue.empty()) queue.give_back();
    ASSERT_EQ(queue.unsent(), expected.size() - sent.size());
  }
  while (!queue.empty()) {
    const std::string bytes = joined(queue);
    sent += bytes;
    queue.drop(bytes.size());
  }
  EXPECT_EQ(sent, expected);
}

TEST(SendQueueTest, AQueueThatIsNeverEmptyDoesNotGrowWithoutEnd) {
  SendQueue queue;
  std::size_t largest = 0;
  for (int i = 0; i < 10'000; ++i) {
    queue.tail().append(1000, 'x');
    if (queue.unsent() > 100'000) queue.drop(1000);
    queue.compact();
    largest = std::max(largest, queue.memory());
  }
  EXPECT_LE(largest, 500'000U);
}

TEST(SendQueueTest, AnEmptyQueueGivesALargeBufferBack) {
  SendQueue queue;
  queue.tail().append(1'000'000, 'x');
  EXPECT_GE(queue.memory(), 1'000'000U);
  queue.drop(1'000'000);
  EXPECT_EQ(queue.memory(), 0U);
  queue.give_back();
  EXPECT_LT(queue.tail().capacity(), 100U);
}

}  // namespace
}  // namespace http
