// A TLS server and our own client, with a certificate that the test makes.
#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/test_folder.h"
#include "http/test_client.h"
#include "net/test_certificate.h"
#include "net/tls.h"

namespace http {
namespace {

class ServerTlsTest : public testing::Test {
 protected:
  void SetUp() override {
    net::make_test_certificate(path("cert.pem"), path("key.pem"));
    auto context = net::TlsContext::for_server(path("cert.pem"), path("key.pem"));
    ASSERT_TRUE(context) << context.error().message();
    context_ = std::make_unique<net::TlsContext>(*std::move(context));
    serve({.body_bytes = 1 << 20});
  }

  void serve(Limits limits) {
    auto server = Server::open(
        {.address = {.host = "127.0.0.1", .port = 0, .unix_path = {}},
         .threads = 1,
         .limits = limits,
         .tls = context_.get()},
        {TestService::factory([](Router& router, net::EventLoop&) {
          router.add(Method::kPost, "/echo", [](const Request& request, Exchange exchange) {
            exchange.respond(
                {.status = 200, .content_type = {}, .body = request.body, .extra_headers = {}});
          });
          router.add(Method::kGet, "/big", [](const Request&, Exchange exchange) {
            exchange.respond({.status = 200,
                              .content_type = {},
                              .body = std::string(kBigBytes, 'b'),
                              .extra_headers = {}});
          });
          router.add(Method::kGet, "/page", [](const Request&, Exchange exchange) {
            static const std::string page(kBigBytes, 'b');
            exchange.respond({.status = 200,
                              .content_type = {},
                              .body = page,
                              .extra_headers = {},
                              .body_life = BodyLife::kServer});
          });
        })},
        clock_, log_);
    ASSERT_TRUE(server) << server.error().message();
    server_ = *std::move(server);
    server_->serve();
  }
  static constexpr std::size_t kBigBytes = std::size_t{4} << 20;

  [[nodiscard]] std::string path(std::string_view name) const { return folder_ / name; }

  // Sends `request`. Reads `answer_bytes`, or until the server closes. Returns them, or "failed: "
  // and the reason when TLS fails.
  std::string talk(const net::TlsContext& context, const std::string& server_name,
                   std::string_view request, std::size_t answer_bytes) {
    const auto peers = net::resolve(server_->address());
    const auto fd = net::start_connecting(peers->front());
    if (!fd) return "not connected";
    const auto session = context.start(fd->get(), server_name);
    std::string answer;
    while (answer.size() < answer_bytes) {
      char bytes[65536];
      const auto count = request.empty() ? session->read(bytes, sizeof bytes)
                                         : session->write(request.data(), request.size());
      if (count == net::TlsSession::kWantRead || count == net::TlsSession::kWantWrite) {
        pollfd poll_fd{
            .fd = fd->get(),
            .events = static_cast<short>(count == net::TlsSession::kWantRead ? POLLIN : POLLOUT),
            .revents = 0};
        if (::poll(&poll_fd, 1,
                   static_cast<int>(std::chrono::milliseconds(kTestDeadline).count())) <= 0) {
          return "nothing came";
        }
      } else if (count == net::TlsSession::kFailed) {
        return answer.empty() ? "failed: " + session->failure() : answer;
      } else if (count == 0) {
        return answer;
      } else if (request.empty()) {
        answer.append(bytes, static_cast<std::size_t>(count));
      } else {
        request.remove_prefix(static_cast<std::size_t>(count));
      }
    }
    return answer;
  }

