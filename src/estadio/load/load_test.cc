#include "estadio/load/load.h"

#include <unistd.h>

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sstream>

#include "estadio/contest/test_world.h"
#include "estadio/load/test_scripted_server.h"
#include "http/router.h"
#include "http/server.h"
#include "http/test_client.h"
#include "net/tls.h"

namespace estadio {
namespace {

using load::ScriptedServer;
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::HasSubstr;
using Arrival = ScriptedServer::Arrival;

class LoadTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path(std::string_view name) const { return folder_ / name; }
  [[nodiscard]] std::string content(std::string_view name) const {
    return test::read_file(folder_ / name);
  }
  [[nodiscard]] std::vector<std::string> lines(std::string_view name) const {
    std::vector<std::string> lines;
    std::istringstream text(content(name));
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }

  [[nodiscard]] static LoadOptions options_for(const ScriptedServer& server) {
    LoadOptions options;
    options.url = server.url();
    options.rate = 500;
    options.duration = milliseconds(200);
    options.connections = 4;
    options.faculties = {"Ingeniería", "Agronomía"};
    options.disciplines = {1, 2, 3};
    return options;
  }

  base::Result<load::Report> run(const LoadOptions& options, std::stop_token stop = {}) {
    return run_load(options, clock_, log_.logger(), std::move(stop));
  }

  test::TempFolder folder_;
  base::SystemClock clock_;
  test::CapturedLog log_;
};

// Returns the text between `"key":"` and the next quote.
std::string text_of(std::string_view json, std::string_view key) {
  const std::string start = fmt::format(R"("{}":")", key);
  const std::size_t at = json.find(start);
  if (at == std::string_view::npos) return {};
  const std::size_t from = at + start.size();
  return std::string(json.substr(from, json.find('"', from) - from));
}

TEST_F(LoadTest, AcksMatchTheServersAnswers) {
  std::map<std::string, std::string> answered;
  const ScriptedServer server([&](const Arrival& arrival) {
    if (arrival.number % 5 == 0) return ScriptedServer::refuse(503);
    auto reply = ScriptedServer::accept(arrival);
    answered[text_of(reply.bytes, "id")] = text_of(reply.bytes, "outcome");
    return reply;
  });
  LoadOptions options = options_for(server);
  options.acks = path("acks");
  const auto report = run(options);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->measured.requests, 100U);
  EXPECT_EQ(report->measured.accepted_entries, 80U);
  EXPECT_EQ(report->measured.errors.at("http_503"), 20U);
  EXPECT_EQ(load_exit_status(*report), 0);

  std::map<std::string, std::string> acks;
  for (const std::string& line : lines("acks")) {
    acks[text_of(line, "id")] = text_of(line, "outcome");
  }
  EXPECT_EQ(lines("acks").size(), 80U);
  EXPECT_EQ(acks, answered);
}

TEST_F(LoadTest, AcksOfBatchesAreTheIdsThatWereGiven) {
  std::set<std::string> sent;
  const ScriptedServer server([&](const Arrival& arrival) {
    if (arrival.number == 0) return ScriptedServer::refuse(429);
    std::istringstream body(arrival.body);
    for (std::string line; std::getline(body, line);) sent.insert(text_of(line, "id"));
    return ScriptedServer::Reply{
        .bytes = ScriptedServer::answer(
            200, R"({"accepted":50,"winners":20,"losers":30,"repeated":2})")};
  });
  LoadOptions options = options_for(server);
  options.rate = 5000;
  options.batch = 50;
  options.acks = path("acks");
  const auto report = run(options);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->measured.requests, 20U);
  EXPECT_EQ(report->entries(), 1000U);
  EXPECT_EQ(report->measured.accepted_entries, 950U);
  EXPECT_EQ(report->measured.repeated_entries, 38U);
  std::set<std::string> acks;
  for (const std::string& line : lines("acks")) {
    EXPECT_THAT(
        line, testing::MatchesRegex("[{]\"id\":\"[-0-9a-f]+\",\"faculty\":\"(Ingenier|Agronom)ía\","
                                    "\"discipline\":[123][}]"));
    acks.insert(text_of(line, "id"));
  }
  EXPECT_EQ(acks.size(), 950U);
  EXPECT_EQ(acks, sent);
}

