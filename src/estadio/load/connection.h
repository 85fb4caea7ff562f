// One connection of the generator: kept alive, one request at a time.
//
//   closed --open() or send()--> connecting --> open <--> waiting for an answer
//     ^------- the peer closed, an error, close() ---------------'
//
// A request given to a closed connection opens it first. A peer that closes while nothing is asked
// of it is no failure: the next request connects anew.
//
// Threads: none; belongs to its loop.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "http/response_parser.h"
#include "net/address.h"
#include "net/event_loop.h"
#include "net/tls.h"

namespace estadio::load {

class Connection final : private net::EventLoop::Watcher {
 public:
  enum class Failure {
    kConnect,    // no connection
    kTls,        // a connection, but no trust
    kReset,      // cut while an answer was due
    kMalformed,  // what came was no HTTP response
  };

  // Who uses the connection. Every method may send(), open() or close() again.
  class Owner {
   public:
    virtual ~Owner() = default;
    // After open().
    virtual void on_open(Connection& connection) = 0;
    // After send(). `answer` is good until this returns.
    virtual void on_answer(Connection& connection, const http::ResponseParser& answer) = 0;
    // After open() or send(), in its stead. The connection is closed.
    virtual void on_failure(Connection& connection, Failure failure, std::string_view why) = 0;
  };

  struct Peer {
    std::vector<net::Resolved> addresses;  // to be tried in this order; at least one
    const net::TlsContext* tls = nullptr;  // plain when null
    std::string name;                      // for the certificate
  };

  // What connections of one loop share; all of it must outlive them.
  struct Parts {
    const Peer& peer;
    net::EventLoop& loop;
    std::span<char> room;  // where bytes are received
    Owner& owner;
  };

  // `index` is the owner's name for this one.
  Connection(std::size_t index, const Parts& parts);
  ~Connection() override;

  [[nodiscard]] std::size_t index() const { return index_; }

  // Connects. REQUIRES: closed.
  void open();
  // Sends a request, whose bytes stay where they are until its answer, failure or close().
  // REQUIRES: no answer is due.
  void send(std::string_view request);
  // Forgets what is under way, without telling the owner.
  void close();

 private:
  static constexpr std::size_t kAnswerBytesMax = std::size_t{1} << 20;

  void on_ready(std::uint32_t events) override;
  void on_connected();
  void settle_opening();
  // Tries the addresses from the one that served last, each once.
  void connect();
  // Starts with the next address; fails when all were tried.
  void try_next(std::string_view why);
  void start_connecting();
  [[nodiscard]] bool finish_connecting();
  void transmit();
  void receive();
  // Takes what was received; false when the connection is done with.
  bool take(std::string_view data);
  void take_answer(bool is_reusable);
  void peer_closed();
  void fail(Failure failure, std::string_view why);
  void watch(std::uint32_t events);

  const std::size_t index_;
  const Parts parts_;

  base::UniqueFd fd_;
  std::unique_ptr<net::TlsSession> tls_;
  std::size_t address_ = 0;     // of the peer's, in use
  std::size_t tries_left_ = 0;  // addresses not tried yet by this connect()
  std::uint32_t events_ = 0;    // watched
  bool is_connecting_ = false;
  bool is_opening_ = false;    // open() was called and not answered yet
  bool is_waiting_ = false;    // an answer is due
  bool has_answered_ = false;  // since it was opened
  std::string_view unsent_;    // of the request under way
  http::ResponseParser parser_;
};

}  // namespace estadio::load
