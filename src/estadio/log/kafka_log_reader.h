// Reads one partition of a KafkaLog.
//
// Offsets must follow each other without a gap. A missing offset is damage, and reading ends there.
//
// Threads: a reader belongs to one thread; wake() may come from any thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/kafka_client.h"
#include "estadio/log/kafka_consumers.h"
#include "estadio/log/kafka_offsets.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

class KafkaLogReader final : public PartitionReader {
 public:
  struct Dependencies {
    const KafkaTopics& topics;
    KafkaConsumers& consumers;
    KafkaOffsets& offsets;
    const base::Clock& clock;
  };

  // Returns a reader that reads nothing before the first seek(). REQUIRES: `deps` outlive it.
  // Errors: kInvalidArgument naming a setting; the system's and librdkafka's.
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaLogReader>> open(const Dependencies& deps,
                                                                          PartitionId partition);
  ~KafkaLogReader() override;

  // Returns the time of a record that Kafka returned.
  [[nodiscard]] static std::int64_t time_of(const rd_kafka_message_s& message);

  base::Result<void> read(std::vector<LoggedRecord>& records,
                          std::chrono::nanoseconds patience) override;
  base::Result<void> seek(std::int64_t offset) override;
  [[nodiscard]] std::int64_t position() const override { return position_; }
  void wake() override;

 private:
  static constexpr std::size_t kRecordsMax = 4096;  // of one read()

  KafkaLogReader(const Dependencies& deps, PartitionId partition);

  [[nodiscard]] std::string name() const { return deps_.topics.name_of(partition_); }
  // Takes the records that have arrived, without waiting.
  base::Result<void> take(std::vector<LoggedRecord>& records);
  base::Result<void> take_one(const rd_kafka_message_s& message,
                              std::vector<LoggedRecord>& records);
  void stop_fetching();

  const Dependencies deps_;
  const PartitionId partition_;
  std::shared_ptr<KafkaConsumers::Consumer> consumer_;
  KafkaTopic topic_;
  KafkaQueue queue_;
  base::UniqueFd event_;  // written when a message arrives, and by wake()
  std::atomic<bool> is_woken_{false};
  bool is_fetching_ = false;
  std::int64_t position_ = 0;
  std::optional<base::Error> damage_;  // at position_: nothing is read beyond it
  // Own the memory that the returned records point into.
  std::vector<KafkaMessage> held_;
  std::vector<rd_kafka_message_s*> taken_;  // buffer for take()
};

}  // namespace estadio