TEST_F(LoadTest, AnAnswerThatDoesNotSayWhatWasAcceptedIsNoAck) {
  const ScriptedServer server([](const Arrival& arrival) {
    return arrival.number % 2 == 0 ? ScriptedServer::accept(arrival)
                                   : ScriptedServer::Reply{ScriptedServer::answer(200, "{}")};
  });
  LoadOptions options = options_for(server);
  options.acks = path("acks");
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->measured.accepted_entries, 50U);
  EXPECT_EQ(report->measured.errors.at("answer"), 50U);
  EXPECT_EQ(lines("acks").size(), 50U);
}

TEST_F(LoadTest, AcksHaveTheFacultyAndDisciplineThatWereSent) {
  std::map<std::string, std::string> sent;  // by id: the entry's members
  const ScriptedServer server([&](const Arrival& arrival) {
    auto reply = ScriptedServer::accept(arrival);
    sent[text_of(reply.bytes, "id")] = arrival.body.substr(1);
    return reply;
  });
  LoadOptions options = options_for(server);
  options.acks = path("acks");
  ASSERT_TRUE(run(options));
  ASSERT_EQ(lines("acks").size(), 100U);
  for (const std::string& line : lines("acks")) {
    EXPECT_THAT(line, testing::EndsWith("," + sent[text_of(line, "id")])) << line;
  }
}

TEST_F(LoadTest, ABatchThatWasNotAcceptedWholeIsAnErrorAndNoAck) {
  const ScriptedServer server([](const Arrival& arrival) {
    const int accepted = arrival.number % 2 == 0 ? 50 : 0;
    return ScriptedServer::Reply{ScriptedServer::answer(
        200, fmt::format(R"({{"accepted":{0},"winners":0,"losers":{0},"repeated":0}})", accepted))};
  });
  for (const bool writes_acks : {true, false}) {
    LoadOptions options = options_for(server);
    options.rate = 5000;
    options.batch = 50;
    if (writes_acks) options.acks = path("acks");
    const auto report = run(options);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->measured.accepted_entries, 500U);
    EXPECT_EQ(report->measured.errors.at("answer"), 10U);
    EXPECT_EQ(report->measured.latency.count(), 10U);
    EXPECT_EQ(load_exit_status(*report), 1);
    EXPECT_EQ(report->wrong_answers(),
              "10 answers do not fit what was sent; the first: the server answered accepted 0, "
              "expected 50, the number of entries that were sent");
    EXPECT_THAT(to_text(*report), HasSubstr("answer: the server answered accepted 0"));
  }
  EXPECT_EQ(lines("acks").size(), 500U);
}

TEST_F(LoadTest, AnIdForSeveralEntriesIsAnErrorWhicheverThreadGetsIt) {
  const ScriptedServer server([](const Arrival&) {
    return ScriptedServer::Reply{ScriptedServer::answer(
        200, R"({"id":"01a2091b-b90a-8001-8e5d-9379d5353ea9","outcome":"loser"})")};
  });
  LoadOptions options = options_for(server);
  options.threads = 2;
  options.acks = path("acks");
  const auto report = run(options);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->measured.accepted_entries + report->measured.errors.at("answer"), 100U);
  EXPECT_LE(report->measured.accepted_entries, 2U) << "two threads at the same time";
  EXPECT_EQ(lines("acks").size(), report->measured.accepted_entries);
  EXPECT_EQ(load_exit_status(*report), 1);
  EXPECT_THAT(report->wrong_answers(), HasSubstr("to a second entry"));
}

TEST_F(LoadTest, AnIdThatWasNotSentIsAnErrorAndNoAck) {
  const ScriptedServer server([](const Arrival& arrival) {
    return ScriptedServer::Reply{ScriptedServer::answer(
        200, fmt::format(R"({{"id":"01934f5a-7c00-7000-8000-{:012}","outcome":"loser"}})",
                         arrival.number))};
  });
  LoadOptions options = options_for(server);
  options.retry = true;
  options.acks = path("acks");
  const auto report = run(options);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->measured.errors.at("answer"), 100U);
  EXPECT_TRUE(lines("acks").empty());
  EXPECT_EQ(load_exit_status(*report), 1);
  EXPECT_THAT(report->wrong_answers(), HasSubstr("the id that was sent"));
}

