// An event log in memory. A test can delay its answers or make them fail. For tests of other parts
// than the log.
//
// Threads: any.
#pragma once

#include <algorithm>
#include <compare>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "estadio/contest/event_log.h"
#include "estadio/contest/record.h"
#include "estadio/contest/test_world.h"

namespace estadio::test {

class MemoryLog final : public EventLog {
 public:
  explicit MemoryLog(int partitions)
      : partitions_(partitions), parts_(RecordBatch(partitions).parts.size()) {}

  // From now on every append fails with this error, and its records are not kept.
  void fail_with(base::Error error) {
    const std::scoped_lock lock(mutex_);
    failure_ = std::move(error);
  }
  void recover() {
    const std::scoped_lock lock(mutex_);
    failure_.reset();
  }
  // From now on appends are kept, and release() answers them.
  void hold() {
    const std::scoped_lock lock(mutex_);
    is_held_ = true;
  }
  void release() {
    std::vector<Done> held;
    {
      const std::scoped_lock lock(mutex_);
      is_held_ = false;
      held = std::exchange(held_, {});
    }
    for (const Done& done : held) done({});
  }
  // A read returns at most records_max() records. REQUIRES: nothing reads yet.
  void bound_reads(std::function<std::int64_t()> records_max) {
    records_max_ = std::move(records_max);
  }
  [[nodiscard]] std::size_t appends() const {
    const std::scoped_lock lock(mutex_);
    return appends_;
  }
  struct Line {
    std::int64_t time_ms = 0;
    std::string text;

    friend auto operator<=>(const Line&, const Line&) = default;
  };
  // Adds the line unchanged, without a newline.
  void add(PartitionId to, std::string line, std::int64_t time_ms = TestClock::kStartMs) {
    const std::scoped_lock lock(mutex_);
    push(index_of(to), {time_ms, std::move(line)});
  }

  // Changes the time of a record. REQUIRES: nothing reads it.
  void change_time(PartitionId of, std::size_t offset, std::int64_t by_ms) {
    const std::scoped_lock lock(mutex_);
    parts_[index_of(of)][offset].time_ms += by_ms;
  }
  // Removes the records from `end` on, as a cluster that loses its end. REQUIRES: nothing reads
  // them.
  void lose_end(PartitionId of, std::size_t end) {
    const std::scoped_lock lock(mutex_);
    parts_[index_of(of)].resize(end);
  }
  // Removes and returns the records from `end` on. A record that is added again unchanged gets a
  // later time. Otherwise no reader could notice the loss.
  std::vector<Line> lose_end_for_good(PartitionId of, std::size_t end) {
    const std::scoped_lock lock(mutex_);
    auto& lines = parts_[index_of(of)];
    std::vector<Line> gone(lines.begin() + static_cast<std::ptrdiff_t>(end), lines.end());
    for (const Line& line : gone) lost_.emplace(index_of(of), end++, line);
    lines.resize(lines.size() - gone.size());
    return gone;
  }
  // Removes all records. REQUIRES: nothing reads them.
  void clear() {
    const std::scoped_lock lock(mutex_);
    for (auto& lines : parts_) lines.clear();
  }

  void append(const RecordBatch& batch, Done done) override {
    std::unique_lock lock(mutex_);
    ++appends_;
    if (failure_) {
      const base::Error error = *failure_;
      lock.unlock();
      return done(base::fail(error));
    }
    if (has_ended_) {
      lock.unlock();
      return done(base::fail(base::Code::kUnavailable, "the contest is over"));
    }
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      std::string_view lines = batch.parts[i].lines;
      while (!lines.empty()) {
        const auto newline = lines.find('\n');
        push(i, {batch.time_ms, std::string(lines.substr(0, newline))});
        lines.remove_prefix(newline + 1);
      }
    }
    if (is_held_) return held_.push_back(std::move(done));
    lock.unlock();
    done({});
  }
  void append_end_marks(Done done) override {
    std::unique_lock lock(mutex_);
    has_ended_ = true;
    if (failure_) {
      const base::Error error = *failure_;
      lock.unlock();
      return done(base::fail(error));
    }
    for (auto& lines : parts_) {
      lines.push_back({TestClock::kStartMs, std::string(RecordFormat::kEndMark)});
    }
    if (is_held_) return held_.push_back(std::move(done));
    lock.unlock();
    done({});
  }
  [[nodiscard]] base::Result<base::Uuid> incarnation(PartitionId id) override {
    return numbered_id(index_of(id) + 1);
  }
  [[nodiscard]] int partitions() const override { return partitions_; }
  [[nodiscard]] base::Result<std::int64_t> end_offset(PartitionId id) override {
    const std::scoped_lock lock(mutex_);
    return static_cast<std::int64_t>(parts_[index_of(id)].size());
  }
  [[nodiscard]] base::Result<std::int64_t> offset_before(PartitionId id,
                                                         std::int64_t time_ms) override {
    const std::scoped_lock lock(mutex_);
    const auto& lines = parts_[index_of(id)];
    return std::ranges::find_if(lines, [&](const Line& line) { return line.time_ms >= time_ms; }) -
           lines.begin();
  }
  [[nodiscard]] base::Result<std::unique_ptr<PartitionReader>> read_from(
      PartitionId id, std::int64_t offset) override {
    return std::make_unique<Reader>(*this, index_of(id), offset);
  }

 private:
  // Returns the records that exist, up to the bound of a read. Never waits.
  class Reader final : public PartitionReader {
   public:
    Reader(const MemoryLog& log, std::size_t index, std::int64_t offset)
        : log_(log), index_(index), position_(offset) {}
    base::Result<void> read(std::vector<LoggedRecord>& records, std::chrono::nanoseconds) override {
      records.clear();
      const std::scoped_lock lock(log_.mutex_);
      const auto& lines = log_.parts_[index_];
      std::int64_t end = std::ssize(lines);
      if (log_.records_max_) end = std::min(end, position_ + log_.records_max_());
      for (; position_ < end; ++position_) {
        const Line& line = lines[static_cast<std::size_t>(position_)];
        records.push_back({.offset = position_, .time_ms = line.time_ms, .line = line.text});
      }
      return {};
    }
    base::Result<void> seek(std::int64_t offset) override {
      position_ = offset;
      return {};
    }
    [[nodiscard]] std::int64_t position() const override { return position_; }
    void wake() override {}

   private:
    const MemoryLog& log_;
    const std::size_t index_;
    std::int64_t position_;
  };

  [[nodiscard]] std::size_t index_of(PartitionId id) const {
    return estadio::index_of(id, partitions_);
  }

  void push(std::size_t index, Line line) {
    while (lost_.contains({index, parts_[index].size(), line})) ++line.time_ms;
    parts_[index].push_back(std::move(line));
  }

  const int partitions_;
  std::function<std::int64_t()> records_max_;
  mutable std::mutex mutex_;
  std::vector<std::deque<Line>> parts_;  // deques: views into lines stay valid
  std::set<std::tuple<std::size_t, std::size_t, Line>> lost_;  // partition, offset, record
  std::optional<base::Error> failure_;
  std::size_t appends_ = 0;
  bool is_held_ = false;
  bool has_ended_ = false;  // append() refuses
  std::vector<Done> held_;
};

}  // namespace estadio::test
