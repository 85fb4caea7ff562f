// Judges whose answers a test holds back or makes fail, and batches for them.
//
// For tests only. Threads: any.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "estadio/contest/judge.h"
#include "estadio/contest/test_world.h"

namespace estadio::test {

// An id wins when its last byte is even.
inline Outcome outcome_of(const base::Uuid& id) {
  return id.bytes[15] % 2 == 0 ? Outcome::kWinner : Outcome::kLoser;
}

// The script that all judges of a server follow. It must outlive them.
class ScriptedJudges {
 public:
  // Answers wait for release().
  void hold() {
    const std::scoped_lock lock(mutex_);
    is_held_ = true;
  }
  void release() {
    std::vector<std::pair<Judge::Done, base::Result<void>>> held;
    {
      const std::scoped_lock lock(mutex_);
      is_held_ = false;
      held = std::exchange(held_, {});
    }
    for (auto& [done, result] : held) done(std::move(result));
  }
  void fail_with(base::Error error) {
    const std::scoped_lock lock(mutex_);
    failure_ = std::move(error);
  }
  void recover() {
    const std::scoped_lock lock(mutex_);
    failure_.reset();
  }
  [[nodiscard]] std::size_t batches() const {
    const std::scoped_lock lock(mutex_);
    return batches_;
  }
  // Returns all entries that came, in their order, with their students.
  [[nodiscard]] std::vector<std::pair<Entry, std::string>> entries() const {
    const std::scoped_lock lock(mutex_);
    return entries_;
  }
  [[nodiscard]] std::size_t judges_made() const { return made_; }

  [[nodiscard]] std::unique_ptr<Judge> make() {
    ++made_;
    return std::make_unique<ScriptedJudge>(*this);
  }

 private:
  class ScriptedJudge final : public Judge {
   public:
    explicit ScriptedJudge(ScriptedJudges& script) : script_(script) {}
    void judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) override {
      EXPECT_EQ(within_++, 0) << "called by two threads at once";
      script_.judge(batch, verdicts, std::move(done));
      --within_;
    }

   private:
    ScriptedJudges& script_;
    std::atomic<int> within_{0};
  };

  void judge(const EntryBatch& batch, std::span<Verdict> verdicts, Judge::Done done) {
    std::unique_lock lock(mutex_);
    ++batches_;
    for (std::size_t i = 0; i < batch.entries.size(); ++i) {
      const Entry& entry = batch.entries[i];
      entries_.emplace_back(entry, batch.student(entry));
      verdicts[i] = {.outcome = outcome_of(entry.id), .is_repeated = entry.is_id_given};
    }
    base::Result<void> result;
    if (failure_) result = base::fail(*failure_);
    if (is_held_) {
      held_.emplace_back(std::move(done), std::move(result));
      return;
    }
    lock.unlock();
    done(std::move(result));
  }

  std::atomic<std::size_t> made_{0};
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::pair<Judge::Done, base::Result<void>>> held_;
  std::vector<std::pair<Entry, std::string>> entries_;
  std::optional<base::Error> failure_;
  std::size_t batches_ = 0;
  bool is_held_ = false;
};

// Returns entries of the default contest, numbered from `first`. Every third has a given id, every
// fourth has no student.
inline EntryBatch numbered_batch(std::uint64_t first, std::size_t count) {
  EntryBatch batch;
  for (std::uint64_t i = first; i < first + count; ++i) {
    const std::string student = fmt::format("Zoë {}", i);
    Entry& entry = batch.entries.emplace_back();
    entry.id = numbered_id(i);
    entry.is_id_given = i % 3 == 0;
    entry.faculty = static_cast<FacultyIndex>(i % 2);
    entry.discipline = static_cast<DisciplineIndex>(i % 3);
    entry.age = i % 5 == 0 ? Entry::kNoAge : static_cast<std::int16_t>(i % 100);
    if (i % 4 == 0) continue;
    entry.has_student = true;
    entry.student_at = static_cast<std::uint32_t>(batch.text.size());
    entry.student_size = static_cast<std::uint8_t>(student.size());
    batch.text += student;
  }
  return batch;
}

// Hands a batch to a judge, and keeps the answer.
class Judging {
 public:
  Judging(Judge& judge, EntryBatch entries)
      : batch(std::move(entries)), verdicts(batch.entries.size()) {
    judge.judge(batch, verdicts,
                [this](base::Result<void> result) { answer_.set_value(std::move(result)); });
  }
  Judging(const Judging&) = delete;
  Judging& operator=(const Judging&) = delete;

  [[nodiscard]] bool is_done() {
    return answered_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  // REQUIRES: it is called once.
  [[nodiscard]] base::Result<void> result() {
    if (answered_.wait_for(kPatience) != std::future_status::ready) {
      return base::fail(base::Code::kDeadlineExceeded, "judge() did not call done");
    }
    return answered_.get();
  }
  [[nodiscard]] base::Code code() {
    const auto answer = result();
    EXPECT_FALSE(answer) << "expected an error";
    return answer ? base::Code::kInternal : answer.error().code();
  }

  const EntryBatch batch;
  std::vector<Verdict> verdicts;

 private:
  std::promise<base::Result<void>> answer_;
  std::future<base::Result<void>> answered_ = answer_.get_future();
};

}  // namespace estadio::test
