#include "http/server.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/check.h"
#include "http/connection.h"
#include "http/worker.h"

namespace http {

void Exchange::respond(const Response& response) const {
  if (Connection* connection = worker_->find(slot_, generation_)) {
    connection->respond(sequence_, response);
  }
}

void Exchange::start_stream(std::string_view content_type) const {
  if (Connection* connection = worker_->find(slot_, generation_)) {
    connection->start_stream(sequence_, content_type);
  }
}

bool Exchange::send(std::string_view data) const {
  Connection* connection = worker_->find(slot_, generation_);
  return connection != nullptr && connection->send_stream(data);
}

bool Exchange::is_behind() const {
  const Connection* connection = worker_->find(slot_, generation_);
  return connection != nullptr && connection->has_unsent();
}

Server::Server() : shared_(std::make_unique<Shared>()) {}

base::Result<std::unique_ptr<Server>> Server::open(const Options& options,
                                                   const std::vector<ServiceFactory>& services,
                                                   const base::Clock& clock, base::Logger& log) {
  auto server = std::unique_ptr<Server>(new Server);
  Limits& limits = server->shared_->limits;
  limits = options.limits;
  limits.buffered_request_bytes =
      std::max(limits.buffered_request_bytes,
               RequestHead::kBytesMax + limits.body_bytes + Worker::kScratchBytes);
  server->shared_->hosts = options.hosts;
  server->shared_->tls = options.tls;
  server->shared_->coalesce_for = options.coalesce_for;
  const bool is_unix = !options.address.unix_path.empty();
  const unsigned threads = is_unix ? 1 : std::max(1U, options.threads);
  server->shared_->workers = threads;
  std::vector<base::UniqueFd> listeners;
  ASSIGN_OR_RETURN(listeners.emplace_back(), net::listen_on(options.address));
  ASSIGN_OR_RETURN(server->address_, net::local_address(listeners.front().get(), options.address));
  while (listeners.size() < threads) {
    ASSIGN_OR_RETURN(base::UniqueFd listener, net::listen_beside(listeners.front().get()));
    listeners.push_back(std::move(listener));
  }
  for (base::UniqueFd& listener : listeners) {
    server->workers_.push_back(
        std::make_unique<Worker>(std::move(listener), *server->shared_, services, clock, log));
  }
  return server;
}

void Server::serve() {
  CHECK(!is_serving_);
  is_serving_ = true;
  for (const auto& worker : workers_) worker->start();
}

Server::~Server() { stop(std::chrono::nanoseconds(0)); }

void Server::stop(std::chrono::nanoseconds patience) {
  if (is_stopped_) return;
  is_stopped_ = true;
  for (const auto& worker : workers_) worker->stop(patience);
  for (const auto& worker : workers_) worker->join();
}

Server::Stats Server::stats() const {
  Stats stats;
  for (const auto& worker : workers_) worker->add_to(stats);
  stats.buffered_answer_bytes = shared_->buffered_answer_bytes.load(std::memory_order_relaxed);
  return stats;
}

void write_metrics(base::MetricsWriter& metrics, std::string_view program,
                   const Server::Stats& stats) {
  const auto name = [&](std::string_view figure) {
    return fmt::format("{}_http_{}", program, figure);
  };
  metrics.gauge(name("connections"), "Connections open.", stats.connections_open);
  metrics.counter(name("connections_accepted_total"), "Connections accepted.",
                  stats.connections_accepted);
  metrics.counter(name("connections_refused_total"), "Connections refused at the limit.",
                  stats.connections_refused);
  metrics.counter(name("connections_dropped_total"),
                  "Connections closed because unread answers took too much memory.",
                  stats.connections_dropped);
  metrics.gauge(name("buffered_answers_bytes"), "Memory of answers that clients have not read.",
                stats.buffered_answer_bytes);
  metrics.counter(name("requests_total"), "Requests received.", stats.requests);
  metrics.counter(name("coalesced_rounds_total"), "Times that requests were handled together.",
                  stats.coalesced_rounds);
  for (std::size_t i = 1; i < std::size(stats.responses_by_class); ++i) {
    metrics.counter(name("responses_total"), "Responses by class of status.",
                    stats.responses_by_class[i], {{"class", fmt::format("{}xx", i)}});
  }
  metrics.counter(name("received_bytes_total"), "Bytes received.", stats.received_bytes);
  metrics.counter(name("sent_bytes_total"), "Bytes sent.", stats.sent_bytes);
}

}  // namespace http
