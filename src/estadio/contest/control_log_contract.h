// The contract of ControlLog, for every implementation.
//
// An adapter's test makes a harness and instantiates the suite:
//
//   struct MemoryControlLogHarness {
//     ControlLog& open();  // a process' access to the same log; empty at the first call
//     // Only for a harness that may be unable to run: the reason, or nothing when it can run.
//     static std::optional<std::string> skip_reason();
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Memory, ControlLogContract, MemoryControlLogHarness);
//
// References are valid until the harness's end. Offsets are of kPartitions partitions per topic.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "estadio/contest/control_log.h"
#include "estadio/contest/test_world.h"

namespace estadio {

inline constexpr int kControlLogPartitions = 2;

template <class Harness>
class ControlLogContract : public testing::Test {
 protected:
  using Kind = ControlRecord::Kind;

  void SetUp() override {
    if constexpr (requires { Harness::skip_reason(); }) {
      if (const auto why = Harness::skip_reason()) GTEST_SKIP() << *why;
    }
    log_ = &harness_.open();
  }

  static ControlRecord heartbeat(std::uint64_t judge, std::uint64_t number) {
    return {.kind = Kind::kHeartbeat,
            .judge = test::numbered_id(judge),
            .number = number,
            .offsets = {}};
  }
  static ControlRecord record(Kind kind, std::uint64_t judge, std::vector<std::int64_t> offsets) {
    return {.kind = kind, .judge = test::numbered_id(judge), .offsets = std::move(offsets)};
  }
  // Reads `count` records.
  static std::vector<ControlRecord> read(ControlLog& log, std::size_t count) {
    std::vector<ControlRecord> all;
    std::vector<ControlRecord> records;
    const auto end = std::chrono::steady_clock::now() + test::kPatience;
    while (all.size() < count && std::chrono::steady_clock::now() < end) {
      const auto read = log.read(records, std::chrono::milliseconds(100));
      if (!read) ADD_FAILURE() << read.error().message();
      if (!read) break;
      all.insert(all.end(), records.begin(), records.end());
    }
    return all;
  }
  static std::vector<ControlRecord> without_times(std::vector<ControlRecord> records) {
    for (ControlRecord& each : records) each.appended_ms = 0;
    return records;
  }

  ControlLog& log() { return *log_; }
  ControlLog& another() { return harness_.open(); }

 private:
  Harness harness_;
  ControlLog* log_ = nullptr;
};

TYPED_TEST_SUITE_P(ControlLogContract);

TYPED_TEST_P(ControlLogContract, RecordsAreReadBackInTheirOrder) {
  using Kind = ControlRecord::Kind;
  const std::vector<ControlRecord> written = {
      this->heartbeat(1, 1), this->heartbeat(1, 1'000'000'000'000),
      this->record(Kind::kClosing, 1, {0, 5, 70'000'000'000, 3}),
      this->record(Kind::kClosed, 1, {1, 6, 70'000'000'001, 3})};
  for (const ControlRecord& each : written) this->log().append(each);
  EXPECT_EQ(this->without_times(this->read(this->log(), 4)), written);
}

TYPED_TEST_P(ControlLogContract, AllProcessesReadTheSameFromTheFirstRecordOn) {
  ControlLog& other = this->another();
  for (std::uint64_t i = 1; i <= 20; ++i) {
    this->log().append(this->heartbeat(1, i));
    other.append(this->heartbeat(2, i));
  }
  const auto first = this->read(this->log(), 40);
  ASSERT_EQ(first.size(), 40U);
  EXPECT_EQ(this->read(other, 40), first);
  EXPECT_EQ(this->read(this->another(), 40), first);
}

TYPED_TEST_P(ControlLogContract, AReadWithoutRecordsEndsWithThePatience) {
  std::vector<ControlRecord> records = {this->heartbeat(1, 1)};
  const auto read = this->log().read(records, std::chrono::milliseconds(1));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_TRUE(records.empty());
}

TYPED_TEST_P(ControlLogContract, TheLogGivesEachRecordItsTime) {
  this->log().append(this->heartbeat(1, 1));
  const auto records = this->read(this->log(), 1);
  ASSERT_EQ(records.size(), 1U);
  const std::int64_t apart_ms = records[0].appended_ms - base::SystemClock().wall_ms();
  EXPECT_LE(std::abs(apart_ms), 3'600'000);
}

REGISTER_TYPED_TEST_SUITE_P(ControlLogContract, RecordsAreReadBackInTheirOrder,
                            AllProcessesReadTheSameFromTheFirstRecordOn,
                            AReadWithoutRecordsEndsWithThePatience, TheLogGivesEachRecordItsTime);

}  // namespace estadio
