// Whether a Kafka cluster can be reached.
//
// Two things tell that no broker can be reached: the client's own errors, and a query that timed
// out. While the cluster is away, queries fail at once, and the cluster is probed.
//
//   reachable --note_error(), probe()--> away --note_answer(), probe()--> reachable
//
// Threads: all methods may be called from any thread, claim_probe() from one alone.
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
  // A client reports librdkafka's `error`. A refusal is logged when its error differs from the last
  // refusal.
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
