// The rate of a producer that does nothing else: the baseline for NDJSON. It sends records to a
// broker through librdkafka. They have our records' size and are as hard to compress. It keeps our
// log's promises (idempotent, all copies in sync) and chooses its own batch size.
//
//   bare_producer BROKERS TOPIC SECONDS     prints "N records/s" of the acknowledged records
//
// Threads: one, and librdkafka's.
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/uuid.h"
#include "estadio/contest/record.h"
#include "estadio/log/kafka_client.h"

namespace {

constexpr std::size_t kBatch = 1000;
constexpr int kPartitions = 2;
constexpr int kFlushMs = 30'000;

[[noreturn]] void give_up(const char* what, const char* why) {
  std::fprintf(stderr, "bare_producer: %s: %s\n", what, why);
  std::exit(1);
}

struct Counts {
  std::int64_t acknowledged = 0;
  std::int64_t failed = 0;
};

void count(rd_kafka_t* /*client*/, const rd_kafka_message_t* message, void* opaque) {
  auto& counts = *static_cast<Counts*>(opaque);
  ++(message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? counts.acknowledged : counts.failed);
}

estadio::KafkaClient connect(const char* brokers, Counts& counts) {
  auto conf = estadio::kafka_conf({.brokers = brokers, .properties = {}},
                                  {{"enable.idempotence", "true"},
                                   {"acks", "all"},
                                   {"compression.codec", "lz4"},
                                   {"linger.ms", "5"},
                                   {"queue.buffering.max.messages", "500000"},
                                   {"queue.buffering.max.kbytes", "65536"}});
  if (!conf) give_up("settings", conf.error().message().c_str());
  rd_kafka_conf_set_opaque(conf->get(), &counts);
  rd_kafka_conf_set_dr_msg_cb(conf->get(), count);
  auto client = estadio::kafka_producer(*std::move(conf));
  if (!client) give_up("connecting", client.error().message().c_str());
  return *std::move(client);
}

// Returns lines with different ids.
std::vector<std::string> make_lines(std::mt19937_64& random) {
  std::vector<std::string> lines(kBatch);
  for (std::string& line : lines) {
    base::Uuid id;
    for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(random());
    line = R"({"id":")" + id.to_string() +
           R"(","faculty":"Ingeniería","discipline":1,"outcome":"winner"})";
  }
  return lines;
}

// Sends the lines with keys, as our log does. Sends a line again when the queue is full.
void send(rd_kafka_t& client, rd_kafka_topic_t& topic, int partition,
          std::vector<std::string>& lines) {
  std::vector<rd_kafka_message_t> messages(lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    messages[i].payload = lines[i].data();
    messages[i].len = lines[i].size();
    const std::string_view id = estadio::RecordFormat::id_text(lines[i]);
    // librdkafka's type is not const, but librdkafka copies.
    messages[i].key = const_cast<char*>(id.data());
    messages[i].key_len = id.size();
  }
  std::size_t sent = 0;
  while (sent < messages.size()) {
    const int queued =
        rd_kafka_produce_batch(&topic, partition, RD_KAFKA_MSG_F_COPY, messages.data() + sent,
                               static_cast<int>(messages.size() - sent));
    sent += static_cast<std::size_t>(queued);
    if (sent < messages.size() && messages[sent].err != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      give_up("sending", rd_kafka_err2str(messages[sent].err));
    }
    rd_kafka_poll(&client, sent < messages.size() ? 1 : 0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc == 4 ? std::atoi(argv[3]) : 0;
  if (seconds <= 0) give_up("usage", "bare_producer BROKERS TOPIC SECONDS");
  Counts counts;
  const estadio::KafkaClient client = connect(argv[1], counts);
  const estadio::KafkaTopic topic(rd_kafka_topic_new(client.get(), argv[2], nullptr));
  if (!topic) give_up(argv[2], rd_kafka_err2str(rd_kafka_last_error()));

  std::mt19937_64 random;  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; std::chrono::steady_clock::now() - began < std::chrono::seconds(seconds); ++i) {
    auto lines = make_lines(random);
    send(*client, *topic, i % kPartitions, lines);
  }
  if (rd_kafka_flush(client.get(), kFlushMs) != RD_KAFKA_RESP_ERR_NO_ERROR || counts.failed > 0) {
    give_up(argv[2], "not all records were acknowledged");
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - began;
  std::printf("%.0f records/s\n", static_cast<double>(counts.acknowledged) / spent.count());
  return 0;
}
