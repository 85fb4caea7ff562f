// The server over real sockets on ports that the system chooses: keep-alive, pipelining, bodies,
// deadlines, limits, streams, and stopping without losing an answer.
#include "http/server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/test_folder.h"
#include "http/problem.h"
#include "http/test_client.h"

namespace http {
namespace {

using namespace std::chrono_literals;

class ServerTest : public testing::Test {
 protected:
  // Routes that the tests share:
  //   GET  /hello     "hello"
  //   POST /echo      the body, or "empty"
  //   GET  /big       kBigBytes bytes
  //   GET  /large     kLargeBytes bytes, which no socket's buffers hold together
  //   GET  /page      the same bytes, which live as long as the server
  //   GET  /hold      answered by release(), in the order of arrival from 0
  //   GET  /later     answered by the loop 20 ms later
  //   GET  /stream    a stream; held_ has it too
  void start(Limits limits = {}, unsigned threads = 1,
             net::Address address = {.host = "127.0.0.1", .port = 0, .unix_path = {}}) {
    auto server = Server::open({.address = std::move(address),
                                .threads = threads,
                                .limits = limits,
                                .hosts = hosts_,
                                .coalesce_for = coalesce_for_,
                                .tls = nullptr},
                               {TestService::factory([this](Router& router, net::EventLoop& loop) {
                                 install(router, loop);
                               })},
                               clock_, log_);
    ASSERT_TRUE(server) << server.error().message();
    server_ = *std::move(server);
    server_->serve();
  }

  void install(Router& router, net::EventLoop& loop) {
    loop_ = &loop;
    router.add(Method::kGet, "/hello", [](const Request&, Exchange exchange) {
      exchange.respond(
          {.status = 200, .content_type = "text/plain", .body = "hello", .extra_headers = {}});
    });
    router.add(Method::kPost, "/echo", [](const Request& request, Exchange exchange) {
      exchange.respond({.status = 200,
                        .content_type = {},
                        .body = request.body.empty() ? "empty" : request.body,
                        .extra_headers = {}});
    });
    router.add(Method::kGet, "/big", [](const Request&, Exchange exchange) {
      exchange.respond({.status = 200, .content_type = {}, .body = big(), .extra_headers = {}});
    });
    router.add(Method::kGet, "/large", [](const Request&, Exchange exchange) {
      exchange.respond({.status = 200, .content_type = {}, .body = large(), .extra_headers = {}});
    });
    router.add(Method::kGet, "/page", [](const Request&, Exchange exchange) {
      exchange.respond({.status = 200,
                        .content_type = {},
                        .body = large(),
                        .extra_headers = {},
                        .body_life = BodyLife::kServer});
    });
    router.add(Method::kGet, "/hold", [this](const Request&, Exchange exchange) {
      held_.push_back(exchange);
      ++held_count_;
    });
    router.add(Method::kGet, "/later", [&loop](const Request&, Exchange exchange) {
      loop.at(loop.now() + 20ms, [exchange] {
        exchange.respond({.status = 200, .content_type = {}, .body = "later", .extra_headers = {}});
      });
    });
    router.add(Method::kGet, "/stream", [this](const Request&, Exchange exchange) {
      exchange.start_stream("text/event-stream");
      held_.push_back(exchange);
      ++held_count_;
    });
  }

  static const std::string& big() {
    static const std::string bytes(std::size_t{16} << 20, 'b');
    return bytes;
  }

  static constexpr std::size_t kLargeBytes = std::size_t{6} << 20;
  static const std::string& large() {
    static const std::string bytes(kLargeBytes, 'l');
    return bytes;
  }

  // Returns clients that ask for `path` and never read.
  [[nodiscard]] std::vector<TestClient> unread(std::size_t count, std::string_view path) const {
    std::vector<TestClient> clients;
    for (std::size_t i = 0; i < count; ++i) {
      clients.emplace_back(server_->address(), 4096);
      EXPECT_TRUE(clients.back().get(path));
    }
    return clients;
  }

  [[nodiscard]] TestClient client() const { return TestClient(server_->address()); }

  // Waits until `count` requests are held. Then answers the request with number `index`.
  void release(std::size_t index, std::string body) {
    in_loop(*loop_, [this, index, body = std::move(body)] {
      held_[index].respond({.status = 200, .content_type = {}, .body = body, .extra_headers = {}});
      return true;
    });
  }
  [[nodiscard]] bool holds(std::size_t count) const {
    return eventually([&] { return held_count_ >= count; });
  }

  base::SystemClock clock_;
  base::Logger log_{clock_, {.level = base::LogLevel::kError}};
  net::EventLoop* loop_ = nullptr;  // the only loop, or the last of several
  std::vector<Exchange> held_;
  std::atomic<std::size_t> held_count_ = 0;
  AllowedHosts hosts_ = AllowedHosts::any();  // of the server that start() makes
  std::chrono::nanoseconds coalesce_for_{};   // of the server that start() makes
  std::unique_ptr<Server> server_;
};

std::string post(std::string_view body, std::string_view headers = {}) {
  return fmt::format("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n{}\r\n{}",
                     body.size(), headers, body);
}

TEST_F(ServerTest, AConnectionServesOneRequestAfterAnother) {
  start();
  TestClient client = this->client();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.get("/hello"));
    const TestResponse response = client.read_response();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello");
    EXPECT_EQ(response.header("Content-Type"), "text/plain");
    EXPECT_EQ(response.header("Connection"), "");
    EXPECT_TRUE(response.header("Date").ends_with(" GMT"));
  }
  EXPECT_EQ(server_->stats().connections_accepted, 1U);
  EXPECT_EQ(server_->stats().requests, 3U);
}

