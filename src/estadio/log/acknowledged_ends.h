// Holds, for each partition, one past the last record that Kafka acknowledged to this process. This
// shows whether Kafka has lost results.
//
// Offsets only grow. An offset before a known end means that the topic was deleted and made again,
// or that it lost its end. From then on append() must refuse: has_lost() stays true.
//
// Threads: all methods may be called from any thread, advance() from one at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/log.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

class AcknowledgedEnds {
 public:
  // `partitions` is the number of partitions of each topic. REQUIRES: `log` outlives this.
  AcknowledgedEnds(KafkaTopics topics, int partitions, base::Logger& log);

  // Moves the end beyond `offset`, that of a record which Kafka acknowledged. Returns false, and
  // notes the loss, when the offset is before the end.
  [[nodiscard]] bool advance(PartitionId id, std::int64_t offset);

  // Returns 0 before the first acknowledged record.
  [[nodiscard]] std::int64_t end(PartitionId id) const {
    return ends_[index_of(id)].load(std::memory_order_relaxed);
  }

  // Makes has_lost() true for good. Logs the first loss.
  void note_lost(PartitionId id);
  [[nodiscard]] bool has_lost() const { return has_lost_; }

  [[nodiscard]] int partitions() const { return partitions_; }

 private:
  [[nodiscard]] std::size_t index_of(PartitionId id) const {
    return estadio::index_of(id, partitions_);
  }

  const KafkaTopics topics_;
  const int partitions_;
  base::Logger& log_;
  std::vector<std::atomic<std::int64_t>> ends_;  // the winners', then the losers'
  std::atomic<bool> has_lost_{false};
};

}  // namespace estadio
