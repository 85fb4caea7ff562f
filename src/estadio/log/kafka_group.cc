#include "estadio/log/kafka_group.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

namespace estadio {
namespace {

constexpr int kPollMs = 100;
constexpr std::chrono::seconds kLeavePatience{3};

std::string text_of(std::span<const PartitionId> partitions) {
  std::string text;
  for (const PartitionId each : partitions) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{}-{}", topic_name(each.topic), each.number);
  }
  return text.empty() ? "none" : text;
}

}  // namespace

KafkaGroup::KafkaGroup(Options options, Callbacks callbacks, const base::Clock& clock,
                       base::Logger& log)
    : options_(std::move(options)), callbacks_(std::move(callbacks)), clock_(clock), log_(log) {}

base::Result<std::unique_ptr<KafkaGroup>> KafkaGroup::join(const Options& options,
                                                           Callbacks callbacks,
                                                           const base::Clock& clock,
                                                           base::Logger& log) {
  auto group =
      std::unique_ptr<KafkaGroup>(new KafkaGroup(options, std::move(callbacks), clock, log));
  ASSIGN_OR_RETURN(
      KafkaConf conf,
      kafka_conf(options.cluster, {{"group.id", options.group},
                                   // After a longer silence the member's partitions go to
                                   // others. This is the least that a broker accepts by default.
                                   // A member that comes back does no harm.
                                   {"session.timeout.ms", "6000"},
                                   // A member learns of a change with its next heartbeat.
                                   {"heartbeat.interval.ms", "500"},
                                   {"partition.assignment.strategy", "cooperative-sticky"},
                                   {"enable.auto.commit", "false"},
                                   {"enable.auto.offset.store", "false"},
                                   {"auto.offset.reset", "latest"},
                                   // Records fetched before a partition is paused are dropped.
                                   {"queued.min.messages", "1"},
                                   {"queued.max.messages.kbytes", "64"},
                                   {"fetch.message.max.bytes", "1024"},
                                   {"allow.auto.create.topics", "false"}}));
  rd_kafka_conf_set_opaque(conf.get(), group.get());
  rd_kafka_conf_set_rebalance_cb(
      conf.get(),
      [](rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions,
         void* opaque) { static_cast<KafkaGroup*>(opaque)->rebalance(what, *partitions); });
  ASSIGN_OR_RETURN(group->client_, kafka_consumer(std::move(conf)));
  rd_kafka_poll_set_consumer(group->client_.get());
  const KafkaPartitions topics(rd_kafka_topic_partition_list_new(2));
  for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
    rd_kafka_topic_partition_list_add(topics.get(), options.topics.name_of(topic).c_str(),
                                      RD_KAFKA_PARTITION_UA);
  }
  if (const auto error = rd_kafka_subscribe(group->client_.get(), topics.get());
      error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return base::fail(kafka_error("joining the group " + options.group, error));
  }
  group->thread_ =
      std::jthread([raw = group.get()](const std::stop_token& stop) { raw->run(stop); });
  return group;
}

KafkaGroup::~KafkaGroup() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void KafkaGroup::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) poll();
  leave();
}

// Calls rebalance().
void KafkaGroup::poll() {
  // Records of the short time before a partition was paused.
  const KafkaMessage message(rd_kafka_consumer_poll(client_.get(), kPollMs));
  if (!message || message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const base::Error error = kafka_error("being in the group " + options_.group, message->err);
  if (error.code() != base::Code::kFailedPrecondition) {
    log_.debug("the consumer group reports an error", {{"error", error}});
  } else if (std::exchange(refused_with_, message->err) != message->err) {
    // The client tries again and again. Each attempt would be a line of the log otherwise.
    log_.warning("Kafka refuses this process: check the file of --kafka-config and Kafka's ACLs",
                 {{"error", error}});
    callbacks_.refused(error);
  }
}

// Other members get the partitions at once, and not when the session ends.
void KafkaGroup::leave() {
  if (has_left_before(KafkaDeadline(clock_, kLeavePatience))) return;
  // Destroying the client could wait without an end, for the cluster's answer or for a callback. So
  // the client stays until the process ends.
  log_.warning(
      "leaving the consumer group took too long: other tallies get the partitions a few seconds "
      "later",
      {{"group", options_.group}});
  [[maybe_unused]] const auto* is_left_alone = client_.release();
}

// A cluster that does not answer is not waited for, which rd_kafka_consumer_close() would do
// without an end.
bool KafkaGroup::has_left_before(const KafkaDeadline& deadline) {
  // librdkafka 2.0 aborts when a member ends that has come to lead the group and has not divided
  // the shares yet.
  while (!has_joined_) {
    if (deadline.has_passed()) return false;
    poll();
  }
  const KafkaQueue own(rd_kafka_queue_get_consumer(client_.get()));
  if (rd_kafka_error_t* error = rd_kafka_consumer_close_queue(client_.get(), own.get())) {
    log_.debug("leaving the consumer group failed",
               {{"group", options_.group}, {"error", rd_kafka_error_string(error)}});
    rd_kafka_error_destroy(error);
    return false;
  }
  while (rd_kafka_consumer_closed(client_.get()) == 0) {
    if (deadline.has_passed()) return false;
    poll();
  }
  return true;
}

void KafkaGroup::rebalance(int what, rd_kafka_topic_partition_list_s& partitions) {
  const std::vector<PartitionId> changed = ours(partitions);
  refused_with_ = 0;
  has_joined_ = true;
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    for (int i = 0; i < partitions.cnt; ++i) partitions.elems[i].offset = RD_KAFKA_OFFSET_END;
    if (rd_kafka_error_t* error = rd_kafka_incremental_assign(client_.get(), &partitions)) {
      log_.error("taking partitions of the consumer group failed",
                 {{"error", rd_kafka_error_string(error)}});
      rd_kafka_error_destroy(error);
    }
    rd_kafka_pause_partitions(client_.get(), &partitions);
    if (!changed.empty()) log_.info("counts partitions", {{"partitions", text_of(changed)}});
    return callbacks_.gained(changed);
  }
  if (!changed.empty()) {
    callbacks_.lost(changed);
    log_.info("counts partitions no more", {{"partitions", text_of(changed)}});
  }
  if (rd_kafka_error_t* error = rd_kafka_incremental_unassign(client_.get(), &partitions)) {
    log_.error("giving up partitions of the consumer group failed",
               {{"error", rd_kafka_error_string(error)}});
    rd_kafka_error_destroy(error);
  }
}

std::vector<PartitionId> KafkaGroup::ours(const rd_kafka_topic_partition_list_s& partitions) const {
  std::vector<PartitionId> all;
  for (const rd_kafka_topic_partition_t& each :
       std::span(partitions.elems, static_cast<std::size_t>(partitions.cnt))) {
    if (each.partition >= options_.partitions) continue;
    const bool is_winners = each.topic == options_.topics.name_of(Outcome::kWinner);
    all.push_back(
        {.topic = is_winners ? Outcome::kWinner : Outcome::kLoser, .number = each.partition});
  }
  return all;
}

void KafkaGroup::commit(std::span<const std::pair<PartitionId, std::int64_t>> positions) {
  const KafkaPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
  for (const auto& [partition, offset] : positions) {
    rd_kafka_topic_partition_list_add(list.get(), options_.topics.name_of(partition.topic).c_str(),
                                      partition.number)
        ->offset = offset;
  }
  // It fails when the share has just changed; the next one is a second away.
  rd_kafka_commit(client_.get(), list.get(), 1);
}

}  // namespace estadio
