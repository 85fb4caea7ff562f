#include "estadio/log/broker_health.h"

#include <chrono>
#include <librdkafka/rdkafka.h>
#include <utility>

#include "estadio/log/kafka_client.h"

namespace estadio {
namespace {

constexpr std::chrono::seconds kProbeEvery{1};
constexpr int kProbePatienceMs = 500;

}  // namespace

BrokerHealth::BrokerHealth(std::string brokers, const base::Clock& clock, base::Logger& log)
    : brokers_(std::move(brokers)), clock_(clock), log_(log), probed_(clock.mono()) {}

void BrokerHealth::note_back() {
  if (is_away_.exchange(false)) log_.info("Kafka is back");
}

void BrokerHealth::note_away() {
  if (is_away_.exchange(true)) return;
  log_.warning("Kafka is away: no broker can be reached; check that one runs at these addresses",
               {{"brokers", brokers_}});
}

void BrokerHealth::note_error(int error, std::string_view reason) {
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return note_away();
  const base::Error known = kafka_error("Kafka", error);
  if (known.code() != base::Code::kFailedPrecondition) {
    log_.debug("Kafka", {{"error", known}, {"reason", reason}});
    return;
  }
  // The client tries again and again. Each attempt would be a line of the log otherwise.
  if (refused_with_.exchange(error) == error) return;
  log_.error("Kafka refuses this process: check the file of --kafka-config and Kafka's ACLs",
             {{"error", known}, {"reason", reason}});
}

bool BrokerHealth::claim_probe() {
  if (!is_away_) return false;
  const base::Nanos now = clock_.mono();
  if (now - probed_ < kProbeEvery) return false;
  probed_ = now;
  return true;
}

void BrokerHealth::probe(rd_kafka_s& client) {
  if (ask_for_brokers(client, kProbePatienceMs) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    note_answer();
  } else {
    note_away();
  }
}

}  // namespace estadio
