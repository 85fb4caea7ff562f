// Judging over real servers on this machine, with judges that a test holds back or makes fail.
#include "estadio/rpc/judge_channels.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <optional>
#include <thread>

#include "estadio/rpc/batch_codec.h"
#include "estadio/rpc/judge_server.h"
#include "estadio/rpc/test_certificates.h"
#include "estadio/rpc/test_judge.h"

namespace estadio {
namespace {

using test::eventually;
using test::Judging;
using test::numbered_batch;
using testing::HasSubstr;
using Durability = Verdict::Durability;

// A server that can go away and come back at its address.
class TestServer {
 public:
  explicit TestServer(JudgeServer::Options options = {}) : options_(std::move(options)) { start(); }
  ~TestServer() {
    judges.release();
    server_.reset();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  void start() {
    auto server = JudgeServer::open(options_, {.contest = contest_,
                                               .retry = RetryRule(RetryRule::kWindowDefault),
                                               .end = end_,
                                               .clock = clock_,
                                               .log = log_.logger(),
                                               .make_judge = [this] { return judges.make(); }});
    ASSERT_TRUE(server) << server.error().message();
    server_ = *std::move(server);
    options_.address = fmt::format("127.0.0.1:{}", server_->port());
  }
  // Answers nothing more, as when its machine is lost.
  void vanish() {
    server_->stop(std::chrono::nanoseconds(0));
    judges.release();
    server_.reset();
  }
  [[nodiscard]] const std::string& address() const { return options_.address; }
  [[nodiscard]] JudgeServer& server() { return *server_; }

  test::ScriptedJudges judges;

 private:
  JudgeServer::Options options_;
  const Contest contest_ = Contest::defaults();
  const base::SystemClock clock_;
  const ContestEnd end_{std::nullopt, ContestEnd::LeaseNeed::kNone, clock_};
  test::CapturedLog log_;
  std::unique_ptr<JudgeServer> server_;
};

JudgeServer::Options judging(std::vector<std::int64_t> disciplines, std::string commitment = {}) {
  return {
      .tls = {}, .disciplines = std::move(disciplines), .coin_commitment = std::move(commitment)};
}

class JudgeClientTest : public testing::Test {
 protected:
  ~JudgeClientTest() override { judge_.reset(); }

  static JudgeChannels::Options calling(std::vector<std::string> addresses) {
    return {.addresses = std::move(addresses), .tls = {}, .coin_commitment = {}};
  }
  void open(JudgeChannels::Options options) {
    auto channels = JudgeChannels::open(
        std::move(options), {.contest = contest_, .clock = clock_, .log = log_.logger()});
    ASSERT_TRUE(channels) << channels.error().message();
    channels_ = *std::move(channels);
    judge_ = channels_->make_judge();
  }
  void call(JudgeChannels::Options options) {
    open(std::move(options));
    ASSERT_TRUE(is_ready()) << *channels_->unready_reason();
  }
  bool is_ready() {
    return eventually([this] { return !channels_->unready_reason(); });
  }
  bool is_unready_because(std::string_view what) {
    return eventually([&] {
      const auto unready_reason = channels_->unready_reason();
      return unready_reason && unready_reason->find(what) != std::string::npos;
    });
  }
  void expect_judged(std::uint64_t first, std::size_t count) {
    Judging judging(*judge_, numbered_batch(first, count));
    const auto result = judging.result();
    ASSERT_TRUE(result) << result.error().message();
    expect_outcomes(judging);
  }
  static void expect_outcomes(const Judging& judging) {
    for (std::size_t i = 0; i < judging.verdicts.size(); ++i) {
      EXPECT_EQ(judging.verdicts[i].outcome, test::outcome_of(judging.batch.entries[i].id)) << i;
      EXPECT_EQ(judging.verdicts[i].is_repeated, judging.batch.entries[i].is_id_given) << i;
    }
  }

