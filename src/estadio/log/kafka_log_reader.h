// Reads one partition of a KafkaLog, with a client of its own, so that readers do not disturb each
// other.
//
// Offsets must follow each other without a gap: one that is missing is damage, never passed over.
//
// Threads: belongs to one thread; wake() may come from any.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "estadio/log/kafka_log.h"

struct rd_kafka_queue_s;

namespace estadio {

class KafkaLog::Reader final : public PartitionReader {
 public:
  // Not reading yet: seek() starts it. Errors: kInvalidArgument, kInternal.
  [[nodiscard]] static base::Result<std::unique_ptr<Reader>> open(const KafkaLog& log,
                                                                  PartitionId partition);
  ~Reader() override;

  base::Result<void> read(std::vector<LoggedRecord>& records,
                          std::chrono::nanoseconds patience) override;
  base::Result<void> seek(std::int64_t offset) override;
  [[nodiscard]] std::int64_t position() const override { return position_; }
  void wake() override;

 private:
  static constexpr std::size_t kRecordsMax = 4096;  // of one read()

  struct QueueFree {
    void operator()(rd_kafka_queue_s* queue) const;
  };
  struct MessageFree {
    void operator()(rd_kafka_message_s* message) const;
  };

  Reader(const KafkaLog& log, PartitionId partition);

  [[nodiscard]] std::string name() const;
  // What has come so far; waits for nothing.
  base::Result<void> take(std::vector<LoggedRecord>& records);
  base::Result<void> take_one(const rd_kafka_message_s& message,
                              std::vector<LoggedRecord>& records);
  void stop_fetching();

  const KafkaLog& log_;
  const PartitionId partition_;
  KafkaClient client_;
  KafkaTopic topic_;
  std::unique_ptr<rd_kafka_queue_s, QueueFree> queue_;
  base::UniqueFd event_;  // written when the queue has something, and by wake()
  std::atomic<bool> is_woken_{false};
  bool is_fetching_ = false;
  std::int64_t position_ = 0;
  std::int64_t last_time_ms_ = 0;
  std::optional<base::Error> damage_;  // at position_: nothing is read beyond it
  // What the records given point into.
  std::vector<std::unique_ptr<rd_kafka_message_s, MessageFree>> held_;
  std::vector<rd_kafka_message_s*> taken_;  // room
};

}  // namespace estadio
