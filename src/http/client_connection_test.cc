// A client's connection against a server whose side the test plays by hand.
#include "http/client_connection.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "http/test_client.h"
#include "net/address.h"
#include "net/event_loop.h"
#include "net/tls.h"

namespace http {
namespace {

using namespace std::chrono_literals;

// A clock that the test sets. Threads: any thread may call it.
class HandClock final : public base::Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override { return 0; }
  [[nodiscard]] base::Nanos mono() const override { return base::Nanos(now_ns_); }
  void advance(base::Nanos time) { now_ns_ += time.count(); }

 private:
  std::atomic<std::int64_t> now_ns_ = 1'000'000'000;
};

// Counts the results. Calls act() within each on_answer(), and then keeps the answer's parts.
struct TestOwner final : ClientConnection::Owner {
  void on_open(ClientConnection&) override { ++opened; }
  void on_answer(ClientConnection& connection, const ResponseParser& answer) override {
    ++answered;
    if (act) act(connection);
    body = answer.body();
    header = answer.header("Name");
  }
  void on_failure(ClientConnection&, ClientConnection::Failure, std::string_view) override {}

  int opened = 0;
  int answered = 0;
  std::string body;
  std::string header;
  std::function<void(ClientConnection&)> act;
};

class ClientConnectionTest : public testing::Test {
 protected:
  ClientConnectionTest() {
    const net::Address any_port{.host = "127.0.0.1", .port = 0, .unix_path = {}};
    auto listener = net::listen_on(any_port);
    EXPECT_TRUE(listener);
    listener_ = *std::move(listener);
    peer_.addresses = *net::resolve(*net::local_address(listener_.get(), any_port));
    peer_.name = "localhost";
  }

  void TearDown() override {
    in_loop(loop_, [this] { connection_.reset(); });
    loop_.stop();
  }

  // REQUIRES: runs in the loop's thread.
  ClientConnection& make() {
    return connection_.emplace(
        0, ClientConnection::Dependencies{
               .peer = peer_, .loop = loop_, .receive_buffer = buffer_, .owner = owner_});
  }

  // Waits until `fd` is readable.
  static bool wait_for(int fd) {
    pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
    const auto patience = std::chrono::milliseconds(kTestDeadline).count();
    return ::poll(&poll_fd, 1, static_cast<int>(patience)) == 1;
  }

  // Accepts the client's next connection and waits for its first bytes.
  base::UniqueFd accept_and_hear() {
    EXPECT_TRUE(wait_for(listener_.get()));
    base::UniqueFd server(::accept(listener_.get(), nullptr, nullptr));
    EXPECT_TRUE(server && wait_for(server.get()));
    return server;
  }

  // Returns the owner as it is now.
  TestOwner owner() {
    return in_loop(loop_, [this] { return owner_; });
  }

  HandClock clock_;
  TestOwner owner_;
  base::UniqueFd listener_;
  ClientConnection::Peer peer_;
  char buffer_[4096] = {};
  net::EventLoop loop_{clock_};
  std::optional<ClientConnection> connection_;
  std::jthread thread_{[this] { loop_.run(); }};  // last: it uses the others
};

// The server never answers the handshake. A connection to it counts as open after 100 ms.
class ClientConnectionTlsTest : public ClientConnectionTest {
 protected:
  ClientConnectionTlsTest() { peer_.tls = &context_; }

  // Ends a connection within its handshake by calling end(), opens another after 100 ms, and
  // expects that this one has its own 100 ms.
  template <class End>
  void expect_own_patience(const End& end) {
    in_loop(loop_, [this] { make().open(); });
    const base::UniqueFd first = accept_and_hear();
    in_loop(loop_, [&] {
      end();
      clock_.advance(100ms);
      connection_->open();
    });
    const base::UniqueFd second = accept_and_hear();
    EXPECT_EQ(owner().opened, 0);
    clock_.advance(100ms);
    EXPECT_TRUE(eventually([this] { return owner().opened == 1; }));
  }

  net::TlsContext context_ = *net::TlsContext::for_client({.ca_file = {}, .verify = false});
};

TEST_F(ClientConnectionTlsTest, TheTimeOfAClosedHandshakeDoesNotCountForTheNext) {
  expect_own_patience([this] { connection_->close(); });
}

TEST_F(ClientConnectionTlsTest, TheTimerOfADestroyedConnectionDoesNothing) {
  expect_own_patience([this] { make(); });
}

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\n\r\n";
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nName: value\r\n\r\nhello";
constexpr std::string_view kLastAnswer =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nName: value\r\nConnection: close\r\n\r\nhello";

class ClientConnectionAnswerTest : public ClientConnectionTest {
 protected:
  // Sends a request, answers it and calls `act` within on_answer(). Expects that the answer is
  // there after that.
  void expect_valid_after(std::string_view answer, std::function<void(ClientConnection&)> act) {
    in_loop(loop_, [&] {
      owner_.act = std::move(act);
      make().send(kRequest);
    });
    const base::UniqueFd server = accept_and_hear();
    tell(server, answer);
    ASSERT_TRUE(eventually([this] { return owner().answered == 1; }));
    EXPECT_EQ(owner().body, "hello");
    EXPECT_EQ(owner().header, "value");
  }

  static void tell(const base::UniqueFd& client, std::string_view bytes) {
    EXPECT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  }
};

TEST_F(ClientConnectionAnswerTest, IsValidAfterClose) {
  expect_valid_after(kAnswer, [](ClientConnection& connection) { connection.close(); });
}

TEST_F(ClientConnectionAnswerTest, IsValidAfterTheNextRequest) {
  expect_valid_after(kAnswer, [](ClientConnection& connection) { connection.send(kRequest); });
}

TEST_F(ClientConnectionAnswerTest, IsValidAfterARequestThatConnectsAgain) {
  expect_valid_after(kLastAnswer, [](ClientConnection& connection) { connection.send(kRequest); });
}

TEST_F(ClientConnectionAnswerTest, APartOfAnAnswerIsDroppedWithItsConnection) {
  in_loop(loop_, [this] { make().send(kRequest); });
  const base::UniqueFd first = accept_and_hear();
  tell(first, kAnswer.substr(0, kAnswer.size() - 1));
  // The client's system has the bytes. So the loop's next round receives them.
  ASSERT_TRUE(eventually([&first] {
    int sent = 0;
    return ::ioctl(first.get(), TIOCOUTQ, &sent) == 0 && sent == 0;
  }));
  in_loop(loop_, [this] {
    connection_->close();
    connection_->send(kRequest);
  });
  const base::UniqueFd second = accept_and_hear();
  tell(second, kAnswer);
  ASSERT_TRUE(eventually([this] { return owner().answered == 1; }));
  EXPECT_EQ(owner().body, "hello");
}

}  // namespace
}  // namespace http