  const Contest contest_ = Contest::defaults();
  const base::SystemClock clock_;
  test::CapturedLog log_;
  std::unique_ptr<JudgeChannels> channels_;
  std::unique_ptr<Judge> judge_;
};

TEST_F(JudgeClientTest, EntriesArriveWholeAndVerdictsAtTheirPlaces) {
  TestServer server;
  call(calling({server.address()}));
  expect_judged(1, 500);
  const EntryBatch sent = numbered_batch(1, 500);
  const auto entries = server.judges.entries();
  ASSERT_EQ(entries.size(), 500U);
  for (std::size_t i = 0; i < 500; ++i) {
    EXPECT_EQ(entries[i].first.id, sent.entries[i].id);
    EXPECT_EQ(entries[i].first.age, sent.entries[i].age);
    EXPECT_EQ(entries[i].second, sent.student(sent.entries[i]));
  }
  EXPECT_EQ(server.judges.batches(), 1U);
}

TEST_F(JudgeClientTest, ABatchLargerThanAMessageTravelsAsSeveral) {
  TestServer server;
  call(calling({server.address()}));
  expect_judged(0, kBatchEntriesMax * 2 + 5);
  EXPECT_EQ(server.judges.batches(), 3U);
}

TEST_F(JudgeClientTest, BatchesUnderWayAreAnsweredInAnyOrder) {
  TestServer server;
  call(calling({server.address()}));
  server.judges.hold();
  Judging held(*judge_, numbered_batch(1, 3));
  ASSERT_TRUE(eventually([&] { return server.judges.batches() == 1; }));
  server.judges.fail_with({base::Code::kUnavailable, "the disk is full"});
  Judging refused(*judge_, numbered_batch(4, 3));
  ASSERT_TRUE(eventually([&] { return server.judges.batches() == 2; }));
  EXPECT_FALSE(held.is_done() || refused.is_done());
  server.judges.release();
  EXPECT_EQ(refused.code(), base::Code::kUnavailable);
  EXPECT_TRUE(held.result());
}

TEST_F(JudgeClientTest, TheServersErrorIsPassedOn) {
  TestServer server;
  call(calling({server.address()}));
  for (const auto code : {base::Code::kUnavailable, base::Code::kResourceExhausted,
                          base::Code::kInternal, base::Code::kCorruption}) {
    server.judges.fail_with({code, "no room"});
    Judging judging(*judge_, numbered_batch(1, 2));
    const auto result = judging.result();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), code);
    EXPECT_EQ(result.error().message(), "no room");
  }
}

TEST_F(JudgeClientTest, AServerThatIsNotThereIsUnavailableAtOnce) {
  // The port is free again when the server has gone.
  std::string address;
  {
    TestServer server;
    address = server.address();
  }
  open(calling({address}));
  Judging judging(*judge_, numbered_batch(1, 3));
  EXPECT_TRUE(judging.is_done());
  EXPECT_EQ(judging.code(), base::Code::kUnavailable);
  EXPECT_EQ(judging.verdicts[0].durability, Durability::kOfBatch);
  EXPECT_TRUE(is_unready_because(address + ": ")) << *channels_->unready_reason();
  EXPECT_THAT(*channels_->unready_reason(),
              HasSubstr("no server judges 1 (Natación), 2 (Atletismo)"));
  EXPECT_GE(channels_->stats().entries_refused, 3U);
}

TEST_F(JudgeClientTest, ABatchAtAServerThatIsLostIsUnknownAndTheServerIsUsedAgainWhenItIsBack) {
  TestServer server;
  call(calling({server.address()}));
  server.judges.hold();
  Judging judging(*judge_, numbered_batch(1, 4));
  ASSERT_TRUE(eventually([&] { return server.judges.batches() == 1; }));
  server.vanish();
  EXPECT_EQ(judging.code(), base::Code::kInternal);
  EXPECT_EQ(channels_->stats().entries_unknown, 4U);
  ASSERT_TRUE(is_unready_because(server.address()));
  Judging refused(*judge_, numbered_batch(5, 4));
  EXPECT_EQ(refused.code(), base::Code::kUnavailable);
  server.start();
  ASSERT_TRUE(is_ready());
  expect_judged(9, 4);
}

TEST_F(JudgeClientTest, WithoutAnAnswerInTimeTheResultIsUnknownAndALateAnswerIsIgnored) {
  TestServer server;
  auto options = calling({server.address()});
  options.answer_timeout = std::chrono::milliseconds(50);
  call(std::move(options));
  server.judges.hold();
  // A busy machine may not send the batch in that time. Then another error comes: try again.
  EXPECT_TRUE(eventually([&] {
    Judging judging(*judge_, numbered_batch(1, 4));
    return judging.code() == base::Code::kDeadlineExceeded;
  }));
  server.judges.release();
  EXPECT_TRUE(eventually([&] {
    Judging judging(*judge_, numbered_batch(5, 4));
    return judging.result().has_value();
  }));
  EXPECT_EQ(channels_->stats().streams_open, 1U);
}

TEST_F(JudgeClientTest, AGoAwayLosesNoBatch) {
  JudgeServer::Options ages = judging({});
  ages.stream_age = std::chrono::milliseconds(20);
  TestServer server(std::move(ages));
  auto options = calling({server.address()});
  options.streams_per_address = 2;
  call(std::move(options));
  std::size_t judged = 0;
  ASSERT_TRUE(eventually([&] {
    std::vector<std::unique_ptr<Judging>> together;
    for (int i = 0; i < 8; ++i) {
      together.push_back(std::make_unique<Judging>(*judge_, numbered_batch(judged, 10)));
      judged += 10;
    }
    for (const auto& judging : together) {
      const auto result = judging->result();
      EXPECT_TRUE(result) << result.error().message();
      expect_outcomes(*judging);
    }
    return channels_->stats().go_aways >= 10 || HasFailure();
  }));
  EXPECT_EQ(server.judges.entries().size(), judged);
  EXPECT_EQ(channels_->stats().streams_failed, 0U);
}

// A client sends entries again that were refused (kUnavailable). If such an entry were in the log,
// it would be there twice. So a server that goes away judges a batch or certainly has not logged
// it.
TEST_F(JudgeClientTest, WhileAServerGoesAwayABatchIsJudgedOnceOrCertainlyNotLogged) {
  constexpr int kRounds = 20;
  constexpr std::size_t kEntries = 10;
  JudgeServer::Options ages = judging({});
  ages.stream_age = std::chrono::milliseconds(20);  // streams go away and begin all the time
  TestServer server(std::move(ages));
  auto options = calling({server.address()});
  options.streams_per_address = 2;
  options.backoff_min = std::chrono::milliseconds(1);
  options.backoff_max = std::chrono::milliseconds(10);
  call(std::move(options));

  std::atomic<bool> is_over = false;
  std::jthread restarts([&] {
    for (int round = 0; round < kRounds; ++round) {
      const std::size_t before = server.judges.batches();
      EXPECT_TRUE(eventually([&] { return server.judges.batches() > before + 20; }));
      // With patience it answers what came. Without, it cuts callers off.
      server.server().stop(round % 2 == 0 ? test::kPatience : std::chrono::seconds(0));
      server.start();
    }
    is_over = true;
  });
  std::map<base::Code, int> failures;
  std::vector<std::optional<base::Code>> codes;  // of each batch; nothing: it was judged
  while (!is_over) {
    std::vector<std::unique_ptr<Judging>> together;
    for (std::size_t i = 0; i < 8; ++i) {
      together.push_back(std::make_unique<Judging>(
          *judge_, numbered_batch((codes.size() + i) * kEntries, kEntries)));
    }
    for (const auto& judging : together) {
      const auto result = judging->result();
      if (result) expect_outcomes(*judging);
      if (!result) ++failures[result.error().code()];
      codes.push_back(result ? std::nullopt : std::optional(result.error().code()));
    }
  }
  judge_.reset();
  std::map<std::string, int> logged;
  for (const auto& [entry, student] : server.judges.entries()) ++logged[entry.id.to_string()];
  for (std::size_t i = 0; i < codes.size() * kEntries; ++i) {
    const auto code = codes[i / kEntries];
    const int times = logged[test::numbered_id(i).to_string()];
    if (!code) {
      ASSERT_EQ(times, 1) << "entry " << i << " was judged";
    } else if (*code == base::Code::kUnavailable) {
      ASSERT_EQ(times, 0) << "entry " << i << " was refused, so its client sends it again";
    } else {
      ASSERT_LE(times, 1) << "entry " << i;
    }
  }
  EXPECT_GT(failures[base::Code::kUnavailable], 0) << "no batch met a server that had gone away";
  EXPECT_GT(failures[base::Code::kInternal], 0) << "no batch was at a server that cut it off";
}

TEST_F(JudgeClientTest, EntriesGoToTheServerOfTheirDiscipline) {
  TestServer swimming(judging({1}));
  TestServer others(judging({2, 3}));
  call(calling({swimming.address(), others.address()}));
  expect_judged(0, 90);
  EXPECT_EQ(swimming.judges.entries().size(), 30U);
  for (const auto& [entry, student] : swimming.judges.entries()) EXPECT_EQ(entry.discipline, 0);
  EXPECT_EQ(others.judges.entries().size(), 60U);
  for (const auto& [entry, student] : others.judges.entries()) EXPECT_NE(entry.discipline, 0);
}

TEST_F(JudgeClientTest, EntriesOfABatchOverTwoServersHaveTheDurabilityOfTheirServer) {
  TestServer swimming(judging({1}));
  TestServer others(judging({2, 3}));
  call(calling({swimming.address(), others.address()}));
  swimming.judges.fail_with({base::Code::kResourceExhausted, "full"});
  Judging refused(*judge_, numbered_batch(0, 9));
  EXPECT_EQ(refused.code(), base::Code::kResourceExhausted);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(refused.verdicts[i].durability, i % 3 == 0 ? Durability::kOfBatch : Durability::kKept)
        << i;
  }
  swimming.judges.hold();
  Judging lost(*judge_, numbered_batch(0, 9));
  ASSERT_TRUE(eventually([&] { return swimming.judges.batches() == 2; }));
  swimming.vanish();
  EXPECT_EQ(lost.code(), base::Code::kInternal);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(lost.verdicts[i].durability, i % 3 == 0 ? Durability::kOfBatch : Durability::kKept)
        << i;
  }
  ASSERT_TRUE(is_unready_because("no server judges 1 (Natación); "));
  Judging away(*judge_, numbered_batch(0, 9));
  EXPECT_EQ(away.code(), base::Code::kUnavailable);
  EXPECT_EQ(away.verdicts[1].durability, Durability::kKept);
}

