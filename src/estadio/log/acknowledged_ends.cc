#include "estadio/log/acknowledged_ends.h"

#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace estadio {

AcknowledgedEnds::AcknowledgedEnds(KafkaTopics topics, int partitions, base::Logger& log)
    : topics_(std::move(topics)),
      partitions_(partitions),
      log_(log),
      records_(static_cast<std::size_t>(partitions) * 2) {}

bool AcknowledgedEnds::advance(PartitionId id, std::int64_t offset, std::string_view line) {
  Record& record = records_[index_of(id)];
  if (offset < record.end.load(std::memory_order_relaxed)) {
    note_lost(id);
    return false;
  }
  const std::uint32_t version = record.version.load(std::memory_order_relaxed);
  record.version.store(version + 1, std::memory_order_relaxed);
  // A reader that sees one of these also sees the odd version.
  record.end.store(offset + 1, std::memory_order_release);
  record.digest.store(digest_of(line), std::memory_order_release);
  record.version.store(version + 2, std::memory_order_release);
  return true;
}

std::optional<AcknowledgedEnds::Last> AcknowledgedEnds::last(PartitionId id) const {
  const Record& record = records_[index_of(id)];
  while (true) {
    const std::uint32_t version = record.version.load(std::memory_order_acquire);
    const std::int64_t end = record.end.load(std::memory_order_acquire);
    const std::uint64_t digest = record.digest.load(std::memory_order_acquire);
    if (version % 2 != 0 || record.version.load(std::memory_order_relaxed) != version) continue;
    if (end == 0) return std::nullopt;
    return Last{.offset = end - 1, .digest = digest};
  }
}

std::uint64_t AcknowledgedEnds::digest_of(std::string_view line) {
  return XXH3_64bits(line.data(), line.size());
}

void AcknowledgedEnds::note_lost(PartitionId id) {
  if (has_lost_.exchange(true)) return;
  log_.error(
      "Kafka has lost results that it acknowledged: the topic was deleted and made again, or lost "
      "its end; this process takes no more entries: restore the topic, then start it again",
      {{"partition", topics_.name_of(id)}});
}

}  // namespace estadio