  base::test::TempFolder folder_;
  base::SystemClock clock_;
  base::Logger log_{clock_, {.level = base::LogLevel::kError}};
  std::unique_ptr<net::TlsContext> context_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTlsTest, ARequestAndItsAnswerTravelEncrypted) {
  const auto client = net::TlsContext::for_client({.ca_file = path("cert.pem"), .verify = true});
  ASSERT_TRUE(client);
  const std::string answer =
      talk(*client, "localhost",
           "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret",
           SIZE_MAX);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nsecret")) << answer;
}

TEST_F(ServerTlsTest, BodiesOfManyRecordsComeWholeBothWays) {
  const auto client = net::TlsContext::for_client({.ca_file = path("cert.pem"), .verify = true});
  ASSERT_TRUE(client);
  const std::string body(500'000, 'x');
  const std::string answer =
      talk(*client, "localhost",
           "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\nConnection: close\r\n\r\n" +
               body,
           SIZE_MAX);
  EXPECT_TRUE(answer.ends_with(body));
  const std::string big = talk(
      *client, "localhost", "GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", SIZE_MAX);
  EXPECT_TRUE(big.ends_with(std::string(kBigBytes, 'b')));
  const std::string page = talk(
      *client, "localhost", "GET /page HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", SIZE_MAX);
  EXPECT_TRUE(page.ends_with(std::string(kBigBytes, 'b')));
}

TEST_F(ServerTlsTest, AClientRefusesACertificateThatItDoesNotTrust) {
  net::make_test_certificate(path("other.pem"), path("other.key"));
  const auto client = net::TlsContext::for_client({.ca_file = path("other.pem"), .verify = true});
  ASSERT_TRUE(client);
  EXPECT_EQ(talk(*client, "localhost", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 1),
            "failed: the peer's certificate is not accepted: self-signed certificate");
}

TEST_F(ServerTlsTest, AClientRefusesACertificateOfAnotherName) {
  const auto client = net::TlsContext::for_client({.ca_file = path("cert.pem"), .verify = true});
  ASSERT_TRUE(client);
  EXPECT_EQ(talk(*client, "elsewhere.example", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 1),
            "failed: the peer's certificate is not accepted: hostname mismatch");
}

TEST_F(ServerTlsTest, AClientThatDoesNotVerifyTakesAnyCertificate) {
  const auto client = net::TlsContext::for_client({.ca_file = {}, .verify = false});
  ASSERT_TRUE(client);
  EXPECT_TRUE(talk(*client, "elsewhere.example", "GET /none HTTP/1.1\r\nHost: h\r\n\r\n", 12)
                  .starts_with("HTTP/1.1 404"));
}

TEST_F(ServerTlsTest, PlainHttpIsClosedAndTheServerGoesOn) {
  TestClient plain(server_->address());
  plain.get("/big");
  plain.read_to_end();
  EXPECT_TRUE(eventually([&] { return server_->stats().connections_open == 0; }));
  const auto client = net::TlsContext::for_client({.ca_file = path("cert.pem"), .verify = true});
  EXPECT_TRUE(talk(*client, "localhost", "GET /none HTTP/1.1\r\nHost: h\r\n\r\n", 12)
                  .starts_with("HTTP/1.1 404"));
}

TEST_F(ServerTlsTest, TheAnswerToABodyTooLargeArrivesOverTlsToo) {
  const auto client = net::TlsContext::for_client({.ca_file = path("cert.pem"), .verify = true});
  ASSERT_TRUE(client);
  const std::string answer =
      talk(*client, "localhost",
           "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n" +
               std::string(2'000'000, 'x'),
           SIZE_MAX);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer.substr(0, 200);
}

TEST_F(ServerTlsTest, AHandshakeThatComesByteByByteIsCutOffAtItsDeadline) {
  // Each byte counts as activity, so the connection never becomes idle.
  serve({.receive = std::chrono::milliseconds(50), .idle = kTestDeadline * 2});
  TestClient client(server_->address());
  const std::string hello = std::string("\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb\x03\x03", 11);
  ASSERT_TRUE(client.send(hello));
  EXPECT_TRUE(eventually([&] {
    client.send("x");
    return server_->stats().connections_open == 0;
  }));
}

TEST_F(ServerTlsTest, AConnectionThatWasEstablishedMayThenBeIdle) {
  serve({.receive = std::chrono::seconds(1), .idle = kTestDeadline * 2});
  const auto trusting = net::TlsContext::for_client({.ca_file = {}, .verify = false});
  const auto peers = net::resolve(server_->address());
  const auto fd = net::start_connecting(peers->front());
  const auto session = trusting->start(fd->get(), "localhost");
  // Only the handshake. Without a request there is nothing to read.
  char byte = 0;
  TestClient silent(server_->address());
  while (server_->stats().connections_open < 2 || !session->is_established()) {
    ASSERT_EQ(session->read(&byte, 1), net::TlsSession::kWantRead);
  }
  // Two clients never do the handshake. The sweeps that close them have checked the first one too.
  EXPECT_TRUE(silent.sees_the_end());
  TestClient second_silent(server_->address());
  EXPECT_TRUE(second_silent.sees_the_end());
  EXPECT_EQ(session->read(&byte, 1), net::TlsSession::kWantRead);
}

TEST_F(ServerTlsTest, SlowRequestsGet408OverTlsToo) {
  serve({.receive = std::chrono::seconds(1), .idle = kTestDeadline * 2});
  const auto client = net::TlsContext::for_client({.ca_file = path("cert.pem"), .verify = true});
  ASSERT_TRUE(client);
  for (const std::string_view part :
       {"GET /big HT", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"}) {
    const std::string answer = talk(*client, "localhost", part, SIZE_MAX);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 ")) << part << ": " << answer;
  }
}

}  // namespace
}  // namespace http