TEST_F(JudgeClientTest, WhenOneServerIsLostAnotherTakesItsPart) {
  TestServer first;
  TestServer second;
  call(calling({first.address(), second.address()}));
  ASSERT_TRUE(eventually([&] { return channels_->stats().streams_open == 2; }));
  first.vanish();
  ASSERT_TRUE(eventually([&] { return channels_->stats().streams_open == 1; }));
  EXPECT_EQ(channels_->unready_reason(), std::nullopt);
  expect_judged(0, 30);
  EXPECT_EQ(second.judges.entries().size(), 30U);
}

TEST_F(JudgeClientTest, AServerThatStopsAnswersAllAndTheNextTakesOver) {
  TestServer first;
  TestServer second;
  call(calling({first.address(), second.address()}));
  ASSERT_TRUE(eventually([&] { return channels_->stats().streams_open == 2; }));
  first.judges.hold();
  second.judges.hold();
  std::vector<std::unique_ptr<Judging>> under_way;
  for (std::uint64_t i = 0; i < 10; ++i) {
    under_way.push_back(std::make_unique<Judging>(*judge_, numbered_batch(i * 10, 10)));
  }
  ASSERT_TRUE(eventually([&] { return first.judges.batches() + second.judges.batches() == 10; }));
  EXPECT_GT(first.judges.batches(), 0U) << "the least busy takes the next";
  std::jthread stopping([&] { first.server().stop(test::kPatience); });
  ASSERT_TRUE(eventually([&] { return channels_->stats().streams_open == 1; }));
  first.judges.release();
  second.judges.release();
  for (const auto& judging : under_way) EXPECT_TRUE(judging->result());
  stopping.join();
  expect_judged(0, 30);
}

