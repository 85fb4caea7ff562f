// A client's connection to an HTTP server: kept alive, one request at a time.
//
//   closed --open() or send()--> connecting --> open <--> waiting for an answer
//     ^------- the peer closed, an error, close() ---------------'
//
// send() on a closed connection connects first. A server may close an idle connection: that is no
// failure, and the next send() connects again.
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
    kConnect,    // no connection could be made, or the server closed it before on_open()
    kTls,        // TLS failed before the first answer, for example in the certificate check
    kReset,      // the connection ended while an answer was due
    kMalformed,  // ResponseParser refused the answer, or more bytes followed it
  };

  // Receives the results. Every method may call send(), open() or close().
  class Owner {
   public:
    virtual ~Owner() = default;
    // open() has succeeded. With TLS the handshake may be unfinished. The call then comes with the
    // server's first bytes, or 100 ms after TCP connected.
    virtual void on_open(ClientConnection& connection) = 0;
    // The answer to send() has arrived. `answer` is valid until this returns, also after a call to
    // send(), open() or close().
    virtual void on_answer(ClientConnection& connection, const ResponseParser& answer) = 0;
    // open() or send() has failed. The connection is closed.
    virtual void on_failure(ClientConnection& connection, Failure failure,
                            std::string_view why) = 0;
  };

  struct Peer {
    std::vector<net::Resolved> addresses;  // tried in turn, from the one tried last; at least one
    const net::TlsContext* tls = nullptr;  // plain when null
    std::string name;                      // for SNI and the certificate check
  };

  // Objects that the connections of one loop share. They must outlive the connections.
  struct Dependencies {
    const Peer& peer;
    net::EventLoop& loop;
    std::span<char> receive_buffer;
    Owner& owner;
  };

  // `index` identifies this connection to its owner.
  ClientConnection(std::size_t index, const Dependencies& deps);
  ~ClientConnection() override;

  [[nodiscard]] std::size_t index() const { return index_; }

  // Connects, then calls on_open() or on_failure(). After a send() in between, only send()'s result
  // is reported. REQUIRES: closed.
  void open();
  // Sends a request; calls on_answer() or on_failure(). The bytes must stay valid until then, or
  // until close(). REQUIRES: no answer is due.
  void send(std::string_view request);
  // Closes the connection and abandons its request. Does not call the owner.
  void close();

 private:
  static constexpr std::size_t kAnswerBytesMax = std::size_t{1} << 20;
  struct Handshake {};

  void on_ready(std::uint32_t events) override;
  void on_connected();
  void settle_opening();
  // Tries each address once, starting with the one tried last.
  void connect();
  // Connects to the next address. After the last one, fails with `why`.
  void try_next(std::string_view why);
  void start_connecting();
  [[nodiscard]] bool finish_connecting();
  void transmit();
  void receive();
  // Parses received bytes. Returns false when the caller must not read on.
  bool take(std::string_view data);
  void take_answer(bool is_reusable);
  void peer_closed();
  void fail(Failure failure, std::string_view why);
  void watch(std::uint32_t events);

  const std::size_t index_;
  const Dependencies deps_;

  base::UniqueFd fd_;
  std::unique_ptr<net::TlsSession> tls_;
  // Shared, so that the handshake's timer can have a weak pointer. close() and the destructor reset
  // it, and the timer then does nothing.
  std::shared_ptr<const Handshake> handshake_;
  std::size_t address_ = 0;     // index of the peer's address in use
  std::size_t tries_left_ = 0;  // addresses not tried yet by this connect()
  std::uint32_t events_ = 0;    // watched
  bool is_connecting_ = false;
  bool is_opening_ = false;       // on_open() or on_failure() is due
  bool is_waiting_ = false;       // an answer is due
  bool has_answered_ = false;     // since it connected
  bool has_peer_closed_ = false;  // nothing follows the bytes that can be read now
  std::string_view unsent_;       // the rest of the current request
  ResponseParser parser_;
};

}  // namespace http
