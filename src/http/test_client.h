// For tests only: a blocking client that sends raw bytes, and a service made of one function.
// eventually() waits for a condition until a deadline.
//
// Threads: none; a TestClient belongs to its test's thread.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "http/message.h"
#include "http/router.h"
#include "http/server.h"
#include "net/address.h"
#include "net/event_loop.h"

namespace http {

// Far longer than any step on a slow machine under a sanitizer. Only a failing test waits so long.
inline constexpr std::chrono::seconds kTestDeadline{30};

// Calls `holds` until it returns true or the deadline passes. Returns the last result.
inline bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + kTestDeadline;
  while (std::chrono::steady_clock::now() < end) {
    if (holds()) return true;
    std::this_thread::yield();
  }
  return false;
}

// Runs `task` in the loop's thread and returns its result.
template <class Task>
auto in_loop(net::EventLoop& loop, Task task) {
  std::packaged_task<decltype(task())()> packaged(std::move(task));
  auto result = packaged.get_future();
  loop.post([&packaged] { packaged(); });
  return result.get();
}

// A service of one function.
class TestService final : public Service {
 public:
  using Install = std::function<void(Router&, net::EventLoop&)>;
  explicit TestService(Install install) : install_(std::move(install)) {}
  void install(Router& router, net::EventLoop& loop) override { install_(router, loop); }

  static ServiceFactory factory(Install install) {
    return [install = std::move(install)] { return std::make_unique<TestService>(install); };
  }

 private:
  Install install_;
};

struct TestResponse {
  int status = 0;
  std::string head;  // the status line and the headers, with the empty line
  std::string body;

  // Returns the header's value. Empty when there is none.
  [[nodiscard]] std::string header(std::string_view name) const {
    std::size_t at = head.find("\r\n");
    while (at + 2 < head.size()) {
      const std::size_t start = at + 2;
      at = head.find("\r\n", start);
      const std::string_view line = std::string_view(head).substr(start, at - start);
      const std::size_t colon = line.find(": ");
      if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name)) {
        return std::string(line.substr(colon + 2));
      }
    }
    return {};
  }
};

class TestClient {
 public:
  // A small `receive_buffer_bytes` soon stops the server's sending. 0 is the system's default.
  explicit TestClient(const net::Address& address, int receive_buffer_bytes = 0) {
    auto peers = net::resolve(address);
    EXPECT_TRUE(peers);
    if (!peers) return;
    const net::Resolved& peer = peers->front();
    fd_ = base::UniqueFd(::socket(peer.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer_bytes > 0) {
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                   sizeof receive_buffer_bytes);
    }
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(peer.storage), peer.size) != 0) {
      fd_.reset();
    }
  }

  [[nodiscard]] bool is_connected() const { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const { return fd_.get(); }

  // Sends all bytes. Returns false when the server stops taking them.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  // Sends the bytes that fit at once. Returns false when none fits, because the server does not
  // read.
  bool send_some(std::string_view& bytes) const {
    const auto count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    return count > 0;
  }

  bool get(std::string_view path) const {
    return send("GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n\r\n");
  }

  // Half-closes: the server reads the end, and may still answer.
  void finish_sending() const { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  // Closes with a reset, which the server sees at once. It sees a plain close only as a half-close.
  void abort() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.reset();
  }

  // Returns the next response. Its status is 0 when the connection ends or nothing comes. `to_head`
  // is for the answer to a HEAD, which has a length and no body.
  TestResponse read_response(bool to_head = false) {
    TestResponse response;
    const std::size_t end = read_until("\r\n\r\n");
    if (end == std::string::npos) return response;
    response.head = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    response.status = std::stoi(response.head.substr(9, 3));
    const std::string length = response.header("Content-Length");
    const std::size_t size = to_head || length.empty() ? 0 : std::stoul(length);
    while (buffer_.size() < size && receive()) {
    }
    response.body = buffer_.substr(0, size);
    if (response.body.size() < size) response.status = 0;
    buffer_.erase(0, response.body.size());
    return response;
  }

  // Returns all bytes up to `end`, with it. Empty when `end` does not come.
  std::string read_through(std::string_view end) {
    const std::size_t at = read_until(end);
    if (at == std::string::npos) return {};
    std::string bytes = buffer_.substr(0, at + end.size());
    buffer_.erase(0, bytes.size());
    return bytes;
  }

  // Returns all bytes until the server closes.
  std::string read_to_end() {
    while (receive()) {
    }
    return std::exchange(buffer_, {});
  }

  // Returns whether the server closes without another byte.
  bool sees_the_end() { return read_to_end().empty() && ended_; }
  // Returns whether that end was a reset.
  [[nodiscard]] bool was_reset() const { return was_reset_; }

 private:
  std::size_t read_until(std::string_view text) {
    std::size_t searched = 0;
    while (true) {
      const std::size_t at = buffer_.find(text, searched);
      if (at != std::string::npos) return at;
      searched = buffer_.size() - std::min(buffer_.size(), text.size());
      if (!receive()) return std::string::npos;
    }
  }

  // Reads some more bytes into buffer_. Returns false at the end or at the deadline.
  bool receive() {
    pollfd poll_fd{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    const auto patience = std::chrono::milliseconds(kTestDeadline).count();
    if (::poll(&poll_fd, 1, static_cast<int>(patience)) <= 0) {
      ADD_FAILURE() << "nothing came from the server";
      return false;
    }
    char bytes[65536];
    const auto count = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (count <= 0) {
      ended_ = true;
      was_reset_ = count < 0;
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  base::UniqueFd fd_;
  std::string buffer_;
  bool ended_ = false;
  bool was_reset_ = false;
};

}  // namespace http
