// An HTTP/1.1 server over TCP, TLS and Unix sockets. Each thread has its own event loop, listening
// socket, connections and Services, so that answering takes no lock.
//
// A handler may answer at once or later. To answer later it keeps the Exchange and calls respond()
// in the same loop. Answers to pipelined requests leave in the order of the requests. The answers
// of one round on one connection leave together, in one write where the socket has room.
//
// Bounds (Limits): a connection over the limit is closed. Without TLS it first gets 503. A body too
// large gets 413, a request too slow 408. A request gets 503 when all incomplete requests together
// exceed `buffered_request_bytes`. The server stops reading from a client that does not read its
// answers. It closes that connection after `send_stall`. When the unsent answers of all connections
// take more memory than `buffered_answer_bytes`, it closes the connections that hold the most for
// the longest time without reading. When they take half of it, a connection gets its next answer
// only once it has read the one before.
//
// Threads: stats() and address() may be called from any thread. serve(), stop() and the destructor
// belong to one thread. Exchange and Service belong to their loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics_writer.h"
#include "base/result.h"
#include "http/allowed_hosts.h"
#include "http/message.h"
#include "net/address.h"
#include "net/event_loop.h"
#include "net/tls.h"

namespace http {

class Router;
class Worker;

// Answers one request. A small value: copy it and keep it. Calls after the client has gone do
// nothing.
class Exchange {
 public:
  Exchange() = default;

  // Answers the request. Later calls are ignored.
  void respond(const Response& response) const;

  // Starts an answer without an end (server-sent events); send() adds to it. The connection takes
  // no other requests afterwards. Answers 503 when an earlier request is still unanswered.
  void start_stream(std::string_view content_type) const;
  // Adds `data` to the stream. Returns false when the client has gone. Disconnects a client with
  // more than 1 MiB unsent, and returns false.
  bool send(std::string_view data) const;
  // Whether some bytes of the stream are unsent.
  [[nodiscard]] bool is_behind() const;

 private:
  friend class Worker;
  Exchange(Worker& worker, std::uint32_t slot, std::uint32_t generation, std::uint32_t sequence)
      : worker_(&worker), slot_(slot), generation_(generation), sequence_(sequence) {}

  Worker* worker_ = nullptr;
  std::uint32_t slot_ = 0;
  std::uint32_t generation_ = 0;
  std::uint32_t sequence_ = 0;
};

// A role's part in one loop of a server: its routes, hooks and state.
class Service {
 public:
  virtual ~Service() = default;
  // Called once, before the loop runs, in the thread of Server::open(). `router` and `loop` outlive
  // the service.
  virtual void install(Router& router, net::EventLoop& loop) = 0;
};
using ServiceFactory = std::function<std::unique_ptr<Service>()>;

struct Limits {
  std::uint32_t connections = 10'000;
  std::size_t body_bytes = std::size_t{4} << 20;
  // All incomplete requests together. Server::open() raises a smaller limit to the largest request
  // plus one receive buffer.
  std::size_t buffered_request_bytes = std::size_t{64} << 20;
  // The memory of all answers that clients have not read. One answer may be larger.
  std::size_t buffered_answer_bytes = std::size_t{64} << 20;
  // For a request from its first byte, and for a TLS handshake.
  std::chrono::nanoseconds receive = std::chrono::seconds(10);
  std::chrono::nanoseconds idle = std::chrono::seconds(75);  // between two requests
  std::chrono::nanoseconds send_stall = std::chrono::seconds(30);
};

class Server {
 public:
  struct Shared;  // internal

  struct Options {
    net::Address address;
    unsigned threads = 1;  // a Unix socket always has 1
    Limits limits;
    // A request for another host gets 421. A request of HTTP/1.0 without Host is taken: a browser
    // always sends Host.
    AllowedHosts hosts = AllowedHosts::any();
    // Under load the loop waits this long, then handles all arrived requests in one round. So the
    // thread wakes up less often. 0: it never waits. It does not wait while a request is
    // incomplete. It also does not wait when the requests since the last check are at least half as
    // many as the active connections. Most clients then wait for their answers.
    std::chrono::nanoseconds coalesce_for{};
    const net::TlsContext* tls = nullptr;  // plain when null; must outlive the server
  };

  struct Stats {
    std::uint64_t connections_open = 0;
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t connections_dropped = 0;  // closed for `buffered_answer_bytes`
    std::uint64_t buffered_answer_bytes = 0;
    std::uint64_t requests = 0;
    std::uint64_t coalesced_rounds = 0;        // rounds that were held for `coalesce_for`
    std::uint64_t responses_by_class[6] = {};  // [2] counts 2xx, and so on
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_bytes = 0;
  };

  // Listens and installs the services; accepts no connection before serve(). Calls each factory
  // once for each thread. `clock` and `log` must outlive the server.
  // Errors: those of listen_on(), such as kAlreadyExists when the address is taken.
  [[nodiscard]] static base::Result<std::unique_ptr<Server>> open(
      const Options& options, const std::vector<ServiceFactory>& services, const base::Clock& clock,
      base::Logger& log);
  ~Server();

  // Starts the threads. Call once.
  void serve();

  // The listening address. A port of 0 is replaced by the system's choice.
  [[nodiscard]] const net::Address& address() const { return address_; }
  [[nodiscard]] Stats stats() const;

  // Accepts no more connections, waits at most `patience` for pending answers, closes the rest and
  // joins the threads.
  void stop(std::chrono::nanoseconds patience);

 private:
  Server();
  net::Address address_;
  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  bool is_serving_ = false;
  bool is_stopped_ = false;
};

// The names begin with `program`, as in "estadio_http_connections".
void write_metrics(base::MetricsWriter& metrics, std::string_view program,
                   const Server::Stats& stats);

}  // namespace http