TEST_F(ServerTest, ConnectionCloseIsHonouredAndAnnounced) {
  start();
  TestClient client = this->client();
  client.send(
      "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /hello HTTP/1.1\r\n\r\n");
  const TestResponse response = client.read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Connection"), "close");
  EXPECT_TRUE(client.sees_the_end());
}

TEST_F(ServerTest, AnHttp10ClientIsClosedUnlessItAsksToStay) {
  start();
  TestClient goes = client();
  goes.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(goes.read_response().header("Connection"), "close");
  EXPECT_TRUE(goes.sees_the_end());
  TestClient stays = client();
  for (int i = 0; i < 2; ++i) {
    stays.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const TestResponse response = stays.read_response();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("Connection"), "keep-alive");
  }
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrderWhicheverIsReadyFirst) {
  start();
  TestClient client = this->client();
  client.send(
      "GET /hold HTTP/1.1\r\nHost: h\r\n\r\nGET /hold HTTP/1.1\r\nHost: h\r\n\r\n"
      "GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(holds(3));
  release(2, "fourth");
  release(1, "second");
  release(0, "first");
  for (const std::string_view expected : {"first", "second", "hello", "fourth"}) {
    EXPECT_EQ(client.read_response().body, expected);
  }
}

TEST_F(ServerTest, MorePipelinedRequestsThanAreKeptWaitForTheirTurn) {
  start();
  TestClient client = this->client();
  std::string requests = "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n";
  for (int i = 0; i < 500; ++i) requests += post(std::to_string(i));
  ASSERT_TRUE(client.send(requests));
  ASSERT_TRUE(holds(1));
  release(0, "first");
  EXPECT_EQ(client.read_response().body, "first");
  for (int i = 0; i < 500; ++i) ASSERT_EQ(client.read_response().body, std::to_string(i));
}

// Gathers the requests of a round and answers them in the next, like a service that hands a batch
// to another thread.
class GatheringService final : public Service {
 public:
  explicit GatheringService(std::atomic<int>& left_lying) : left_lying_(left_lying) {}

  void install(Router& router, net::EventLoop& loop) override {
    router.add(Method::kGet, "/gathered", [this, &loop](const Request&, Exchange exchange) {
      gathered_.push_back({.exchange = exchange, .round = loop.now()});
    });
    loop.at_end_of_round([this, &loop] {
      for (const Gathered& each : gathered_) {
        if (each.round != loop.now()) ++left_lying_;
        loop.post([exchange = each.exchange] {
          exchange.respond({.status = 200, .content_type = {}, .body = "x", .extra_headers = {}});
        });
      }
      gathered_.clear();
    });
  }

 private:
  struct Gathered {
    Exchange exchange;
    base::Nanos round;  // its start time; no two rounds have the same
  };
  std::atomic<int>& left_lying_;  // requests that waited for a later round
  std::vector<Gathered> gathered_;
};

TEST_F(ServerTest, ALongPipelineReachesItsServiceInTheSameRound) {
  std::atomic<int> left_lying = 0;
  auto server = Server::open(
      {.address = {.host = "127.0.0.1", .port = 0, .unix_path = {}},
       .threads = 1,
       .limits = {},
       .tls = nullptr},
      {[&left_lying] { return std::make_unique<GatheringService>(left_lying); }}, clock_, log_);
  ASSERT_TRUE(server) << server.error().message();
  (*server)->serve();
  TestClient client((*server)->address());
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += "GET /gathered HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 500; ++i) ASSERT_EQ(client.read_response().body, "x") << i;
  EXPECT_EQ(left_lying, 0);
}

TEST_F(ServerTest, TheServerStopsReadingAClientThatNeverReads) {
  start();
  TestClient greedy(server_->address(), 4096);
  TestClient other = client();
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
  std::string_view unsent = requests;
  // More than the buffers of the system and the server can hold.
  constexpr std::size_t kTooMuch = std::size_t{64} << 20;
  int refused_in_a_row = 0;
  while (refused_in_a_row < 100 && server_->stats().received_bytes < kTooMuch) {
    refused_in_a_row = greedy.send_some(unsent) ? 0 : refused_in_a_row + 1;
    if (unsent.empty()) unsent = requests;
    if (refused_in_a_row == 0) continue;
    ASSERT_TRUE(other.get("/hello"));  // the loop has run rounds since
    ASSERT_EQ(other.read_response().body, "hello");
  }
  EXPECT_EQ(refused_in_a_row, 100);
}

TEST_F(ServerTest, AClientThatSendsWithoutPauseDoesNotStarveTheOthers) {
  start();
  TestClient greedy = client();
  std::atomic<bool> is_over = false;
  std::thread sender([&] {
    std::string requests;
    for (int i = 0; i < 50'000; ++i) requests += "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
    while (!is_over && greedy.send(requests)) {
    }
  });
  std::thread reader([&] {
    std::vector<char> bytes(std::size_t{1} << 20);
    while (::recv(greedy.fd(), bytes.data(), bytes.size(), 0) > 0) {
    }
  });
  ASSERT_TRUE(eventually([&] { return server_->stats().received_bytes > 1 << 20; }));
  TestClient other = client();
  for (int i = 0; i < 20; ++i) {
    other.get("/hello");
    EXPECT_EQ(other.read_response().body, "hello");
  }
  is_over = true;
  ::shutdown(greedy.fd(), SHUT_RDWR);
  sender.join();
  reader.join();
}

TEST_F(ServerTest, RequestsThatWaitedForTheirAnswersToBeReadAreAllAnswered) {
  start();
  TestClient client(server_->address(), 4096);
  constexpr int kCount = 20'000;
  std::thread sender([&client] {
    std::string requests;
    for (int i = 0; i < kCount; ++i) requests += post(std::to_string(i));
    EXPECT_TRUE(client.send(requests));
  });
  for (int i = 0; i < kCount; ++i) {
    const TestResponse response = client.read_response();
    EXPECT_EQ(response.body, std::to_string(i));
    if (response.body != std::to_string(i)) break;
  }
  ::shutdown(client.fd(), SHUT_WR);
  sender.join();
}

TEST_F(ServerTest, AnswersThatNobodyReadsAreBoundedAndTheOthersAreServed) {
  start({.buffered_answer_bytes = 3 * kLargeBytes});
  std::vector<TestClient> stuck;
  for (int i = 0; i < 20; ++i) {
    stuck.emplace_back(server_->address(), 4096);
    ASSERT_TRUE(stuck.back().get("/large"));
    TestClient reader = client();
    ASSERT_TRUE(reader.get("/large"));
    ASSERT_EQ(reader.read_response().body.size(), kLargeBytes);
    ASSERT_LE(server_->stats().buffered_answer_bytes, 3 * kLargeBytes + kLargeBytes);
  }
  EXPECT_TRUE(eventually([&] { return server_->stats().connections_dropped >= 17; }));
  EXPECT_TRUE(eventually([&] { return server_->stats().connections_open <= 3; }));
  EXPECT_GE(server_->stats().connections_open, 2U);
}

TEST_F(ServerTest, AnswersThatNobodyReadsAreBoundedOverSeveralLoops) {
  start({.buffered_answer_bytes = 4 * kLargeBytes}, 2);
  const auto stuck = unread(20, "/large");
  EXPECT_TRUE(eventually([&] {
    const Server::Stats stats = server_->stats();
    return stats.requests == 20 && stats.buffered_answer_bytes <= 4 * kLargeBytes;
  }));
  EXPECT_GE(server_->stats().connections_dropped, 14U);
}

TEST_F(ServerTest, AClientThatHoldsLittleOutlivesThoseThatHoldMuch) {
  start({.buffered_answer_bytes = 3 * kLargeBytes});
  TestClient slow(server_->address(), 4096);
  ASSERT_TRUE(slow.get("/page"));
  const auto stuck = unread(10, "/large");
  EXPECT_TRUE(eventually([&] { return server_->stats().connections_dropped >= 7; }));
  EXPECT_EQ(slow.read_response().body.size(), kLargeBytes);
}

TEST_F(ServerTest, AnAnswerLargerThanTheBoundReachesItsClient) {
  start({.buffered_answer_bytes = 1});
  TestClient client = this->client();
  ASSERT_TRUE(client.get("/big"));
  EXPECT_EQ(client.read_response().body.size(), big().size());
  EXPECT_EQ(server_->stats().connections_dropped, 0U);
}

TEST_F(ServerTest, APipelineIsAnsweredWholeWhileUnreadAnswersTakeMostMemory) {
  start({.buffered_answer_bytes = 4 * kLargeBytes});
  const auto stuck = unread(3, "/large");
  ASSERT_TRUE(eventually([&] { return server_->stats().buffered_answer_bytes > 2 * kLargeBytes; }));
  TestClient client = this->client();
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 500; ++i) ASSERT_EQ(client.read_response().body, "hello") << i;
  EXPECT_EQ(server_->stats().connections_dropped, 0U);
}

TEST_F(ServerTest, TheMemoryOfAnswersIsFreeOnceTheyAreReadOrTheirClientsLeave) {
  start();
  auto clients = unread(4, "/large");
  ASSERT_TRUE(eventually([&] { return server_->stats().buffered_answer_bytes > 2 * kLargeBytes; }));
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_EQ(clients[i].read_response().body.size(), kLargeBytes);
  for (std::size_t i = 2; i < 4; ++i) clients[i].abort();
  EXPECT_TRUE(eventually([&] { return server_->stats().buffered_answer_bytes == 0; }));
}

TEST_F(ServerTest, AConstantBodyIsSentFromWhereItIs) {
  start();
  auto clients = unread(8, "/page");
  ASSERT_TRUE(eventually([&] { return server_->stats().requests == 8; }));
  EXPECT_LT(server_->stats().buffered_answer_bytes, 64U * 1024);
  for (TestClient& client : clients) ASSERT_EQ(client.read_response().body, large());
}

TEST_F(ServerTest, ConstantBodiesKeepTheirPlaceInAPipeline) {
  start();
  TestClient client = this->client();
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  for (const std::string_view path : {"/page", "/hello", "/page", "/hello"}) client.get(path);
  client.send("HEAD /page HTTP/1.1\r\nHost: h\r\n\r\n");
  client.get("/hello");
  ASSERT_TRUE(holds(1));
  release(0, "first");
  EXPECT_EQ(client.read_response().body, "first");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client.read_response().body, large());
    EXPECT_EQ(client.read_response().body, "hello");
  }
  EXPECT_EQ(client.read_response(true).header("Content-Length"), std::to_string(kLargeBytes));
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST_F(ServerTest, UnfinishedRequestsBeyondTheirBoundGet503AndTheOthersGoOn) {
  // The server raises a bound that is below one body of the largest size. This bound is above it.
  start({.body_bytes = 100'000, .buffered_request_bytes = 400'000});
  const std::string request = post(std::string(90'000, 'x'));
  const std::string_view all_but_one_byte = std::string_view(request).substr(0, request.size() - 1);
  std::vector<TestClient> clients;
  for (std::size_t i = 0; i < 4; ++i) {
    clients.push_back(client());
    ASSERT_TRUE(clients.back().send(all_but_one_byte));
    ASSERT_TRUE(eventually(
        [&] { return server_->stats().received_bytes == (i + 1) * all_but_one_byte.size(); }));
  }
  TestClient fifth = client();
  ASSERT_TRUE(fifth.send(all_but_one_byte));
  const TestResponse refused = fifth.read_response();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_TRUE(fifth.sees_the_end());

  TestClient whole = client();
  whole.get("/hello");  // arrives in one piece, so it needs no room
  EXPECT_EQ(whole.read_response().status, 200);
  for (TestClient& each : clients) {
    each.send("x");
    EXPECT_EQ(each.read_response().status, 200);
  }
  for (int i = 0; i < 5; ++i) {  // one after another: each gives its room back
    TestClient next = client();
    next.send(all_but_one_byte);
    next.send("x");
    EXPECT_EQ(next.read_response().status, 200);
  }
}

TEST_F(ServerTest, UnfinishedRequestsOfClientsThatLeaveTakeNoRoom) {
  start({.body_bytes = 100'000, .buffered_request_bytes = 400'000});
  const std::string chunk = fmt::format("{:x}\r\n{}\r\n", 90'000, std::string(90'000, 'x'));
  const std::string unfinished =
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk;
  for (std::size_t i = 0; i < 10; ++i) {
    TestClient client = this->client();
    ASSERT_TRUE(client.send(unfinished));
    ASSERT_TRUE(
        eventually([&] { return server_->stats().received_bytes == (i + 1) * unfinished.size(); }));
    client.abort();
    ASSERT_TRUE(eventually([&] { return server_->stats().connections_open == 0; }));
  }
  EXPECT_EQ(server_->stats().responses_by_class[5], 0U);
}

TEST_F(ServerTest, ABodyOfTheLargestSizeIsTakenUnderAnyBoundOfUnfinishedRequests) {
  start({.body_bytes = std::size_t{1} << 20, .buffered_request_bytes = 1});
  TestClient client = this->client();
  client.send(post(std::string(std::size_t{1} << 20, 'x')));
  EXPECT_EQ(client.read_response().status, 200);
}

TEST_F(ServerTest, AnAnswerAfterTheFirstIsIgnored) {
  start();
  TestClient client = this->client();
  client.get("/hold");
  ASSERT_TRUE(holds(1));
  release(0, "first");
  release(0, "again");
  EXPECT_EQ(client.read_response().body, "first");
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST_F(ServerTest, AnsweringAClientThatHasGoneIsHarmless) {
  start();
  TestClient client = this->client();
  client.get("/hold");
  ASSERT_TRUE(holds(1));
  client.abort();
  ASSERT_TRUE(eventually([&] { return server_->stats().connections_open == 0; }));
  TestClient next = this->client();  // takes the slot of the first
  next.get("/hold");
  ASSERT_TRUE(holds(2));
  release(0, "to nobody");
  release(1, "to the second");
  EXPECT_EQ(next.read_response().body, "to the second");
}

TEST_F(ServerTest, HeadHasTheLengthOfGetAndNoBody) {
  start();
  TestClient client = this->client();
  client.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  const TestResponse response = client.read_response(true);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Length"), "5");
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST_F(ServerTest, ABodyArrivingByteByByteIsWhole) {
  start();
  TestClient client = this->client();
  for (const char c : post("one byte at a time")) ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(client.read_response().body, "one byte at a time");
}

TEST_F(ServerTest, ALargeBodyComesBackWhole) {
  start();
  TestClient client = this->client();
  std::string body(std::size_t{3} << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 4096) {
    body[i] = static_cast<char>('a' + i / 4096 % 26);
  }
  ASSERT_TRUE(client.send(post(body)));
  EXPECT_EQ(client.read_response().body, body);
}

TEST_F(ServerTest, AChunkedBodyIsJoinedAndTheNextRequestFollows) {
  start();
  TestClient client = this->client();
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x\r\n "
      "world\r\n0\r\nT: t\r\n\r\n";
  client.send(request + request);
  EXPECT_EQ(client.read_response().body, "hello world");
  EXPECT_EQ(client.read_response().body, "hello world");
  for (const char c : request) ASSERT_TRUE(client.send({&c, 1}));
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello world");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST_F(ServerTest, AClientThatWaitsForContinueGetsIt) {
  start();
  for (const bool chunked : {false, true}) {
    TestClient client = this->client();
    client.send(fmt::format("POST /echo HTTP/1.1\r\nHost: h\r\n{}\r\nExpect: 100-continue\r\n\r\n",
                            chunked ? "Transfer-Encoding: chunked" : "Content-Length: 5"));
    EXPECT_EQ(client.read_through("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(chunked ? "5\r\nhello\r\n0\r\n\r\n" : "hello");
    const TestResponse response = client.read_response();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello");
    client.get("/hello");
    EXPECT_EQ(client.read_response().body, "hello");
  }
}

TEST_F(ServerTest, AClientGetsContinueAfterTheAnswersBeforeIt) {
  start();
  TestClient client = this->client();
  client.send(
      "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(holds(1));
  release(0, "held");
  EXPECT_EQ(client.read_response().body, "held");
  EXPECT_EQ(client.read_through("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST_F(ServerTest, AClientThatDoesNotWaitForContinueDoesNotGetIt) {
  start();
  TestClient client = this->client();
  client.send(post("hello", "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.read_response().status, 200);
}

TEST_F(ServerTest, ABodyTooLargeIsRefusedBeforeItIsAskedFor) {
  start({.body_bytes = 10});
  TestClient client = this->client();
  client.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 413);
  EXPECT_TRUE(client.sees_the_end());
}

TEST_F(ServerTest, TheAnswerToABodyTooLargeReachesAClientThatIsStillSending) {
  start({.body_bytes = 1000});
  const std::string body(std::size_t{1} << 20, 'x');
  for (const std::string& request :
       {post(body),
        fmt::format("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "{:x}\r\n{}\r\n0\r\n\r\n",
                    body.size(), body)}) {
    TestClient client = this->client();
    EXPECT_TRUE(client.send(request));
    const TestResponse response = client.read_response();
    EXPECT_EQ(response.status, 413);
    EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
    EXPECT_EQ(response.header("Connection"), "close");
    EXPECT_TRUE(client.sees_the_end());
    EXPECT_FALSE(client.was_reset());
  }
}

TEST_F(ServerTest, ABodyOfExactlyTheLimitIsTaken) {
  start({.body_bytes = 1000});
  TestClient client = this->client();
  client.send(post(std::string(1000, 'x')));
  EXPECT_EQ(client.read_response().status, 200);
}

TEST_F(ServerTest, AMalformedRequestGetsAProblemAndTheConnectionIsClosed) {
  start();
  for (const auto& [request, status] : std::vector<std::pair<std::string, int>>{
           {"nonsense\r\n\r\n", 400},
           {"GET / HTTP/1.1\nHost: h\n\n", 400},
           {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
           {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
            400},
           {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: "
            "chunked\r\n\r\n0\r\n\r\n",
            400},
           {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
           {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", 431}}) {
    TestClient client = this->client();
    client.send(request);
    const TestResponse response = client.read_response();
    EXPECT_EQ(response.status, status) << request.substr(0, 100);
    EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
    EXPECT_NE(response.body.find(fmt::format("\"status\":{}", status)), std::string::npos);
    EXPECT_TRUE(client.sees_the_end());
  }
}

TEST_F(ServerTest, ARequestForAnotherHostGets421AndTheConnectionGoesOn) {
  hosts_ = AllowedHosts::loopback();
  start();
  TestClient client = this->client();
  client.send("GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  const TestResponse refused = client.read_response();
  EXPECT_EQ(refused.status, 421);
  EXPECT_TRUE(refused.head.starts_with("HTTP/1.1 421 Misdirected Request\r\n"));
  EXPECT_EQ(refused.header("Content-Type"), "application/problem+json");
  EXPECT_NE(refused.body.find("--allowed-hosts"), std::string::npos);
  client.send("GET /nowhere HTTP/1.1\r\nHost:\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 421);
  client.send("HEAD /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_EQ(client.read_response(true).status, 421);
  client.send("POST /echo HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(client.read_response().status, 421);
  client.send(
      "POST /echo HTTP/1.1\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2\r\nhi\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 421);
  client.send("GET /hello HTTP/1.1\r\nHost: localhost:8080\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST_F(ServerTest, TheAuthorityOfATargetOverridesHost) {
  hosts_ = AllowedHosts::loopback();
  start();
  TestClient client = this->client();
  client.send("GET http://evil.example/hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 421);
  client.send("GET http://localhost:1/hello HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
}

TEST_F(ServerTest, AnHttp10RequestWithoutHostIsTakenAndOneOfHttp11IsMalformed) {
  hosts_ = AllowedHosts::loopback();
  start();
  TestClient old = client();
  old.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.read_response().status, 200);
  TestClient other = client();
  other.send("GET /hello HTTP/1.0\r\nHost: evil.example\r\n\r\n");
  EXPECT_EQ(other.read_response().status, 421);
  TestClient now = client();
  now.send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_EQ(now.read_response().status, 400);
}

TEST_F(ServerTest, ARequestBeforeAMalformedOneIsStillAnswered) {
  start();
  TestClient client = this->client();
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n");
  ASSERT_TRUE(holds(1));
  release(0, "first");
  EXPECT_EQ(client.read_response().body, "first");
  EXPECT_EQ(client.read_response().status, 400);
  EXPECT_TRUE(client.sees_the_end());
}

TEST_F(ServerTest, AClientThatHasSentItsEndStillGetsItsAnswers) {
  start();
  TestClient client = this->client();
  client.send("GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  client.finish_sending();
  ASSERT_TRUE(holds(1));
  release(0, "held");
  EXPECT_EQ(client.read_response().body, "later");
  EXPECT_EQ(client.read_response().body, "held");
  EXPECT_TRUE(client.sees_the_end());
}

TEST_F(ServerTest, AClientThatHasSentItsEndGetsAllOfALongAnswer) {
  start();
  TestClient client(server_->address(), 4096);
  client.get("/big");
  client.finish_sending();
  const TestResponse response = client.read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.size(), big().size());
  EXPECT_TRUE(client.sees_the_end());
}

TEST_F(ServerTest, AClientThatLeavesAmidARequestIsForgotten) {
  start();
  for (const std::string_view part :
       {"GET /hel", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"}) {
    TestClient client = this->client();
    client.send(part);
    client.finish_sending();
    EXPECT_TRUE(client.sees_the_end());
  }
  EXPECT_EQ(server_->stats().requests, 0U);
}

TEST_F(ServerTest, ASlowRequestGets408AndIsCutOff) {
  start({.receive = 50ms});
  for (const std::string_view part :
       {"GET /hello HT", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"}) {
    TestClient client = this->client();
    client.send(part);
    EXPECT_EQ(client.read_response().status, 408) << part;
    EXPECT_TRUE(client.sees_the_end());
  }
}

TEST_F(ServerTest, ASlowChunkedBodyGets408AsWell) {
  start({.receive = 50ms, .idle = 2s});
  TestClient client = this->client();
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf");
  EXPECT_EQ(client.read_response().status, 408);
  EXPECT_TRUE(client.sees_the_end());
}

TEST_F(ServerTest, ASlowRequestDoesNotCostTheAnswersBeforeIt) {
  start({.receive = 50ms});
  TestClient client = this->client();
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\nGET /hel");
  ASSERT_TRUE(holds(1));
  ASSERT_TRUE(eventually([&] { return server_->stats().responses_by_class[4] == 1; }));
  release(0, "held");
  EXPECT_EQ(client.read_response().body, "held");
  EXPECT_EQ(client.read_response().status, 408);
}

TEST_F(ServerTest, AnIdleConnectionIsClosedWithoutAnAnswer) {
  start({.idle = 500ms});
  TestClient silent = client();
  EXPECT_TRUE(silent.sees_the_end());
  TestClient served = client();
  served.get("/hello");
  EXPECT_EQ(served.read_response().status, 200);
  EXPECT_TRUE(served.sees_the_end());
}

TEST_F(ServerTest, AConnectionWhoseAnswerIsDueIsNotIdle) {
  start({.receive = 500ms, .idle = 500ms});
  TestClient waiting = client();
  waiting.get("/hold");
  ASSERT_TRUE(holds(1));
  TestClient idle = client();  // the sweep that closes it has checked the first one too
  EXPECT_TRUE(idle.sees_the_end());
  release(0, "held");
  EXPECT_EQ(waiting.read_response().body, "held");
}

TEST_F(ServerTest, AClientThatDoesNotReadItsAnswerIsClosed) {
  start({.send_stall = 50ms});
  TestClient client(server_->address(), 4096);
  client.get("/big");
  EXPECT_TRUE(eventually([&] {
    const Server::Stats stats = server_->stats();
    return stats.connections_accepted == 1 && stats.connections_open == 0;
  }));
  EXPECT_LT(server_->stats().sent_bytes, big().size());
}

TEST_F(ServerTest, OneConnectionTooManyIsRefusedAndTheOthersAreNotHurt) {
  start({.connections = 2});
  TestClient first = client();
  TestClient second = client();
  for (TestClient* each : {&first, &second}) {
    each->get("/hello");
    EXPECT_EQ(each->read_response().status, 200);
  }
  TestClient third = client();
  const TestResponse refused = third.read_response();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_TRUE(third.sees_the_end());
  first.get("/hello");
  EXPECT_EQ(first.read_response().status, 200);
  EXPECT_EQ(server_->stats().connections_refused, 1U);

  second.close();
  ASSERT_TRUE(eventually([&] { return server_->stats().connections_open == 1; }));
  TestClient fourth = client();
  fourth.get("/hello");
  EXPECT_EQ(fourth.read_response().status, 200);
}

TEST_F(ServerTest, ManyConnectionsOverSeveralLoopsAreAllServed) {
  start({}, 3);
  std::vector<TestClient> clients;
  for (int i = 0; i < 60; ++i) {
    clients.emplace_back(server_->address());
    ASSERT_TRUE(clients.back().get("/hello"));
  }
  for (TestClient& each : clients) EXPECT_EQ(each.read_response().body, "hello");
  const Server::Stats stats = server_->stats();
  EXPECT_EQ(stats.connections_accepted, 60U);
  EXPECT_EQ(stats.connections_open, 60U);
  EXPECT_EQ(stats.requests, 60U);
  EXPECT_EQ(stats.responses_by_class[2], 60U);
}

// Many connections are open and few send at a time, so the server coalesces their requests.
class CoalescingTest : public ServerTest {
 protected:
  static constexpr std::size_t kClients = 64;
  static constexpr std::size_t kAtATime = 8;

  void SetUp() override {
    coalesce_for_ = 100us;
    start();
    for (std::size_t i = 0; i < kClients; ++i) clients_.push_back(client());
    ASSERT_TRUE(eventually([this] {
      ask();
      expect_answers();
      return HasFailure() || server_->stats().coalesced_rounds > 20;
    }));
  }
  // The loop waits until all requests have arrived, so that one round has them.
  void ask() {
    std::promise<void> sent;
    loop_->post([all_sent = sent.get_future().share()] { all_sent.wait(); });
    for (std::size_t i = 0; i < kAtATime; ++i) EXPECT_TRUE(next(i).get("/hello"));
    sent.set_value();
    requests_ += kAtATime;
  }
  void expect_answers() {
    for (std::size_t i = 0; i < kAtATime; ++i) EXPECT_EQ(next(i).read_response().body, "hello");
    first_ += kAtATime;
  }
  TestClient& next(std::size_t i) { return clients_[(first_ + i) % kClients]; }

  std::vector<TestClient> clients_;
  std::size_t first_ = 0;
  std::size_t requests_ = 0;
};

TEST_F(CoalescingTest, AllRequestsAreAnswered) {
  for (int i = 0; i < 50; ++i) {
    ask();
    expect_answers();
  }
  EXPECT_EQ(server_->stats().requests, requests_);
}

TEST_F(CoalescingTest, StoppingAnswersEveryReceivedRequest) {
  ask();
  server_->stop(5s);
  expect_answers();
}

TEST_F(ServerTest, RequestsOfClientsThatWaitForTheirAnswersAreNotHeldBack) {
  coalesce_for_ = 5ms;
  start();
  std::vector<TestClient> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(client());
  std::vector<TestClient> idle;
  for (int i = 0; i < 100; ++i) idle.push_back(client());
  for (int wave = 0; wave < 200; ++wave) {
    for (TestClient& each : clients) ASSERT_TRUE(each.get("/hello"));
    for (TestClient& each : clients) EXPECT_EQ(each.read_response().body, "hello");
  }
  EXPECT_EQ(server_->stats().coalesced_rounds, 0U);
}

TEST_F(ServerTest, AStreamSendsUntilTheClientLeaves) {
  start();
  TestClient client = this->client();
  client.get("/stream");
  ASSERT_TRUE(holds(1));
  const TestResponse response = client.read_response(true);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(response.header("Content-Length"), "");
  for (const std::string_view event : {"data: 1\n\n", "data: 2\n\n"}) {
    EXPECT_TRUE(in_loop(*loop_, [&] { return held_[0].send(event); }));
    EXPECT_EQ(client.read_through("\n\n"), event);
  }
  client.close();
  EXPECT_TRUE(eventually(
      [&] { return !in_loop(*loop_, [this] { return held_[0].send("data: 3\n\n"); }); }));
}

TEST_F(ServerTest, AStreamIsNotIdle) {
  start({.receive = 500ms, .idle = 500ms});
  TestClient streaming = client();
  streaming.get("/stream");
  ASSERT_TRUE(holds(1));
  TestClient idle = client();
  EXPECT_TRUE(idle.sees_the_end());
  EXPECT_TRUE(in_loop(*loop_, [this] { return held_[0].send("data: 1\n\n"); }));
  EXPECT_NE(streaming.read_through("data: 1\n\n"), "");
}

TEST_F(ServerTest, AnEventLargerThanAStreamsBacklogReachesAClientThatReads) {
  start();
  TestClient client = this->client();
  client.get("/stream");
  ASSERT_TRUE(holds(1));
  EXPECT_EQ(client.read_response(true).status, 200);
  const std::string event = "data: " + std::string(std::size_t{3} << 20, 'e') + "\n\n";
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(in_loop(*loop_, [&] { return held_[0].send(event); }));
    EXPECT_EQ(client.read_through("\n\n").size(), event.size());
  }
}

TEST_F(ServerTest, AStreamWhoseClientDoesNotReadIsCutWhenItsBacklogIsFull) {
  start();
  TestClient client(server_->address(), 4096);
  client.get("/stream");
  ASSERT_TRUE(holds(1));
  const std::string event(64 * 1024, 'e');
  // More than the kernel's buffers and the backlog of 1 MiB can hold.
  bool is_taken = true;
  for (int i = 0; is_taken && i < 4096; ++i) {
    is_taken = in_loop(*loop_, [&] { return held_[0].send(event); });
  }
  EXPECT_FALSE(is_taken);
  EXPECT_TRUE(eventually([&] { return server_->stats().connections_open == 0; }));
}

TEST_F(ServerTest, NothingIsSentOnceSendingHasFailed) {
  start();
  TestClient client(server_->address(), 4096);
  client.get("/stream");
  ASSERT_TRUE(holds(1));
  EXPECT_FALSE(in_loop(*loop_, [this] {
    while (held_[0].send(std::string(64 * 1024, 'e'))) {
    }
    return held_[0].send("");
  }));
}

TEST_F(ServerTest, AStreamAskedForBehindAnUnansweredRequestDoesNotHang) {
  start();
  TestClient client = this->client();
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\nGET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(holds(2));
  release(0, "first");
  EXPECT_EQ(client.read_response().body, "first");
  EXPECT_NE(client.read_response(true).status, 0);  // a stream or a refusal, but an answer
}

TEST_F(ServerTest, HeadOfAStreamEndsAtOnce) {
  start();
  TestClient client = this->client();
  client.send("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read_response(true).status, 200);
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST_F(ServerTest, AnAddressThatIsTakenIsAnErrorThatNamesIt) {
  start();
  const auto second =
      Server::open({.address = server_->address(), .threads = 1, .limits = {}, .tls = nullptr}, {},
                   clock_, log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), base::Code::kAlreadyExists);
  EXPECT_NE(second.error().message().find(server_->address().to_string()), std::string::npos);
}

TEST_F(ServerTest, APortIsNotSharedWithAnotherServerHoweverManyLoopsTheyHave) {
  for (const unsigned threads : {1U, 2U}) {
    start({}, threads);
    for (const unsigned others : {1U, 2U}) {
      const auto second = Server::open(
          {.address = server_->address(), .threads = others, .limits = {}, .tls = nullptr}, {},
          clock_, log_);
      ASSERT_FALSE(second) << threads << ' ' << others;
      EXPECT_EQ(second.error().code(), base::Code::kAlreadyExists);
    }
  }
}

TEST_F(ServerTest, AServerStartsAgainOnThePortThatAnotherLeft) {
  start({}, 2);
  const net::Address address = server_->address();
  TestClient client = this->client();
  client.send("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_TRUE(client.sees_the_end());  // the server's side is now in TIME_WAIT
  server_.reset();
  start({}, 2, address);
  EXPECT_EQ(server_->address().to_string(), address.to_string());
}

TEST_F(ServerTest, StoppingFinishesRequestsThatAreBeingAnswered) {
  start();
  TestClient busy = client();
  busy.get("/hold");
  TestClient idle = client();
  idle.get("/hello");
  EXPECT_EQ(idle.read_response().status, 200);
  ASSERT_TRUE(holds(1));
  std::thread stopper([this] { server_->stop(kTestDeadline); });
  EXPECT_TRUE(idle.sees_the_end());
  EXPECT_FALSE(client().is_connected());
  release(0, "the last");
  const TestResponse response = busy.read_response();
  EXPECT_EQ(response.body, "the last");
  EXPECT_EQ(response.header("Connection"), "close");
  EXPECT_TRUE(busy.sees_the_end());
  stopper.join();
}

TEST_F(ServerTest, StoppingAnswersARequestInTransit) {
  start();
  TestClient sending = client();
  sending.get("/hello");
  EXPECT_EQ(sending.read_response().status, 200);
  const std::string request = post("late but whole");
  sending.send(request.substr(0, 20));
  ASSERT_TRUE(eventually([&] { return server_->stats().received_bytes > 40; }));
  TestClient idle = client();
  idle.get("/hello");
  EXPECT_EQ(idle.read_response().status, 200);
  std::thread stopper([this] { server_->stop(kTestDeadline); });
  EXPECT_TRUE(idle.sees_the_end());
  sending.send(request.substr(20));
  EXPECT_EQ(sending.read_response().body, "late but whole");
  EXPECT_TRUE(sending.sees_the_end());
  stopper.join();
}

TEST_F(ServerTest, StoppingWithoutPatienceClosesAtOnce) {
  start();
  TestClient client = this->client();
  client.get("/hold");
  ASSERT_TRUE(holds(1));
  server_->stop(0s);
  EXPECT_TRUE(client.sees_the_end());
}

TEST_F(ServerTest, StoppingEndsStreams) {
  start();
  TestClient client = this->client();
  client.get("/stream");
  ASSERT_TRUE(holds(1));
  server_->stop(kTestDeadline);
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 200 OK"));
}

TEST_F(ServerTest, StoppingTwiceIsStoppingOnce) {
  start();
  server_->stop(0s);
  server_->stop(0s);
}

class UnixSocketTest : public ServerTest {
 protected:
  [[nodiscard]] net::Address address() const {
    return {.host = {}, .port = 0, .unix_path = folder_ / "s.sock"};
  }
  base::test::TempFolder folder_;
};

TEST_F(UnixSocketTest, AFileAtTheSocketsPathIsKeptAndNamed) {
  base::test::write_file(address().unix_path, "somebody's");
  const base::SystemClock clock;
  base::Logger log(clock, {});
  const auto opened = Server::open(
      {.address = address(), .threads = 1, .limits = {}, .tls = nullptr}, {}, clock, log);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("s.sock"), std::string::npos);
  EXPECT_EQ(base::test::read_file(address().unix_path), "somebody's");
}

TEST_F(UnixSocketTest, AUnixSocketServesLikeATcpPort) {
  start({}, 4, address());
  TestClient client(server_->address());
  client.send(post("over a file"));
  EXPECT_EQ(client.read_response().body, "over a file");
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST_F(UnixSocketTest, ASocketLeftBehindDoesNotKeepTheNextServerFromStarting) {
  start({}, 1, address());
  server_->stop(0s);
  start({}, 1, address());
  TestClient client(server_->address());
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST_F(UnixSocketTest, ASocketInUseIsNotTakenAway) {
  start({}, 1, address());
  const auto second = Server::open(
      {.address = address(), .threads = 1, .limits = {}, .tls = nullptr}, {}, clock_, log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), base::Code::kAlreadyExists);
  TestClient client(server_->address());
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
}

// Makes a server run out of file descriptors, then stops it. Ends the process.
[[noreturn]] void run_out_of_files_and_stop() {
  int log_pipe[2];
  if (::pipe(log_pipe) != 0) std::_Exit(2);
  const base::SystemClock clock;
  base::Logger log(
      clock, {.level = base::LogLevel::kInfo, .format = base::LogFormat::kText, .fd = log_pipe[1]});
  auto server = Server::open({.address = {.host = "127.0.0.1", .port = 0, .unix_path = {}},
                              .threads = 1,
                              .limits = {},
                              .tls = nullptr},
                             {}, clock, log);
  if (!server) std::_Exit(3);
  (*server)->serve();
  const auto peers = net::resolve((*server)->address());
  const net::Resolved& peer = peers->front();
  const base::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const rlimit limit{.rlim_cur = static_cast<rlim_t>(client.get()) + 1,
                     .rlim_max = static_cast<rlim_t>(client.get()) + 1};
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (::connect(client.get(), reinterpret_cast<const sockaddr*>(peer.storage), peer.size) != 0) {
    std::_Exit(4);
  }
  char line[256];
  const auto count = ::read(log_pipe[0], line, sizeof line);  // "out of file descriptors ..."
  if (count <= 0 ||
      std::string_view(line, static_cast<std::size_t>(count)).find("out of file descriptors") ==
          std::string_view::npos) {
    std::_Exit(5);
  }
  (*server)->stop(0s);
  std::_Exit(0);
}

#ifdef __SANITIZE_ADDRESS__
constexpr bool kHasSanitizer = true;
#else
constexpr bool kHasSanitizer = false;
#endif

TEST(ServerDeathTest, StoppingWhileOutOfFileDescriptorsIsNotACrash) {
  if (kHasSanitizer) GTEST_SKIP() << "the sanitizers' own checks need file descriptors";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(run_out_of_files_and_stop(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace http
