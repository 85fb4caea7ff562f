// Whether a Kafka cluster can be reached.
//
// The cluster is away when the client reports that all brokers are down, or when a probe gets no
// answer. A query that times out starts a probe. While the cluster is away, queries fail at once,
// and the cluster is probed.
//
//   reachable --note_error(), probe()--> away --note_answer(), probe()--> reachable
//
// Threads: all methods may be called from any thread, claim_probe() from one thread only.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"

struct rd_kafka_s;

namespace estadio {

class BrokerHealth {
 public:
  // `brokers` is for the log. REQUIRES: `clock` and `log` outlive this.
  BrokerHealth(std::string brokers, const base::Clock& clock, base::Logger& log);

  [[nodiscard]] bool is_away() const { return is_away_; }

  // A broker answered. Costs one relaxed load while the cluster is not away.
  void note_answer() {
    if (is_away_.load(std::memory_order_relaxed)) note_back();
  }
  // Takes an error that a librdkafka client reports. If the error means that the cluster refuses
  // this process, it is logged, unless it equals the last one logged.
  void note_error(int error, std::string_view reason);

  // Returns true at most once a second, and only while the cluster is unreachable.
  [[nodiscard]] bool claim_probe();
  // Asks for the brokers through `client`, and notes whether one answers. Waits half a second at
  // most.
  void probe(rd_kafka_s& client);

 private:
  void note_away();
  void note_back();

  const std::string brokers_;
  const base::Clock& clock_;
  base::Logger& log_;
  std::atomic<bool> is_away_{false};
  std::atomic<int> refused_with_{0};  // the refusal that was logged last; 0: none
  base::Nanos probed_;                // of claim_probe()'s thread
};

}  // namespace estadio
