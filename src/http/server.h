// An HTTP/1.1 server over TCP, TLS and Unix sockets: one event loop a thread, each with its own
// listening socket, its own connections and its own copy of every Service, so that answering
// takes no lock.
//
// A handler may answer at once or later: it keeps the Exchange and calls respond() in the same
// loop. Answers to pipelined requests leave in the order of the requests, and everything that a
// round of the loop answered on one connection leaves in one write.
//
// Bounds (Limits): a connection too many gets 503 and is closed. A body too large gets 413, a
// request too slow 408. A request gets 503 when the incomplete ones take too much memory. A client
// that does not read its answers is read no further, then closed.
//
// Threads: Server may be used from any thread; Exchange and Service belong to their loop.
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
#include "base/result.h"
#include "http/message.h"
#include "net/address.h"
#include "net/event_loop.h"
#include "net/tls.h"

namespace http {

class Router;
class Worker;

// The right to answer one request. A small value, to be copied and kept; answering when the
// client has gone is harmless.
class Exchange {
 public:
  Exchange() = default;

  // Answers, once. Answers after the first are ignored.
  void respond(const Response& response) const;

  // Starts an answer without an end (server-sent events); send() adds to it. The connection
  // serves nothing else afterwards.
  void start_stream(std::string_view content_type) const;
  // False when the client has gone or has stopped reading: it is then disconnected.
  bool send(std::string_view data) const;
  // Whether the client of the stream has yet to take some of what was sent.
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

// What a role adds to each loop of a server: its routes, its hooks, its state.
class Service {
 public:
  virtual ~Service() = default;
  // Called once, before the loop runs. `router` and `loop` outlive the service.
  virtual void install(Router& router, net::EventLoop& loop) = 0;
};
using ServiceFactory = std::function<std::unique_ptr<Service>()>;

struct Limits {
  std::uint32_t connections = 10'000;
  std::size_t body_bytes = std::size_t{4} << 20;
  // Of all incomplete requests together. Raised to the size of one largest request.
  std::size_t buffered_request_bytes = std::size_t{64} << 20;
  // A request, from its first byte, and a TLS handshake.
  std::chrono::nanoseconds receive = std::chrono::seconds(10);
  std::chrono::nanoseconds idle = std::chrono::seconds(75);  // between two requests
  std::chrono::nanoseconds send_stall = std::chrono::seconds(30);
};

class Server {
 public:
  struct Shared;  // internal

  struct Options {
    net::Address address;
    unsigned threads = 1;
    Limits limits;
    // While many requests come, those of this time are handled together, so that the thread does
    // not wake up for each; 0 handles each at once. Requests of clients that wait for their answers
    // are handled at once.
    std::chrono::nanoseconds coalesce_for{};
    const net::TlsContext* tls = nullptr;  // plain when null; must outlive the server
  };

  struct Stats {
    std::uint64_t connections_open = 0;
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t requests = 0;
    std::uint64_t coalesced_rounds = 0;        // in which requests were handled together
    std::uint64_t responses_by_class[6] = {};  // [2] counts 2xx, and so on
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_bytes = 0;
  };

  // Listens, and has the services install themselves; serves nothing before serve(). Each factory
  // is called once a thread. `clock` and `log` must outlive the server. Errors: those of
  // listen_on(), such as kAlreadyExists when the address is taken.
  [[nodiscard]] static base::Result<std::unique_ptr<Server>> open(
      const Options& options, const std::vector<ServiceFactory>& services, const base::Clock& clock,
      base::Logger& log);
  ~Server();

  // Starts the threads; once.
  void serve();

  // Where it listens, with the port the system chose when 0 was asked for.
  [[nodiscard]] const net::Address& address() const { return address_; }
  [[nodiscard]] Stats stats() const;

  // Accepts no more, lets what is being answered finish (at most `patience`), closes the rest.
  void stop(std::chrono::nanoseconds patience);

 private:
  Server();
  net::Address address_;
  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  bool is_serving_ = false;
  bool is_stopped_ = false;
};

}  // namespace http
