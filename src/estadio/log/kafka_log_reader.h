// Reads one partition of a KafkaLog. Readers of different partitions share a client, which fetches
// for all of them with one request.
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

#include "base/unique_fd.h"
#include "estadio/log/kafka_log.h"

namespace estadio {

// A client and the partitions that it reads, each for one reader.
class KafkaLog::Consumer {
 public:
  // Returns a consumer of the log that does not read the partition yet, or a new one.
  // Errors: kInvalidArgument.
  [[nodiscard]] static base::Result<std::shared_ptr<Consumer>> take(const KafkaLog& log,
                                                                    PartitionId partition);
  // Ends the reading of the partition.
  static void give_back(const KafkaLog& log, const std::shared_ptr<Consumer>& consumer,
                        PartitionId partition);

  [[nodiscard]] rd_kafka_s* client() const { return client_.get(); }

 private:
  KafkaClient client_;
  std::vector<PartitionId> read_;  // guarded by the log's consumers_mutex_
};

class KafkaLog::Reader final : public PartitionReader {
 public:
  // Returns a reader that reads nothing before the first seek(). Errors: kInvalidArgument,
  // kInternal.
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
  // Takes the records that have arrived, without waiting.
  base::Result<void> take(std::vector<LoggedRecord>& records);
  base::Result<void> take_one(const rd_kafka_message_s& message,
                              std::vector<LoggedRecord>& records);
  void stop_fetching();

  const KafkaLog& log_;
  const PartitionId partition_;
  std::shared_ptr<Consumer> consumer_;
  KafkaTopic topic_;
  KafkaQueue queue_;
  base::UniqueFd event_;  // written when a message arrives, and by wake()
  std::atomic<bool> is_woken_{false};
  bool is_fetching_ = false;
  std::int64_t position_ = 0;
  std::int64_t last_time_ms_ = 0;
  std::optional<base::Error> damage_;  // at position_: nothing is read beyond it
  // Own the memory that the returned records point into.
  std::vector<KafkaMessage> held_;
  std::vector<rd_kafka_message_s*> taken_;  // room
};

}  // namespace estadio
