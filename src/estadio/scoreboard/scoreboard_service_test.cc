#include "estadio/scoreboard/scoreboard_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <mutex>
#include <optional>

#include "estadio/contest/test_world.h"
#include "http/test_client.h"

namespace estadio {
namespace {

using testing::HasSubstr;
using testing::Not;

Score score_of(std::int64_t count) {
  Score score;
  score.counts = {
      {.faculty = "Agronomía", .discipline_id = 2, .outcome = Outcome::kWinner, .count = count}};
  return score;
}

class ScoreboardServiceTest : public testing::Test {
 protected:
  void say(base::Result<Score> score) {
    const std::scoped_lock lock(mutex_);
    score_ = std::move(score);
  }
  base::Result<ScoreView> read() {
    const std::scoped_lock lock(mutex_);
    if (!score_) return base::fail(score_.error());
    return ScoreView{.score = *score_, .facts = facts_};
  }
  void start() {
    board_.reset(new Scoreboard{.contest = contest_,
                                .read = [this] { return read(); },
                                .history = history_,
                                .clock = clock_,
                                .page = page_});
    http::Server::Options options;
    options.address = *net::Address::parse("127.0.0.1:0");
    auto started = http::Server::open(
        std::move(options), {[this] { return std::make_unique<ScoreboardService>(*board_); }},
        clock_, captured_.logger());
    ASSERT_TRUE(started) << started.error().message();
    server_ = *std::move(started);
    server_->serve();
    client_ = std::make_unique<http::TestClient>(server_->address());
  }
  http::TestResponse get(std::string_view path) {
    EXPECT_TRUE(client_->get(path));
    return client_->read_response();
  }
  // Returns the data of the stream's next event with that name.
  boost::json::value next_event(const std::string& name) {
    EXPECT_NE(client_->read_through("event: " + name + "\ndata: "), "") << "no event " << name;
    return boost::json::parse(client_->read_through("\n\n"));
  }