TEST_F(JudgeClientTest, AServerOfAnotherContestIsNamedAndNotUsed) {
  TestServer server(judging({}, "bb"));
  auto options = calling({server.address()});
  options.coin_commitment = "aa";
  open(std::move(options));
  EXPECT_TRUE(
      is_unready_because("the contests differ: the coin's commitment is aa for the caller"));
  Judging judging(*judge_, numbered_batch(1, 3));
  EXPECT_EQ(judging.code(), base::Code::kUnavailable);
  EXPECT_EQ(server.judges.batches(), 0U);
}

TEST_F(JudgeClientTest, ServersOfDifferentCoinsAreNotUsedTogether) {
  TestServer first(judging({1}, "aa"));
  TestServer second(judging({2, 3}, "bb"));
  open(calling({first.address(), second.address()}));
  EXPECT_TRUE(is_unready_because("its coin's commitment is"));
}

TEST_F(JudgeClientTest, BeyondTheBytesThatMayBeInFlightABatchIsRefused) {
  TestServer server;
  auto options = calling({server.address()});
  options.in_flight_bytes = 2000;
  call(std::move(options));
  server.judges.hold();
  Judging first(*judge_, numbered_batch(0, 100));
  Judging refused(*judge_, numbered_batch(100, 1));
  EXPECT_EQ(refused.code(), base::Code::kResourceExhausted);
  server.judges.release();
  EXPECT_TRUE(first.result());
  expect_judged(101, 1);
}

