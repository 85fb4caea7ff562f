// For tests only: a small HTTP server over real sockets, in its own thread. A script chooses its
// answers: late, in pieces, wrong, or none.
//
//   ScriptedServer server([](const ScriptedServer::Arrival& arrival) {
//     return arrival.number == 0 ? ScriptedServer::refuse(503) : ScriptedServer::accept(arrival);
//   });
//   ... server.url() ...
//
// Threads: the server's thread calls the script. Any thread may call the rest.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/unique_fd.h"
#include "http/message.h"
#include "http/request_parser.h"
#include "net/address.h"
#include "net/event_loop.h"

namespace estadio::load {

class ScriptedServer {
 public:
  struct Arrival {
    int number = 0;      // of the request, from 0
    int connection = 0;  // from 0, in the order of accepting
    base::Nanos at{};    // since the first request
    std::string type;    // its media type
    std::string body;
  };

  struct Reply {
    std::string bytes;
    base::Nanos delay{};  // before the bytes
    bool closes = false;  // after the bytes
    bool resets = false;  // instead of the bytes
  };

  using Script = std::function<Reply(const Arrival&)>;

  // A request with a larger body is answered after its head. The server then stops reading.
  static constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20;

  // Answers with an id and an outcome, as the contest's server does. An entry's own id is kept. A
  // batch gets its counts.
  static Reply accept(const Arrival& arrival) {
    if (arrival.type == "application/x-ndjson") {
      const auto entries = std::ranges::count(arrival.body, '\n') + 1;
      return {.bytes = answer(
                  200, fmt::format(R"({{"accepted":{0},"winners":{0},"losers":0,"repeated":0}})",
                                   entries))};
    }
    return {.bytes = answer(200, fmt::format(R"({{"id":"{}","outcome":"{}"}})", id_of(arrival),
                                             arrival.number % 2 == 0 ? "winner" : "loser"))};
  }
  static Reply refuse(int status, std::string_view headers = {}) {
    return {.bytes = answer(status, "{}", headers)};
  }
  static std::string answer(int status, std::string_view body, std::string_view headers = {}) {
    return fmt::format("HTTP/1.1 {} {}\r\n{}Content-Length: {}\r\n\r\n{}", status,
                       http::reason_of(status), headers, body.size(), body);
  }
  static std::string id_of(const Arrival& arrival) {
    constexpr std::string_view kKey = R"("id":")";
    const std::size_t at = arrival.body.find(kKey);
    if (at != std::string::npos) return arrival.body.substr(at + kKey.size(), 36);
    return fmt::format("01934f5a-7c00-7000-8000-{:012}", arrival.number);
  }

  explicit ScriptedServer(Script script) : script_(std::move(script)), loop_(clock_) {
    auto listener = net::listen_on({.host = "127.0.0.1", .port = 0, .unix_path = {}});
    CHECK(listener);
    listener_ = std::make_unique<Listener>(*std::move(listener), *this);
    address_ = *net::local_address(listener_->fd.get(), {.host = "127.0.0.1", .unix_path = {}});
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~ScriptedServer() {
    loop_.stop();
    thread_.join();
  }

  [[nodiscard]] std::string url() const { return "http://" + address_.to_string(); }
  [[nodiscard]] const net::Address& address() const { return address_; }
  [[nodiscard]] std::vector<Arrival> arrivals() const {
    const std::scoped_lock lock(mutex_);
    return arrivals_;
  }
  [[nodiscard]] int connections() const {
    const std::scoped_lock lock(mutex_);
    return connection_count_;
  }

 private:
  struct Peer;

  struct Listener final : net::EventLoop::Watcher {
    Listener(base::UniqueFd socket, ScriptedServer& owner) : fd(std::move(socket)), server(owner) {
      CHECK(server.loop_.add(fd.get(), EPOLLIN, *this));
    }
    void on_ready(std::uint32_t) override {
      base::UniqueFd accepted(::accept4(fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!accepted) return;
      int number = 0;
      {
        const std::scoped_lock lock(server.mutex_);
        number = server.connection_count_++;
      }
      server.peers_.push_back(std::make_shared<Peer>(std::move(accepted), number, server));
    }
    base::UniqueFd fd;
    ScriptedServer& server;
  };

  // A client. Late replies keep a weak pointer: the client may be gone by then.
  struct Peer final : net::EventLoop::Watcher, std::enable_shared_from_this<Peer> {
    Peer(base::UniqueFd socket, int its_number, ScriptedServer& owner)
        : fd(std::move(socket)), number(its_number), server(owner) {
      CHECK(server.loop_.add(fd.get(), EPOLLIN, *this));
    }
    ~Peer() override { close(); }

    void close() {
      if (!fd) return;
      server.loop_.remove(fd.get(), *this);
      fd.reset();
    }

    void on_ready(std::uint32_t) override {
      char room[64 * 1024];
      const ssize_t count = ::recv(fd.get(), room, sizeof room, 0);
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return close();
      received.append(room, static_cast<std::size_t>(count));
      take_requests();
    }

    void take_requests() {
      while (fd) {
        http::RequestHead head;
        http::ParseError error;
        std::size_t scanned = 0;
        if (http::parse_head(received, scanned, head, error) != http::ParseState::kDone) return;
        const bool is_read = head.content_length <= kBodyBytesMax;
        const std::size_t whole = is_read ? head.size + head.content_length : received.size();
        if (received.size() < whole) return;
        Arrival arrival{.connection = number,
                        .type = {},
                        .body = received.substr(head.size, head.content_length)};
        for (const http::Header& each : head.headers) {
          if (each.name == "Content-Type") arrival.type = each.value;
        }
        received.erase(0, whole);
        if (!is_read) server.loop_.modify(fd.get(), 0, *this);
        const Reply reply = server.reply_to(std::move(arrival));
        if (reply.delay == base::Nanos(0)) {
          send(reply);
        } else {
          server.loop_.at(server.clock_.mono() + reply.delay, [weak = weak_from_this(), reply] {
            if (const auto self = weak.lock()) self->send(reply);
          });
        }
      }
    }

    void send(const Reply& reply) {
      if (!fd) return;
      if (reply.resets) {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        return close();
      }
      // Answers of tests are small: they fit into the socket's buffer.
      // The close goes in the same segment, so that no client sees the answer without it.
      const int flags = MSG_NOSIGNAL | (reply.closes ? MSG_MORE : 0);
      const ssize_t sent = ::send(fd.get(), reply.bytes.data(), reply.bytes.size(), flags);
      if (reply.closes || sent != static_cast<ssize_t>(reply.bytes.size())) close();
    }

    base::UniqueFd fd;
    const int number;
    ScriptedServer& server;
    std::string received;
  };

  Reply reply_to(Arrival arrival) {
    const base::Nanos now = clock_.mono();
    if (arrival_count_ == 0) first_at_ = now;
    arrival.at = now - first_at_;
    arrival.number = arrival_count_++;
    {
      const std::scoped_lock lock(mutex_);
      arrivals_.push_back(arrival);
    }
    return script_(arrival);
  }

  const Script script_;
  base::SystemClock clock_;
  net::EventLoop loop_;
  net::Address address_;
  int arrival_count_ = 0;
  base::Nanos first_at_{};

  mutable std::mutex mutex_;
  std::vector<Arrival> arrivals_;  // guarded by mutex_
  int connection_count_ = 0;       // guarded by mutex_

  std::unique_ptr<Listener> listener_;
  std::vector<std::shared_ptr<Peer>> peers_;
  std::jthread thread_;  // last: ends before the members that it uses
};

}  // namespace estadio::load
