// Tools of the domain's tests: a temporary folder, a clock that the test sets, a logger with
// readable lines, and records with distinct numbers.
//
// For tests only. Threads: TestClock and CapturedLog may be used from any thread.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/test_folder.h"
#include "base/unique_fd.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/record.h"

namespace estadio::test {

// Long enough for a loaded machine under a sanitizer. Only a failing test waits so long.
inline constexpr std::chrono::seconds kPatience{60};

// Calls `holds` until it returns true or the patience ends. Returns the last result.
inline bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

// Returns the seed of a random test and prints it. The seed is TEST_SEED, or new each time.
inline std::uint64_t drawn_seed() {
  const char* given = std::getenv("TEST_SEED");
  const std::uint64_t seed = given == nullptr ? std::random_device{}() : std::stoull(given);
  std::printf("TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

using base::test::read_file;
using base::test::TempFolder;
using base::test::write_file;

// A clock whose wall time the test sets. Durations are real.
class TestClock final : public base::Clock {
 public:
  static constexpr std::int64_t kStartMs = 1'790'000'000'000;

  [[nodiscard]] std::int64_t wall_ms() const override { return wall_ms_; }
  [[nodiscard]] base::Nanos mono() const override { return system_.mono(); }

  void set(std::int64_t wall_ms) { wall_ms_ = wall_ms; }
  void advance(std::int64_t ms) { wall_ms_ += ms; }

 private:
  std::atomic<std::int64_t> wall_ms_{kStartMs};
  base::SystemClock system_;
};

// A clock whose mono() the test sets. The wall's time is fixed. A HandClock belongs to one thread.
class HandClock final : public base::Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override { return TestClock::kStartMs; }
  [[nodiscard]] base::Nanos mono() const override { return now; }

  base::Nanos now = std::chrono::seconds(1000);
};

// A logger that keeps its lines in memory.
class CapturedLog {
 public:
  CapturedLog()
      : fd_(::memfd_create("log", MFD_CLOEXEC)),
        logger_(clock_, {.level = base::LogLevel::kDebug, .fd = fd_.get()}) {}

  [[nodiscard]] base::Logger& logger() { return logger_; }
  [[nodiscard]] std::string text() const {
    logger_.flush();
    std::string text(static_cast<std::size_t>(::lseek(fd_.get(), 0, SEEK_END)), '\0');
    const auto size = ::pread(fd_.get(), text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text;
  }

 private:
  base::SystemClock clock_;
  base::UniqueFd fd_;
  mutable base::Logger logger_;  // text() waits for its lines
};

// Returns an id that contains the number.
inline base::Uuid numbered_id(std::uint64_t number) {
  base::Uuid id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  id.bytes[6] = 0x40;
  return id;
}

// Records of the default contest, each with its own number.
class NumberedRecords {
 public:
  [[nodiscard]] std::string line(Outcome topic, std::uint64_t number, bool is_given = false) const {
    std::string line;
    const Entry entry{.id = numbered_id(number),
                      .student_size = 5,
                      .has_student = true,
                      .is_id_given = is_given,
                      .faculty = static_cast<FacultyIndex>(number % 2),
                      .discipline = static_cast<DisciplineIndex>(number % 3)};
    format_.append(line, entry, "Zoë", topic);
    return line;
  }
  void add(RecordBatch& batch, PartitionId to, std::uint64_t number, bool is_given = false) const {
    RecordBatch::Part& part = batch.part(to);
    part.lines += line(to.topic, number, is_given);
    part.has_given_ids |= is_given;
    ++part.count;
  }
  [[nodiscard]] std::uint64_t number_of(std::string_view line) const {
    const auto record = format_.parse(line);
    if (!record) {
      ADD_FAILURE() << "not a record: " << line;
      return UINT64_MAX;
    }
    std::uint64_t number = 0;
    for (std::size_t i = 8; i < 16; ++i) number = number << 8 | record->id.bytes[i];
    return number;
  }

 private:
  const Contest contest_ = Contest::defaults();
  const RecordFormat format_{contest_};
};

// Appends and waits for the answer.
inline base::Result<void> append_and_wait(EventLog& log, const RecordBatch& batch) {
  // Shared: the answer may come after the test gave up.
  const auto answer = std::make_shared<std::promise<base::Result<void>>>();
  auto answered = answer->get_future();
  log.append(batch, [answer](base::Result<void> result) { answer->set_value(std::move(result)); });
  if (answered.wait_for(kPatience) != std::future_status::ready) {
    return base::fail(base::Code::kDeadlineExceeded, "append() did not call done");
  }
  return answered.get();
}

}  // namespace estadio::test