TEST_F(JudgeClientTest, AServerThatReadsNoMoreIsWaitedForAndLosesNothing) {
  JudgeServer::Options narrow = judging({});
  narrow.in_flight_bytes = 1000;
  TestServer server(std::move(narrow));
  call(calling({server.address()}));
  server.judges.hold();
  std::vector<std::unique_ptr<Judging>> under_way;
  for (std::uint64_t i = 0; i < 50; ++i) {
    under_way.push_back(std::make_unique<Judging>(*judge_, numbered_batch(i * 1000, 1000)));
  }
  ASSERT_TRUE(eventually([&] { return server.server().stats().pauses > 0; }));
  EXPECT_EQ(server.judges.batches(), 1U);
  server.judges.release();
  for (const auto& judging : under_way) {
    EXPECT_TRUE(judging->result());
    expect_outcomes(*judging);
  }
}

TEST_F(JudgeClientTest, StoppedChannelsAnswerWhatIsUnderWayAndRefuseTheRest) {
  TestServer server;
  call(calling({server.address()}));
  server.judges.hold();
  Judging judging(*judge_, numbered_batch(1, 4));
  ASSERT_TRUE(eventually([&] { return server.judges.batches() == 1; }));
  channels_->stop();
  EXPECT_EQ(judging.code(), base::Code::kInternal);
  Judging refused(*judge_, numbered_batch(5, 4));
  EXPECT_EQ(refused.code(), base::Code::kUnavailable);
  EXPECT_NE(channels_->unready_reason(), std::nullopt);
}

TEST_F(JudgeClientTest, AJudgeThatGoesAnswersWhatIsUnderWay) {
  TestServer server;
  call(calling({server.address()}));
  server.judges.hold();
  Judging judging(*judge_, numbered_batch(1, 4));
  ASSERT_TRUE(eventually([&] { return server.judges.batches() == 1; }));
  judge_.reset();
  ASSERT_TRUE(judging.is_done());
  EXPECT_EQ(judging.code(), base::Code::kInternal);
}

TEST_F(JudgeClientTest, JudgesOfSeveralThreadsHaveStreamsOfTheirOwn) {
  TestServer server;
  call(calling({server.address()}));
  const auto other = channels_->make_judge();
  ASSERT_TRUE(is_ready());
  EXPECT_EQ(channels_->stats().streams_open, 2U);
  const auto work = [](Judge& judge) {
    for (std::uint64_t i = 0; i < 100; ++i) {
      Judging judging(judge, numbered_batch(i * 10, 10));
      EXPECT_TRUE(judging.result());
      expect_outcomes(judging);
    }
  };
  std::jthread thread([&] { work(*other); });
  work(*judge_);
}

TEST_F(JudgeClientTest, ANameIsLookedUp) {
  TestServer server;
  call(calling({"localhost" + server.address().substr(server.address().rfind(':'))}));
  expect_judged(1, 10);
}

