// A control log in memory. For tests of other parts than the log.
//
// Threads: those of ControlLog. Any number of them may share one Storage.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "estadio/contest/control_log.h"

namespace estadio::test {

class MemoryControlLog final : public ControlLog {
 public:
  // What the processes share.
  struct Storage {
    std::mutex mutex;
    std::vector<ControlRecord> records;  // guarded by mutex
  };

  // `clock` is the log's own; it outlives this.
  MemoryControlLog(std::shared_ptr<Storage> storage, const base::Clock& clock)
      : storage_(std::move(storage)), clock_(clock) {}

  void append(const ControlRecord& record) override {
    const std::scoped_lock lock(storage_->mutex);
    storage_->records.push_back(record);
    storage_->records.back().appended_ms = clock_.wall_ms();
  }
  [[nodiscard]] base::Result<void> read(std::vector<ControlRecord>& records,
                                        std::chrono::nanoseconds) override {
    const std::scoped_lock lock(storage_->mutex);
    const auto& all = storage_->records;
    records.assign(all.begin() + static_cast<std::ptrdiff_t>(position_), all.end());
    position_ = all.size();
    return {};
  }

 private:
  const std::shared_ptr<Storage> storage_;
  const base::Clock& clock_;
  std::size_t position_ = 0;
};

}  // namespace estadio::test
