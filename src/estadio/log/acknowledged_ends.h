// Holds, for each partition, the last record that Kafka acknowledged to this process. This shows
// whether Kafka has lost results.
//
// Offsets only grow. An offset before a known end means that the topic was deleted and made again,
// or that it lost its end. Another record at the offset of the last one means that it lost its end
// and grew again. From then on append() must refuse: has_lost() stays true.
//
// Threads: all methods may be called from any thread, advance() from one at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

class AcknowledgedEnds {
 public:
  // An acknowledged record.
  struct Last {
    std::int64_t offset = 0;
    std::uint64_t digest = 0;  // of its line, by digest_of()
  };

  // `partitions` is the number of partitions of each topic. REQUIRES: `log` outlives this.
  AcknowledgedEnds(KafkaTopics topics, int partitions, base::Logger& log);

  // Takes a record that Kafka acknowledged. Returns false, and notes the loss, when its offset is
  // before the end.
  [[nodiscard]] bool advance(PartitionId id, std::int64_t offset, std::string_view line);

  // Returns 0 before the first acknowledged record.
  [[nodiscard]] std::int64_t end(PartitionId id) const {
    return records_[index_of(id)].end.load(std::memory_order_relaxed);
  }
  // Returns nothing before the first acknowledged record.
  [[nodiscard]] std::optional<Last> last(PartitionId id) const;
  [[nodiscard]] static std::uint64_t digest_of(std::string_view line);

  // Makes has_lost() true for good. Logs the first loss.
  void note_lost(PartitionId id);
  [[nodiscard]] bool has_lost() const { return has_lost_; }

  [[nodiscard]] int partitions() const { return partitions_; }

 private:
  // Only advance() writes. `version` is odd while it does, so that last() can read end and digest
  // of one record.
  struct Record {
    std::atomic<std::uint32_t> version{0};
    std::atomic<std::int64_t> end{0};
    std::atomic<std::uint64_t> digest{0};
  };

  [[nodiscard]] std::size_t index_of(PartitionId id) const {
    return estadio::index_of(id, partitions_);
  }

  const KafkaTopics topics_;
  const int partitions_;
  base::Logger& log_;
  std::vector<Record> records_;  // the winners', then the losers'
  std::atomic<bool> has_lost_{false};
};

}  // namespace estadio
