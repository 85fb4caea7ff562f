// The control log in Kafka: the topic `contest`, behind the contest's manifest.
//
//   {"kind":"heartbeat","judge":"…","number":12}
//   {"kind":"closing","judge":"…","offsets":[0,0,0,0]}
//   {"kind":"closed","judge":"…","offsets":[9,7,8,8]}
//
// The topic is compacted, so Kafka may drop the earlier heartbeats of a judge: they share a key.
// Each other record has a key of its own. The brokers give a record its time (LogAppendTime).
//
// read() skips manifests, and records without a value. Another record that no judge of this version
// writes is refused: it may say that the contest is over.
//
// Bound: a record that Kafka does not take within kGiveUpAfter is dropped.
//
// Threads: as ControlLog says.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "base/result.h"
#include "estadio/contest/control_log.h"
#include "estadio/log/kafka_client.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

class KafkaControlLog final : public ControlLog {
 public:
  static constexpr std::chrono::seconds kGiveUpAfter{10};

  struct Options {
    KafkaCluster cluster;
    KafkaTopics topics;
    int partitions = 0;  // of each topic, as the manifest says
  };

  // Connects in the background. REQUIRES: the topic exists. Errors: kInvalidArgument naming a
  // setting; librdkafka's.
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaControlLog>> open(const Options& options);
  ~KafkaControlLog() override;

  void append(const ControlRecord& record) override;
  [[nodiscard]] base::Result<void> read(std::vector<ControlRecord>& records,
                                        std::chrono::nanoseconds patience) override;
  // Returns whether the last read() came to the end that the topic had then.
  [[nodiscard]] bool is_at_end() const { return is_at_end_; }

 private:
  explicit KafkaControlLog(Options options) : options_(std::move(options)) {}

  base::Result<void> connect();
  // Adds the message's record, if it has one.
  base::Result<void> take(const rd_kafka_message_s& message, std::vector<ControlRecord>& records);
  [[nodiscard]] base::Result<std::optional<ControlRecord>> parse(
      const rd_kafka_message_s& message) const;

  const Options options_;
  KafkaClient producer_;
  KafkaTopic to_;
  KafkaClient consumer_;
  KafkaTopic from_;
  bool is_reading_ = false;
  bool is_at_end_ = false;
  std::optional<base::Error> damage_;  // read() goes no further
};

}  // namespace estadio