TEST_F(LoadTest, AnEntryOfAFileWithItsOwnIdMayBeAnsweredAgain) {
  const ScriptedServer server(ScriptedServer::accept);
  test::write_file(path("entries"), R"({"id":"01934f5a-7c00-7abc-8def-0123456789ab"})"
                                    "\n");
  LoadOptions options = options_for(server);
  options.entries = path("entries");
  options.acks = path("acks");
  const auto report = run(options);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->measured.accepted_entries, 100U);
  EXPECT_EQ(load_exit_status(*report), 0);
}

TEST_F(LoadTest, RepeatedEntriesAreCountedWhenIdsAreGiven) {
  std::map<std::string, int> attempts;
  const ScriptedServer server([&](const Arrival& arrival) -> ScriptedServer::Reply {
    const std::string id = ScriptedServer::id_of(arrival);
    if (attempts[id]++ == 0) return {.bytes = {}, .resets = true};
    return {ScriptedServer::answer(
        200, fmt::format(R"({{"id":"{}","outcome":"loser","repeated":true}})", id))};
  });
  LoadOptions options = options_for(server);
  options.retry = true;
  options.acks = path("acks");
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->measured.accepted_entries, 100U);
  EXPECT_EQ(report->measured.retries, 100U);
  EXPECT_EQ(report->measured.repeated_entries, 100U);
  EXPECT_EQ(lines("acks").size(), 100U);
}

TEST_F(LoadTest, ThreadsTogetherSendThePlannedRun) {
  const ScriptedServer server(ScriptedServer::accept);
  std::string entries;
  for (int i = 0; i < 100; ++i) entries += fmt::format("{{\"n\":{}}}\n", i);
  test::write_file(path("entries"), entries);
  LoadOptions options = options_for(server);
  options.threads = 3;
  options.entries = path("entries");
  options.acks = path("acks");
  const auto report = run(options);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->measured.requests, 100U);
  EXPECT_EQ(report->measured.accepted_entries, 100U);
  EXPECT_EQ(report->measured.latency.count(), 100U);
  EXPECT_EQ(lines("acks").size(), 100U);
  EXPECT_EQ(server.connections(), 4);
  std::set<std::string> bodies;
  for (const Arrival& arrival : server.arrivals()) bodies.insert(arrival.body);
  EXPECT_EQ(bodies.size(), 100U) << "every line of the file once";
}

TEST_F(LoadTest, TheReportIsWrittenAsJson) {
  const ScriptedServer server(ScriptedServer::accept);
  LoadOptions options = options_for(server);
  options.json = path("json");
  options.seed = 99;
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(content("json"), to_json(*report) + "\n");
  EXPECT_THAT(content("json"), HasSubstr(R"("seed":99)"));
}

TEST_F(LoadTest, ASeedIsDrawnWhenNoneIsGiven) {
  const ScriptedServer server(ScriptedServer::accept);
  LoadOptions options = options_for(server);
  options.duration = milliseconds(20);
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_GT(report->seed, 0);
  EXPECT_THAT(log_.text(), HasSubstr(fmt::format("seed={}", report->seed)));
}

TEST_F(LoadTest, AStopRequestEndsTheRunWithItsReport) {
  std::stop_source stop;
  const ScriptedServer server([&](const Arrival& arrival) {
    if (arrival.number == 50) stop.request_stop();
    return ScriptedServer::accept(arrival);
  });
  LoadOptions options = options_for(server);
  options.duration = hours(1);
  options.json = path("json");
  const auto report = run(options, stop.get_token());
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->was_interrupted);
  EXPECT_GE(report->measured.accepted_entries, 51U);
  EXPECT_LT(report->duration_seconds(), 60);
  EXPECT_THAT(content("json"), HasSubstr(R"("interrupted":true)"));
  EXPECT_THAT(to_text(*report), HasSubstr("(interrupted)"));
}

TEST_F(LoadTest, AcksThatCannotBeWrittenEndTheRun) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  const ScriptedServer server(ScriptedServer::accept);
  LoadOptions options = options_for(server);
  options.threads = 2;
  options.acks = "/dev/full";
  options.rate = std::nullopt;
  options.duration = hours(1);
  const auto report = run(options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), base::Code::kResourceExhausted);
  EXPECT_THAT(report.error().message(), HasSubstr("writing acks to /dev/full"));
}

