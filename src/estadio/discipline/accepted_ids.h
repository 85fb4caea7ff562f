// The given ids of a contest that is closed, with what their first entries say. With them a judge
// answers entries that are sent again, for as long as the log exists.
//
// read() reads the log once, up to the first end marks. It gathers the ids of a partition and sorts
// them into runs:
//
//   partition 0   | run of kRunIds | run | run |        a run: sorted by id, first record wins
//   partition 1   | run of kRunIds | run |
//
// An entry's coin says its partition, so find() searches the runs of one partition, the first run
// first.
//
// Bound: 24 bytes per id, in memory up to the limit of IdMemory, beyond it in its files. read()
// takes about 36 MiB more.
//
// Threads: read() belongs to one thread. The others may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/uuid.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/entry_content.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/record.h"
#include "estadio/dedup/id_memory.h"
#include "estadio/dedup/retry_rule.h"

namespace estadio {

class AcceptedIds {
 public:
  static constexpr std::size_t kRunIds = std::size_t{1} << 20;

  // REQUIRES: all of these outlive this.
  struct Dependencies {
    const Contest& contest;
    EventLog& events;
    RetryRule retry;
    IdMemory& memory;
    const base::Clock& clock;
    base::Logger& log;
  };

  explicit AcceptedIds(const Dependencies& deps, std::size_t run_ids = kRunIds);

  // Reads the records before `marks`, the offsets of the first end marks by partition. After an
  // error it may be called again and goes on with the partition that failed.
  // Errors: those of the log and of IdMemory::allocate(); kCancelled once `is_cancelled` is true.
  [[nodiscard]] base::Result<void> read(const std::vector<std::int64_t>& marks,
                                        const std::function<bool()>& is_cancelled);

  // Returns whether read() has succeeded.
  [[nodiscard]] bool is_ready() const { return is_ready_.load(std::memory_order_acquire); }
  // Returns what the id's counted entry says. REQUIRES: is_ready().
  [[nodiscard]] std::optional<EntryContent> find(PartitionId partition, const base::Uuid& id) const;
  [[nodiscard]] std::uint64_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  struct Accepted {
    base::Uuid id;
    EntryContent content;
  };
  struct Run {
    IdMemory::Region region;
    std::size_t count = 0;

    [[nodiscard]] std::span<Accepted> ids() const {
      return {static_cast<Accepted*>(region.data()), count};
    }
  };

  base::Result<void> read_partition(std::size_t index, std::int64_t mark,
                                    const std::function<bool()>& is_cancelled);
  void gather(const LoggedRecord& logged);
  // Makes a run of what has gathered.
  base::Result<void> add_run(std::size_t index);
  void show_progress(std::int64_t records);

  const Dependencies deps_;
  const RecordFormat format_;
  const std::size_t run_ids_;
  std::vector<std::vector<Run>> runs_;  // by partition; constant once it is ready
  std::size_t next_partition_ = 0;      // that read() has not finished
  std::vector<Accepted> gathered_;
  std::int64_t records_ = 0;  // read so far
  base::Nanos shown_{};       // when the progress was logged last
  std::atomic<std::uint64_t> size_{0};
  std::atomic<bool> is_ready_{false};
};

}  // namespace estadio
