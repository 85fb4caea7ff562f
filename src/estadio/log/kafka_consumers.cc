#include "estadio/log/kafka_consumers.h"

#include <algorithm>
#include <string>
#include <utility>

namespace estadio {
namespace {

// Bytes fetched ahead: in all, and at least for each partition.
constexpr int kAheadKbytes = 128 << 10;
constexpr int kAheadKbytesLeast = 1 << 10;

}  // namespace

KafkaConsumers::KafkaConsumers(KafkaCluster cluster, int partitions)
    : cluster_(std::move(cluster)), partitions_(partitions) {}

base::Result<std::shared_ptr<KafkaConsumers::Consumer>> KafkaConsumers::take(
    PartitionId partition) {
  const std::scoped_lock lock(mutex_);
  for (const auto& consumer : consumers_) {
    auto& taken = consumer->partitions_;
    if (std::ranges::find(taken, partition) != taken.end()) continue;
    taken.push_back(partition);
    return consumer;
  }
  auto consumer = std::make_shared<Consumer>();
  ASSIGN_OR_RETURN(consumer->client_, make_client());
  consumer->partitions_.push_back(partition);
  consumers_.push_back(consumer);
  return consumer;
}

base::Result<KafkaClient> KafkaConsumers::make_client() const {
  // Each partition's bytes ahead are bounded on their own. The bound is not tight: librdkafka 2.0
  // looks only once a second whether there is room again.
  const int ahead_kbytes = std::max(kAheadKbytesLeast, kAheadKbytes / (partitions_ * 2));
  ASSIGN_OR_RETURN(KafkaConf conf,
                   kafka_conf(cluster_,
                              {// A missing offset is an error: do not go on elsewhere.
                               {"auto.offset.reset", "error"},
                               {"enable.auto.offset.store", "false"},
                               {"check.crcs", "true"},
                               {"queued.min.messages", "10000000"},
                               {"queued.max.messages.kbytes", std::to_string(ahead_kbytes)},
                               // The cluster answers when it has enough, or after a while. Each
                               // answer costs both sides, even when it holds few records.
                               {"fetch.min.bytes", "65536"},
                               {"fetch.wait.max.ms", "15"},
                               {"fetch.error.backoff.ms", "50"},
                               {"allow.auto.create.topics", "false"}}));
  return kafka_consumer(std::move(conf));
}

void KafkaConsumers::give_back(const std::shared_ptr<Consumer>& consumer, PartitionId partition) {
  const std::scoped_lock lock(mutex_);
  std::erase(consumer->partitions_, partition);
  if (consumer->partitions_.empty()) std::erase(consumers_, consumer);
}

}  // namespace estadio