  Contest contest_ = Contest::defaults();
  ContestFacts facts_{.started_at_ms = 12'345,
                      .coin_commitment = std::string(64, 'a'),
                      .retry_window_ms = 600'000,
                      .coin_seed = std::nullopt,
                      .ends = {}};
  std::mutex mutex_;
  base::Result<Score> score_ = Score();  // guarded by mutex_
  StatsHistory history_{[]() -> std::optional<StatsHistory::Figures> {
    return StatsHistory::Figures{
        .accepted = 0, .rejected = 0, .recent_latencies = std::nullopt, .lag = 7};
  }};
  test::TestClock clock_;
  test::CapturedLog captured_;
  const std::vector<http::Asset> page_ = {{.path = "/index.html",
                                           .content_type = "text/html",
                                           .bytes = "<p>score</p>",
                                           .gzip_bytes = {}}};
  std::unique_ptr<Scoreboard> board_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::TestClient> client_;
};

TEST_F(ScoreboardServiceTest, TheScoreIsTheBooksCurrentOne) {
  start();
  for (const std::int64_t count : {3, 4}) {
    say(score_of(count));
    const auto response = get("/v1/scores");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("Cache-Control"), "no-store");
    const auto json = boost::json::parse(response.body);
    EXPECT_EQ(json.at("total").as_int64(), count);
    EXPECT_EQ(json.at("by_faculty").at("Agronomía").as_int64(), count);
  }
}

TEST_F(ScoreboardServiceTest, AnUnreachableBookIsAProblemUntilItReturns) {
  start();
  say(base::fail(base::Code::kUnavailable, "the book is away"));
  for (const char* path : {"/v1/scores", "/v1/contest", "/v1/scores/stream"}) {
    const auto response = get(path);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
    EXPECT_THAT(response.body, HasSubstr("the book is away"));
  }
  say(score_of(3));
  for (const char* path : {"/v1/scores", "/v1/contest"}) EXPECT_EQ(get(path).status, 200) << path;
}

TEST_F(ScoreboardServiceTest, AStreamSurvivesAnUnreachableBook) {
  say(score_of(1));
  start();
  ASSERT_TRUE(client_->get("/v1/scores/stream"));
  EXPECT_EQ(next_event("score").at("total").as_int64(), 1);
  say(base::fail(base::Code::kUnavailable, "the book is away"));
  // Statistics come with a later reading of the book.
  clock_.advance(1000);
  next_event("stats");
  say(score_of(2));
  while (next_event("score").at("total").as_int64() != 2 && !HasFailure()) {
  }
}

TEST_F(ScoreboardServiceTest, TheContestMatchesTheFacts) {
  facts_.coin_seed = std::string(32, 'b');
  start();
  const auto response = get("/v1/contest");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Cache-Control"), "no-store");
  const auto json = boost::json::parse(response.body);
  EXPECT_EQ(json.at("seed_commitment").as_string(), facts_.coin_commitment);
  EXPECT_EQ(json.at("seed").as_string(), *facts_.coin_seed);
  EXPECT_EQ(json.at("started_at_ms").as_int64(), 12'345);
  EXPECT_EQ(json.at("retry_window_seconds").to_number<double>(), 600);
}

TEST_F(ScoreboardServiceTest, AStreamBeginsWithTheScoreAndSendsItsChanges) {
  say(score_of(1));
  start();
  ASSERT_TRUE(client_->get("/v1/scores/stream"));
  EXPECT_THAT(client_->read_through("\r\n\r\n"), HasSubstr("text/event-stream"));
  EXPECT_EQ(next_event("contest").at("seed_commitment").as_string(), facts_.coin_commitment);
  EXPECT_TRUE(next_event("history").is_array());
  EXPECT_EQ(next_event("score").at("total").as_int64(), 1);
  for (std::int64_t total = 2; total < 5; ++total) {
    say(score_of(total));
    // The same score may come once more, by the first reading of the stream's first round.
    auto score = next_event("score");
    if (score.at("total").as_int64() == total - 1) score = next_event("score");
    EXPECT_EQ(score.at("total").as_int64(), total);
  }
  clock_.advance(1000);
  EXPECT_EQ(next_event("stats").at("lag").as_int64(), 7);
}

TEST_F(ScoreboardServiceTest, AWatcherThatLeftDoesNotDisturbTheOthers) {
  start();
  http::TestClient leaving(server_->address());
  ASSERT_TRUE(leaving.get("/v1/scores/stream"));
  ASSERT_NE(leaving.read_through("event: score"), "");
  ASSERT_TRUE(client_->get("/v1/scores/stream"));
  next_event("score");
  leaving.abort();
  say(score_of(9));
  while (next_event("score").at("total").as_int64() != 9 && !HasFailure()) {
  }
}

TEST_F(ScoreboardServiceTest, AWatcherThatReadsTooSlowlyGetsFewerChangesAndTheLastOne) {
  // Scores of more than a megabyte, as the largest contest with long names has.
  const auto large_score = [](std::int64_t total) {
    Score score = score_of(total);
    for (int i = 0; i < 64 * 64 * 2; ++i) {
      score.counts.push_back({.faculty = fmt::format("{:0>90}", i % 64),
                              .discipline_id = i / 128,
                              .outcome = i / 64 % 2 == 0 ? Outcome::kWinner : Outcome::kLoser,
                              .count = 0});
    }
    return score;
  };
  say(large_score(1));
  start();
  http::TestClient slow(server_->address(), 4096);
  ASSERT_TRUE(slow.get("/v1/scores/stream"));
  ASSERT_NE(slow.read_through("event: score"), "");
  // Another subscriber shows when the server has sent every change. Statistics come with each.
  ASSERT_TRUE(client_->get("/v1/scores/stream"));
  constexpr std::int64_t kLast = 8;
  for (std::int64_t total = 2; total <= kLast; ++total) {
    say(large_score(total));
    clock_.advance(1000);
    ASSERT_NE(client_->read_through(fmt::format("data: {{\"total\":{}", total)), "") << total;
  }
  const std::string missed = slow.read_through(fmt::format("data: {{\"total\":{}", kLast));
  ASSERT_NE(missed, "") << "cut off";
  EXPECT_THAT(missed, Not(HasSubstr(fmt::format("data: {{\"total\":{}", kLast - 1))));
}

TEST_F(ScoreboardServiceTest, ThePageIsServed) {
  start();
  const auto response = get("/");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "<p>score</p>");
}

}  // namespace
}  // namespace estadio
