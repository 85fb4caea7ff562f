// Reads one partition of a KafkaLog. Readers of different partitions share a client, which asks the
// cluster for all of them at once.
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

namespace estadio {

// A client and the partitions that are read through it, each by one reader.
class KafkaLog::Consumer {
 public:
  // One of the log's that does not read the partition yet, or a new one. Errors: kInvalidArgument.
  [[nodiscard]] static base::Result<std::shared_ptr<Consumer>> take(const KafkaLog& log,
                                                                    PartitionId partition);
  // The partition is read no more.
  static void give_back(const KafkaLog& log, const std::shared_ptr<Consumer>& consumer,
                        PartitionId partition);

  [[nodiscard]] rd_kafka_s* client() const { return client_.get(); }

 private:
  KafkaClient client_;
  std::vector<PartitionId> read_;  // guarded by the log's consumers_mutex_
};

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

  Reader(const KafkaLog& log, PartitionId partition);

  [[nodiscard]] std::string name() const;
  // What has come so far; waits for nothing.
  base::Result<void> take(std::vector<LoggedRecord>& records);
  base::Result<void> take_one(const rd_kafka_message_s& message,
                              std::vector<LoggedRecord>& records);
  void stop_fetching();

  const KafkaLog& log_;
  const PartitionId partition_;
  std::shared_ptr<Consumer> consumer_;
  KafkaTopic topic_;
  KafkaQueue queue_;
  base::UniqueFd event_;  // written when the queue has something, and by wake()
  std::atomic<bool> is_woken_{false};
  bool is_fetching_ = false;
  std::int64_t position_ = 0;
  std::int64_t last_time_ms_ = 0;
  std::optional<base::Error> damage_;  // at position_: nothing is read beyond it
  // What the records given point into.
  std::vector<KafkaMessage> held_;
  std::vector<rd_kafka_message_s*> taken_;  // room
};

}  // namespace estadio
