// Kafka clients that fetch the log's records. Readers of different partitions share a client, which
// fetches for all of them with one request. Two readers of one partition need two clients.
//
// Threads: all methods may be called from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/kafka_client.h"

namespace estadio {

class KafkaConsumers {
 public:
  // A client, and the partitions that it reads, each for one reader.
  class Consumer {
   public:
    [[nodiscard]] rd_kafka_s* client() const { return client_.get(); }

   private:
    friend class KafkaConsumers;
    KafkaClient client_;
    std::vector<PartitionId> partitions_;  // guarded by the mutex of KafkaConsumers
  };

  // `partitions` is the number of partitions of each topic.
  KafkaConsumers(KafkaCluster cluster, int partitions);

  // Returns a consumer that does not read the partition yet, or a new one. It is shared with the
  // readers of other partitions. Errors: kInvalidArgument naming a setting.
  [[nodiscard]] base::Result<std::shared_ptr<Consumer>> take(PartitionId partition);
  // Ends the reading of the partition. A consumer that reads no partition is destroyed with its
  // last reference.
  void give_back(const std::shared_ptr<Consumer>& consumer, PartitionId partition);

 private:
  [[nodiscard]] base::Result<KafkaClient> make_client() const;

  const KafkaCluster cluster_;
  const int partitions_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Consumer>> consumers_;  // guarded by mutex_
};

}  // namespace estadio
