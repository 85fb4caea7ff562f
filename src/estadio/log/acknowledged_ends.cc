#include "estadio/log/acknowledged_ends.h"

#include <utility>

namespace estadio {

AcknowledgedEnds::AcknowledgedEnds(KafkaTopics topics, int partitions, base::Logger& log)
    : topics_(std::move(topics)),
      partitions_(partitions),
      log_(log),
      ends_(static_cast<std::size_t>(partitions) * 2) {}

bool AcknowledgedEnds::advance(PartitionId id, std::int64_t offset) {
  auto& end = ends_[index_of(id)];
  if (offset < end.load(std::memory_order_relaxed)) {
    note_lost(id);
    return false;
  }
  end.store(offset + 1, std::memory_order_relaxed);
  return true;
}

void AcknowledgedEnds::note_lost(PartitionId id) {
  if (has_lost_.exchange(true)) return;
  log_.error(
      "Kafka has lost results that it acknowledged: the topic was deleted and made again, or lost "
      "its end; this process takes no more entries: restore the topic, then start it again",
      {{"partition", topics_.name_of(id)}});
}

}  // namespace estadio