TEST_F(LoadTest, AnAbsentServerIsNamed) {
  std::optional<ScriptedServer> gone(std::in_place, ScriptedServer::accept);
  const LoadOptions options = options_for(*gone);
  const std::string address = gone->address().to_string();
  gone.reset();
  const auto report = run(options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(report.error().message(), HasSubstr(address));
}

TEST_F(LoadTest, ARunWithoutAcceptedEntriesIsAFailure) {
  load::Report report;
  EXPECT_EQ(load_exit_status(report), 1);
  report.measured.answered = 1;
  EXPECT_EQ(load_exit_status(report), 1);
  report.measured.accepted_entries = 1;
  EXPECT_EQ(load_exit_status(report), 0);
}

TEST_F(LoadTest, WithRetriesAnEntryThatWasGivenUpIsAFailure) {
  load::Report report;
  report.measured.accepted_entries = 100;
  report.measured.errors["http_503"] = 1;
  EXPECT_EQ(load_exit_status(report), 0);
  report.has_retries = true;
  EXPECT_EQ(load_exit_status(report), 1);
  report.measured.errors.clear();
  EXPECT_EQ(load_exit_status(report), 0);
}

TEST_F(LoadTest, BadOptionsAreNamedBeforeAnythingIsSent) {
  const ScriptedServer server(ScriptedServer::accept);
  const auto error_of = [&](auto change) {
    LoadOptions options = options_for(server);
    change(options);
    const auto report = run(options);
    EXPECT_FALSE(report);
    if (report) return std::string();
    EXPECT_EQ(report.error().code(), base::Code::kInvalidArgument);
    return report.error().message();
  };
  EXPECT_THAT(error_of([](auto& o) { o.url = "ftp://h:1"; }), HasSubstr("ftp://h:1"));
  EXPECT_THAT(error_of([](auto& o) { o.threads = 5; }), HasSubstr("threads: "));
  EXPECT_THAT(error_of([](auto& o) { o.entries = "/nowhere/e"; }), HasSubstr("/nowhere/e"));
  EXPECT_THAT(error_of([](auto& o) { o.acks = "/nowhere/a"; }), HasSubstr("/nowhere/a"));
  EXPECT_THAT(error_of([](auto& o) { o.json = "/nowhere/j"; }), HasSubstr("/nowhere/j"));
  test::write_file(path("entries"), "{\"a\":\"" + std::string(100'000, 'x') + "\"}\n");
  EXPECT_THAT(error_of([&](auto& o) {
                o.entries = path("entries");
                o.batch = 1000;
              }),
              HasSubstr("batch: "));
  EXPECT_EQ(server.connections(), 0);
}

// Runs over TLS, with a self-signed certificate for localhost and 127.0.0.1.
class LoadTlsTest : public LoadTest {
 protected:
  void SetUp() override {
    const std::string command = fmt::format(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
        "-keyout {} -out {} 2>/dev/null",
        path("key"), path("certificate"));
    if (std::system(command.c_str()) != 0) GTEST_SKIP() << "needs the openssl command";
    auto context = net::TlsContext::for_server(path("certificate"), path("key"));
    ASSERT_TRUE(context) << context.error().message();
    tls_.emplace(*std::move(context));
    auto server = http::Server::open(
        {.address = {.host = "127.0.0.1", .port = 0, .unix_path = {}}, .limits = {}, .tls = &*tls_},
        {http::TestService::factory([](http::Router& router, net::EventLoop&) {
          router.add(http::Method::kPost, "/v1/entries",
                     [](const http::Request&, http::Exchange exchange) {
                       exchange.respond({.status = 200,
                                         .content_type = "application/json",
                                         .body = "{}",
                                         .extra_headers = {}});
                     });
        })},
        clock_, log_.logger());
    ASSERT_TRUE(server) << server.error().message();
    server_ = *std::move(server);
    server_->serve();
    options_.url = fmt::format("https://localhost:{}", server_->address().port);
    options_.rate = 500;
    options_.duration = milliseconds(200);
    options_.connections = 4;
    options_.faculties = {"Ingeniería"};
    options_.disciplines = {1};
  }
  std::optional<net::TlsContext> tls_;
  std::unique_ptr<http::Server> server_;
  LoadOptions options_;
};

TEST_F(LoadTlsTest, AServerThatIsTrustedTakesEverything) {
  options_.tls_ca = path("certificate");
  for (const bool by_name : {true, false}) {
    if (!by_name) options_.url = "https://" + server_->address().to_string();
    const auto report = run(options_);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->measured.accepted_entries, 100U);
    EXPECT_EQ(report->error_count(), 0U);
  }
}

TEST_F(LoadTlsTest, AnyServerIsTrustedWhenAskedTo) {
  options_.tls_insecure = true;
  options_.rate = std::nullopt;
  const auto report = run(options_);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_GT(report->measured.accepted_entries, 0U);
  EXPECT_EQ(report->error_count(), 0U);
}

TEST_F(LoadTlsTest, AServerThatIsNotTrustedGetsNothing) {
  const auto report = run(options_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(report.error().message(), HasSubstr("TLS"));
}

class LoadSettingsTest : public testing::Test {
 protected:
  base::Result<base::Settings::Next> load(const std::vector<std::string>& arguments) {
    base::Settings settings({.program = "estadio",
                             .command = "load",
                             .about = "",
                             .examples = "",
                             .commands = {"load"}});
    add_load_settings(settings, options_);
    return settings.load(arguments, [](const std::string&) { return nullptr; });
  }

  LoadOptions options_;
};

TEST_F(LoadSettingsTest, FlagsSetTheOptions) {
  ASSERT_TRUE(
      load({"http://h:1", "--rate",    "123",         "--duration", "3s",        "--connections",
            "7",          "--threads", "2",           "--batch",    "10",        "--timeout",
            "2s",         "--retry",   "--retry-for", "1m",         "--entries", "e",
            "--acks",     "a",         "--json",      "-",          "--seed",    "5",
            "--tls-ca",   "ca.pem"}));
  EXPECT_EQ(options_.url, "http://h:1");
  EXPECT_EQ(options_.rate, 123);
  EXPECT_EQ(options_.duration, std::chrono::seconds(3));
  EXPECT_EQ(options_.connections, 7);
  EXPECT_EQ(options_.threads, 2);
  EXPECT_EQ(options_.batch, 10);
  EXPECT_EQ(options_.timeout, std::chrono::seconds(2));
  EXPECT_TRUE(options_.retry);
  EXPECT_EQ(options_.retry_for, std::chrono::minutes(1));
  EXPECT_EQ(options_.entries, "e");
  EXPECT_EQ(options_.acks, "a");
  EXPECT_EQ(options_.json, "-");
  EXPECT_EQ(options_.seed, 5);
  EXPECT_EQ(options_.tls_ca, "ca.pem");
}

TEST_F(LoadSettingsTest, OptionsThatDoNotFitTogetherAreNamed) {
  const auto error_of = [this](std::vector<std::string> arguments) {
    options_ = {};
    arguments.insert(arguments.begin(), "https://h:1");
    const auto next = load(arguments);
    return next ? std::string() : next.error().message();
  };
  EXPECT_EQ(error_of({"--tls-insecure"}), "");
  EXPECT_THAT(error_of({"--tls-insecure", "--tls-ca", "ca.pem"}), HasSubstr("tls-insecure: "));
  EXPECT_THAT(error_of({"--threads", "3", "--connections", "2"}), HasSubstr("threads: "));
  EXPECT_THAT(error_of({"--duration", "0"}), HasSubstr("duration: "));
}

TEST_F(LoadSettingsTest, TheRateIsANumberOrMax) {
  ASSERT_TRUE(load({"http://h:1", "--rate", "max"}));
  EXPECT_EQ(options_.rate, std::nullopt);
  for (const char* rate : {"0", "-1", "fast", "1.5", "", "100000001", "10k"}) {
    const auto next = load({"http://h:1", "--rate", rate});
    ASSERT_FALSE(next) << rate;
    EXPECT_THAT(next.error().message(), HasSubstr("rate"));
  }
}

TEST_F(LoadSettingsTest, TheUrlIsRequired) {
  const auto next = load({});
  ASSERT_FALSE(next);
  EXPECT_THAT(next.error().message(), HasSubstr("url"));
}

}  // namespace
}  // namespace estadio
