#include "estadio/load/generator.h"

#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "estadio/contest/test_world.h"
#include "estadio/load/entries.h"
#include "estadio/load/target.h"
#include "estadio/load/test_scripted_server.h"

namespace estadio::load {
namespace {

using base::Nanos;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Arrival = ScriptedServer::Arrival;
using Errors = std::map<std::string, std::uint64_t, std::less<>>;

const base::SystemClock kClock;

// A generator with its dependencies, which sends to `url`.
struct Rig {
  Rig(const std::string& url, const Generator::Options& options,
      const std::string& faculty = "Ingeniería")
      : target(*Target::parse(url)),
        peer{.addresses = *net::resolve(target.address), .tls = nullptr, .name = {}},
        entries(Entries::of_contest({faculty}, {1, 2, 3})),
        writer(entries, target,
               {.batch = options.schedule.batch, .gives_ids = options.retries, .seed = 7}, kClock),
        start_barrier(1, kClock),
        generator(options, {.peer = peer,
                            .writer = writer,
                            .answered_ids = answered_ids,
                            .start_barrier = start_barrier,
                            .clock = kClock}) {}

  Target target;
  http::ClientConnection::Peer peer;
  Entries entries;
  RequestWriter writer;
  AnsweredIds answered_ids;
  StartBarrier start_barrier;
  Generator generator;
};

Generator::Options open_loop(std::int64_t rate, Nanos duration, std::int64_t connections) {
  return {.schedule = {.rate = rate, .duration = duration}, .connections = connections};
}

Measurements run(const ScriptedServer& server, const Generator::Options& options) {
  Rig rig(server.url(), options);
  auto measured = rig.generator.run();
  EXPECT_TRUE(measured) << measured.error().message();
  return measured ? *std::move(measured) : Measurements{};
}

std::uint64_t count_above(const base::Histogram& histogram, Nanos bound) {
  return histogram.count() - histogram.count_at_most(bound);
}

TEST(GeneratorTest, AnOpenLoopSendsExactlyWhatWasPlanned) {
  const ScriptedServer server(ScriptedServer::accept);
  const Measurements measured = run(server, open_loop(2000, milliseconds(300), 8));
  EXPECT_EQ(measured.requests, 600U);
  EXPECT_EQ(measured.answered, 600U);
  EXPECT_EQ(measured.accepted_entries, 600U);
  EXPECT_EQ(measured.errors, Errors{});
  EXPECT_EQ(measured.latency.count(), 600U);
  EXPECT_EQ(measured.service.count(), 600U);
  EXPECT_EQ(measured.late.count(), 600U);
  EXPECT_EQ(server.arrivals().size(), 600U);
  EXPECT_EQ(server.connections(), 8);
  EXPECT_GE(measured.ended - measured.started, milliseconds(300));
}

TEST(GeneratorTest, RequestsAreSpreadOverAllConnections) {
  const ScriptedServer server(ScriptedServer::accept);
  run(server, open_loop(1000, milliseconds(200), 8));
  std::map<int, int> by_connection;
  for (const Arrival& arrival : server.arrivals()) ++by_connection[arrival.connection];
  EXPECT_EQ(by_connection.size(), 8U);
}

TEST(GeneratorTest, AStallRaisesTheLatencyOfAllDueRequestsAndTheServiceTimeOfFew) {
  constexpr int kConnections = 4;
  constexpr Nanos kStallFrom = milliseconds(200);
  constexpr Nanos kStallTo = milliseconds(700);
  const ScriptedServer server([&](const Arrival& arrival) {
    auto reply = ScriptedServer::accept(arrival);
    if (arrival.at >= kStallFrom && arrival.at < kStallTo) reply.delay = kStallTo - arrival.at;
    return reply;
  });
  const Measurements measured = run(server, open_loop(1000, seconds(1), kConnections));
  EXPECT_EQ(measured.accepted_entries, 1000U);
  // 500 requests fell due in the stall. Those of its first 400 ms waited for more than 100 ms, and
  // those of its first 100 ms for more than 400 ms.
  EXPECT_GE(measured.latency.max(), milliseconds(490));
  EXPECT_GE(count_above(measured.latency, milliseconds(100)), 390U);
  EXPECT_GE(count_above(measured.latency, milliseconds(400)), 90U);
  // The server delayed only as many requests as there are connections. A machine that pauses for a
  // moment adds a few.
  EXPECT_GE(measured.service.max(), milliseconds(450));
  EXPECT_GE(count_above(measured.service, milliseconds(100)), 1U);
  EXPECT_LE(count_above(measured.service, milliseconds(100)), 50U);
}

TEST(GeneratorTest, WaitingForAServerIsNotTheGeneratorsLateness) {
  const ScriptedServer server([](const Arrival& arrival) {
    auto reply = ScriptedServer::accept(arrival);
    reply.delay = milliseconds(20);
    return reply;
  });
  // Asks for 200 requests a second; one connection can carry 50.
  const Measurements measured = run(server, open_loop(200, milliseconds(200), 1));
  EXPECT_EQ(measured.accepted_entries, 40U);
  EXPECT_GE(measured.latency.max(), milliseconds(500));
  EXPECT_LT(measured.late.quantile(0.5) * 10, measured.latency.quantile(0.5));
}

TEST(GeneratorTest, RequestsNotSentWithinTheGraceAreCounted) {
  const ScriptedServer server([](const Arrival& arrival) {
    auto reply = ScriptedServer::accept(arrival);
    reply.delay = milliseconds(100);
    return reply;
  });
  const Measurements measured = run(server, open_loop(500, milliseconds(200), 1));
  EXPECT_EQ(measured.requests, 100U);
  EXPECT_EQ(measured.accepted_entries, server.arrivals().size());
  EXPECT_LE(measured.accepted_entries, 13U);  // 1.2 s and the last answer
  EXPECT_EQ(measured.errors, (Errors{{"unsent", 100 - measured.accepted_entries}}));
}

TEST(GeneratorTest, AClosedLoopSendsTheNextRequestWhenTheAnswerCame) {
  const ScriptedServer server([](const Arrival& arrival) {
    auto reply = ScriptedServer::accept(arrival);
    reply.delay = milliseconds(10);
    return reply;
  });
  const Measurements measured =
      run(server, {.schedule = {.rate = {}, .duration = milliseconds(300)}, .connections = 3});
  EXPECT_EQ(measured.requests, server.arrivals().size());
  EXPECT_EQ(measured.accepted_entries, measured.requests);
  EXPECT_GE(measured.requests, 3U);
  EXPECT_LE(measured.requests, 3U * 31U);  // each connection one in 10 ms at best
  EXPECT_EQ(measured.errors, Errors{});
  EXPECT_GE(measured.latency.min(), milliseconds(9));
}

TEST(GeneratorTest, WithoutRetriesEveryFaultIsCountedByItsKind) {
  const ScriptedServer server([](const Arrival& arrival) -> ScriptedServer::Reply {
    switch (arrival.number % 8) {
      case 0: return ScriptedServer::refuse(503, "Retry-After: 1\r\n");
      case 1: return ScriptedServer::refuse(422);
      case 2: return {.bytes = {}, .resets = true};
      case 3: return {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", .closes = true};
      case 4: return {.bytes = "nonsense\r\n\r\n"};
      case 5: return {.bytes = {}};  // no answer at all
      default: return ScriptedServer::accept(arrival);
    }
  });
  auto options = open_loop(400, milliseconds(200), 40);
  options.timeout = seconds(2);
  const Measurements measured = run(server, options);
  EXPECT_EQ(measured.requests, 80U);
  EXPECT_EQ(measured.accepted_entries, 20U);
  EXPECT_EQ(measured.answered, 40U);
  EXPECT_EQ(
      measured.errors,
      (Errors{
          {"http_503", 10}, {"http_422", 10}, {"reset", 20}, {"malformed", 10}, {"timeout", 10}}));
}

TEST(GeneratorTest, AKindOfErrorHasItsFirstReason) {
  const ScriptedServer server([](const Arrival& arrival) -> ScriptedServer::Reply {
    const std::string whole = ScriptedServer::accept(arrival).bytes;
    switch (arrival.number) {
      case 0: return {.bytes = whole + whole};
      case 1: return {.bytes = "nonsense\r\n\r\n"};
      case 2: return {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", .closes = true};
      default: return {.bytes = ScriptedServer::answer(200, R"({"accepted":0})")};
    }
  });
  const Measurements measured = run(server, open_loop(100, milliseconds(100), 1));
  EXPECT_EQ(measured.accepted_entries, 0U);
  EXPECT_EQ(measured.errors, (Errors{{"malformed", 2}, {"reset", 1}, {"answer", 7}}));
  EXPECT_EQ(measured.reasons.at("malformed"), "bytes follow the answer");
  EXPECT_EQ(measured.reasons.at("reset"), "closed within the body");
  EXPECT_EQ(measured.reasons.at("answer"),
            "the server answered accepted 0, expected 1, the number of entries that were sent");
}

TEST(GeneratorTest, ARetryHasTheSameIdAndCountsFromTheFirstIntendedTime) {
  std::map<std::string, int> attempts;
  const ScriptedServer server([&](const Arrival& arrival) -> ScriptedServer::Reply {
    switch (attempts[ScriptedServer::id_of(arrival)]++) {
      case 0:
        switch (arrival.number % 4) {
          case 0: return ScriptedServer::refuse(503);
          case 1: return ScriptedServer::refuse(429);
          case 2: return {.bytes = {}, .resets = true};
          default: return {.bytes = {}};  // no answer until the timeout
        }
      case 1: return ScriptedServer::refuse(504);
      default: return ScriptedServer::accept(arrival);
    }
  });
  auto options = open_loop(200, milliseconds(200), 8);
  options.timeout = seconds(2);
  options.retries = true;
  const Measurements measured = run(server, options);
  EXPECT_EQ(measured.requests, 40U);
  EXPECT_EQ(measured.accepted_entries, 40U);
  EXPECT_EQ(measured.retries, 80U);
  EXPECT_EQ(measured.errors, Errors{});
  EXPECT_EQ(measured.latency.count(), 40U);
  // Two rests, of 5 and 10 ms at least.
  EXPECT_GE(measured.latency.min(), milliseconds(15));
  EXPECT_LT(measured.service.min(), measured.latency.min());

  std::map<std::string, std::vector<std::string>> bodies;
  for (const Arrival& arrival : server.arrivals()) {
    bodies[ScriptedServer::id_of(arrival)].push_back(arrival.body);
  }
  EXPECT_EQ(bodies.size(), 40U);
  for (const auto& [id, sent] : bodies) {
    EXPECT_EQ(base::Uuid::parse(id)->version(), 7);
    ASSERT_EQ(sent.size(), 3U);
    EXPECT_EQ(sent[0], sent[1]);
    EXPECT_EQ(sent[0], sent[2]);
  }
}

TEST(GeneratorTest, APermanentRefusalIsNotRetried) {
  const ScriptedServer server([](const Arrival&) { return ScriptedServer::refuse(422); });
  auto options = open_loop(200, milliseconds(100), 4);
  options.retries = true;
  const Measurements measured = run(server, options);
  EXPECT_EQ(measured.errors, (Errors{{"http_422", 20}}));
  EXPECT_EQ(measured.retries, 0U);
  EXPECT_EQ(server.arrivals().size(), 20U);
}

TEST(GeneratorTest, RetriesEndWithTheirDeadline) {
  const ScriptedServer server([](const Arrival&) { return ScriptedServer::refuse(503); });
  auto options = open_loop(100, milliseconds(100), 2);
  options.retries = true;
  options.retry_for = seconds(1);
  const Measurements measured = run(server, options);
  EXPECT_EQ(measured.requests, 10U);
  EXPECT_EQ(measured.accepted_entries, 0U);
  // Two requests had a connection to the end. The others never got one.
  EXPECT_EQ(measured.errors, (Errors{{"http_503", 2}, {"unsent", 8}}));
  EXPECT_GT(measured.retries, 0U);
}

TEST(GeneratorTest, ARetryWaitsAsLongAsTheServerAsks) {
  const ScriptedServer server([](const Arrival& arrival) {
    return arrival.number == 0 ? ScriptedServer::refuse(429, "Retry-After: 1\r\n")
                               : ScriptedServer::accept(arrival);
  });
  auto options = open_loop(10, milliseconds(50), 1);
  options.retries = true;
  const Measurements measured = run(server, options);
  EXPECT_EQ(measured.accepted_entries, 1U);
  EXPECT_GE(server.arrivals().at(1).at, milliseconds(990));
}

TEST(GeneratorTest, EveryFormOfAnAnswerIsUnderstood) {
  const ScriptedServer server([](const Arrival& arrival) -> ScriptedServer::Reply {
    const std::string whole = ScriptedServer::accept(arrival).bytes;
    switch (arrival.number % 5) {
      case 0:
        return {.bytes =
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "2\r\n{}\r\n0\r\n\r\n"};
      case 1: return {.bytes = "HTTP/1.1 100 Continue\r\n\r\n" + whole};
      case 2:
        return {.bytes = ScriptedServer::answer(200, "{}", "Connection: close\r\n"),
                .closes = true};
      case 3: return {.bytes = "HTTP/1.1 200 OK\r\n\r\nas long as it lasts", .closes = true};
      default: return {.bytes = "HTTP/1.1 204 No Content\r\n\r\n"};
    }
  });
  const Measurements measured = run(server, open_loop(500, milliseconds(200), 4));
  EXPECT_EQ(measured.accepted_entries, 100U);
  EXPECT_EQ(measured.errors, Errors{});
  EXPECT_GT(server.connections(), 4);
}

TEST(GeneratorTest, AConnectionThatTheServerClosedWhileIdleIsNoError) {
  const ScriptedServer server([](const Arrival& arrival) {
    auto reply = ScriptedServer::accept(arrival);
    reply.closes = true;  // without announcing the close
    return reply;
  });
  const Measurements measured = run(server, open_loop(200, milliseconds(200), 20));
  EXPECT_EQ(measured.accepted_entries, 40U);
  EXPECT_EQ(measured.errors, Errors{});
}

TEST(GeneratorTest, UnexpectedBytesAreAnErrorAndEndTheConnection) {
  const ScriptedServer server([](const Arrival& arrival) {
    const std::string answer = ScriptedServer::accept(arrival).bytes;
    return ScriptedServer::Reply{.bytes = answer + answer};
  });
  const Measurements measured = run(server, open_loop(100, milliseconds(200), 2));
  EXPECT_EQ(measured.requests, 20U);
  EXPECT_EQ(measured.accepted_entries, 0U);
  ASSERT_TRUE(measured.errors.contains("malformed"));
  EXPECT_GE(static_cast<std::uint64_t>(server.connections()), measured.errors.at("malformed"));
}

TEST(GeneratorTest, AnAnswerThatComesBeforeTheWholeRequestWasSentCounts) {
  const ScriptedServer server([](const Arrival&) { return ScriptedServer::refuse(413); });
  auto options = open_loop(100'000, milliseconds(200), 1);
  options.schedule.batch = 10'000;
  Rig rig(server.url(), options, std::string(1000, 'x'));  // 10 MB a request
  const auto measured = rig.generator.run();
  ASSERT_TRUE(measured);
  EXPECT_EQ(measured->errors, (Errors{{"http_413", 2}}));
}

TEST(GeneratorTest, BatchesLargerThanASocketsBufferArriveWhole) {
  const ScriptedServer server(ScriptedServer::accept);
  auto options = open_loop(40'000, milliseconds(500), 1);
  options.schedule.batch = 10'000;
  const Measurements measured = run(server, options);
  EXPECT_EQ(measured.requests, 2U);
  EXPECT_EQ(measured.accepted_entries, 20'000U);
  for (const Arrival& arrival : server.arrivals()) {
    EXPECT_EQ(arrival.type, "application/x-ndjson");
    EXPECT_EQ(std::ranges::count(arrival.body, '\n'), 9'999);
  }
}

TEST(GeneratorTest, AnAbsentServerIsAnErrorAtOnce) {
  std::string url;
  {
    const ScriptedServer gone(ScriptedServer::accept);
    url = gone.url();
  }
  Rig rig(url, open_loop(100, hours(1), 4));
  const auto measured = rig.generator.run();
  ASSERT_FALSE(measured);
  EXPECT_EQ(measured.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(measured.error().message(), testing::HasSubstr("Connection refused"));
}

TEST(GeneratorTest, TheFirstAddressThatConnectsIsUsed) {
  std::string url;
  {
    const ScriptedServer gone(ScriptedServer::accept);
    url = gone.url();
  }
  const ScriptedServer server([](const Arrival& arrival) {
    auto reply = ScriptedServer::accept(arrival);
    reply.closes = arrival.number % 2 == 1;  // some clients must connect again
    return reply;
  });
  Rig rig(server.url(), open_loop(100, milliseconds(200), 2));
  const auto nobody = *net::resolve(Target::parse(url)->address);
  rig.peer.addresses.insert(rig.peer.addresses.begin(), nobody.begin(), nobody.end());
  const auto measured = rig.generator.run();
  ASSERT_TRUE(measured) << measured.error().message();
  EXPECT_EQ(measured->answered, 20U);
  EXPECT_EQ(measured->errors, Errors{});
}

TEST(GeneratorTest, WithRetriesTheRunWaitsForAnAbsentServerUntilTheDeadline) {
  std::string url;
  {
    const ScriptedServer gone(ScriptedServer::accept);
    url = gone.url();
  }
  auto options = open_loop(100, milliseconds(100), 2);
  options.retries = true;
  options.retry_for = milliseconds(200);
  Rig rig(url, options);
  const auto measured = rig.generator.run();
  ASSERT_TRUE(measured);
  EXPECT_EQ(measured->requests, 10U);
  EXPECT_EQ(measured->answered, 0U);
  EXPECT_EQ(measured->errors, (Errors{{"connect", 2}, {"unsent", 8}}));
}

TEST(GeneratorTest, AnInterruptedRunCountsItsRequests) {
  std::promise<Generator*> running;
  const ScriptedServer server([&, generator = running.get_future().share()](
                                  const Arrival& arrival) -> ScriptedServer::Reply {
    if (arrival.number == 100) generator.get()->interrupt();
    // The last ones are never answered.
    if (arrival.number > 100) return {.bytes = {}};
    return ScriptedServer::accept(arrival);
  });
  Rig rig(server.url(), open_loop(1000, hours(1), 4));
  running.set_value(&rig.generator);
  const auto measured = rig.generator.run();
  ASSERT_TRUE(measured);
  EXPECT_EQ(measured->accepted_entries, 101U);
  std::uint64_t errors = 0;
  for (const auto& [kind, count] : measured->errors) {
    EXPECT_TRUE(kind == "interrupted" || kind == "unsent") << kind;
    errors += count;
  }
  EXPECT_EQ(measured->requests, 101 + errors);
  EXPECT_LT(measured->ended - measured->started, seconds(30));
}

TEST(GeneratorTest, AnInterruptBeforeTheFirstRequestEndsTheRun) {
  const ScriptedServer server(ScriptedServer::accept);
  Rig rig(server.url(), open_loop(1000, hours(1), 4));
  rig.generator.interrupt();
  const auto measured = rig.generator.run();
  ASSERT_TRUE(measured);
  EXPECT_LE(measured->requests, 1U);
}

TEST(GeneratorTest, ProgressIsReportedDuringTheRun) {
  const ScriptedServer server(ScriptedServer::accept);
  Rig rig(server.url(), open_loop(1000, hours(1), 4));
  std::jthread thread([&] { EXPECT_TRUE(rig.generator.run()); });
  base::Histogram recent;
  Progress progress;
  EXPECT_TRUE(test::eventually([&] {
    progress = rig.generator.take_progress(recent);
    return progress.accepted_entries > 0 && recent.count() > 0;
  }));
  EXPECT_GT(progress.sent, 0U);
  EXPECT_LE(progress.accepted_entries, progress.sent);
  EXPECT_EQ(progress.errors, 0U);
  EXPECT_LE(recent.count(), progress.sent);
  rig.generator.interrupt();
}

}  // namespace
}  // namespace estadio::load