TEST_F(JudgeClientTest, WrongOptionsAreNamed) {
  const auto error_of = [&](std::vector<std::string> addresses) {
    const auto channels =
        JudgeChannels::open(calling(std::move(addresses)),
                            {.contest = contest_, .clock = clock_, .log = log_.logger()});
    return channels ? std::string("none") : channels.error().message();
  };
  EXPECT_EQ(error_of({}), "judges' addresses: expected 1 to 64, got 0");
  for (const std::string wrong : {"nowhere", ":80", "host:", "host:0", "host:65536", "host:x"}) {
    EXPECT_EQ(error_of({wrong}),
              fmt::format("'{}': expected host:port, as in discipline.example:9090", wrong));
  }
  const test::TempFolder folder;
  auto options = calling({"127.0.0.1:1"});
  options.tls = TlsFiles{.certificate = {}, .key = {}, .ca_certificates = folder / "none.pem"};
  const auto channels = JudgeChannels::open(
      std::move(options), {.contest = contest_, .clock = clock_, .log = log_.logger()});
  ASSERT_FALSE(channels);
  EXPECT_THAT(channels.error().message(), HasSubstr("none.pem"));
}

class JudgeClientTlsTest : public JudgeClientTest {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_THREAD__
    // tools/tsan.supp does not suppress reports of OpenSSL, since those of our own TLS matter.
    GTEST_SKIP() << "ThreadSanitizer does not see the locks under which gRPC uses OpenSSL";
#endif
  }

  // Starts a server that lets in clients whose certificates `clients` signed; empty: all clients.
  std::unique_ptr<TestServer> serve(const std::string& clients) {
    JudgeServer::Options options = judging({});
    options.tls = ours_.issue("server", clients);
    return std::make_unique<TestServer>(std::move(options));
  }
  static JudgeChannels::Options calling(const TestServer& server, TlsFiles files) {
    auto options = JudgeClientTest::calling({server.address()});
    options.tls = std::move(files);
    return options;
  }
  static TlsFiles trusting(const test::Authority& authority) {
    return {.certificate = {}, .key = {}, .ca_certificates = authority.file()};
  }

  test::TempFolder folder_;
  test::Authority ours_{folder_.path(), "ours"};
  test::Authority theirs_{folder_.path(), "theirs"};
};

TEST_F(JudgeClientTlsTest, EntriesTravelEncrypted) {
  const auto server = serve({});
  call(calling(*server, trusting(ours_)));
  expect_judged(1, 100);
}

TEST_F(JudgeClientTlsTest, AServerOfAnotherAuthorityIsNotUsed) {
  const auto server = serve({});
  open(calling(*server, trusting(theirs_)));
  EXPECT_TRUE(eventually([&] { return channels_->stats().streams_failed > 2; }));
  Judging judging(*judge_, numbered_batch(1, 3));
  EXPECT_EQ(judging.code(), base::Code::kUnavailable);
  EXPECT_EQ(server->judges.batches(), 0U);
}

TEST_F(JudgeClientTlsTest, AClientWithTheRightCertificateIsLetIn) {
  const auto server = serve(ours_.file());
  call(calling(*server, ours_.issue("client", ours_.file())));
  expect_judged(1, 100);
}

TEST_F(JudgeClientTlsTest, AClientWithoutACertificateOrWithAnothersIsRefused) {
  const auto server = serve(ours_.file());
  for (const TlsFiles& files : {trusting(ours_), theirs_.issue("stranger", ours_.file())}) {
    open(calling(*server, files));
    EXPECT_TRUE(eventually([&] { return channels_->stats().streams_failed > 2; }));
    EXPECT_NE(channels_->unready_reason(), std::nullopt);
    Judging judging(*judge_, numbered_batch(1, 3));
    EXPECT_EQ(judging.code(), base::Code::kUnavailable);
    judge_.reset();
  }
  EXPECT_EQ(server->server().stats().streams_open, 0U);
}

TEST_F(JudgeClientTlsTest, ACallerThatSpeaksPlainlyIsRefused) {
  const auto server = serve({});
  open(JudgeClientTest::calling({server->address()}));
  EXPECT_TRUE(eventually([&] { return channels_->stats().streams_failed > 2; }));
  EXPECT_NE(channels_->unready_reason(), std::nullopt);
}

}  // namespace
}  // namespace estadio
