// A client's connection to an HTTP server: kept alive, one request at a time.
//
//   closed --open() or send()--> connecting --> open <--> waiting for an answer
//     ^------- the peer closed, an error, close() ---------------'
//
// A request on a closed connection opens it first. A server that closes an idle connection causes
// no failure: the next request connects anew.
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

namespace http {

class ClientConnection final : private net::EventLoop::Watcher {
 public:
  enum class Failure {
    kConnect,    // no connection
    kTls,        // a connection, but no trust
    kReset,      // cut while an answer was due
    kMalformed,  // what came was no HTTP response
  };

  // The user of the connection. Every method may call send(), open() or close().
  class Owner {
   public:
    virtual ~Owner() = default;
    // After open().
    virtual void on_open(ClientConnection& connection) = 0;
    // After send(). `answer` is good until this returns.
    virtual void on_answer(ClientConnection& connection, const ResponseParser& answer) = 0;
    // After open() or send(), instead of the above. The connection is closed.
    virtual void on_failure(ClientConnection& connection, Failure failure,
                            std::string_view why) = 0;
  };

  struct Peer {
    std::vector<net::Resolved> addresses;  // to be tried in this order; at least one
    const net::TlsContext* tls = nullptr;  // plain when null
    std::string name;                      // for the certificate
  };

  // What the connections of one loop share. All of it must outlive them.
  struct Dependencies {
    const Peer& peer;
    net::EventLoop& loop;
    std::span<char> receive_buffer;
    Owner& owner;
  };

  // `index` is the owner's name for this one.
  ClientConnection(std::size_t index, const Dependencies& deps);
  ~ClientConnection() override;

  [[nodiscard]] std::size_t index() const { return index_; }

  // Connects. REQUIRES: closed.
  void open();
  // Sends a request. Its bytes must stay valid until the answer, a failure or close().
  // REQUIRES: no answer is due.
  void send(std::string_view request);
  // Abandons a request under way, without a call of the owner.
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
  const Dependencies deps_;

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
  ResponseParser parser_;
};

}  // namespace http
