#include "estadio/faculty/faculty_service.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "base/units.h"
#include "estadio/contest/test_world.h"
#include "http/test_client.h"

namespace estadio {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::string_view kEntry = R"({"faculty":"Ingeniería","discipline":1})";

// Calls of judge() that the test has not answered yet.
class PendingBatches {
 public:
  struct Call {
    const EntryBatch* batch = nullptr;
    std::span<Verdict> verdicts;
    Judge::Done done;

    // Answers that all win and none is repeated, or gives the error.
    void answer(base::Result<void> result = {}) const {
      for (Verdict& verdict : verdicts) verdict = {.outcome = Outcome::kWinner};
      done(std::move(result));
    }
  };

  void add(Call call) {
    {
      const std::scoped_lock lock(mutex_);
      calls_.push_back(std::move(call));
    }
    changed_.notify_all();
  }
  // Returns the next call. Aborts when none comes.
  Call next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, test::kPatience, [&] { return !calls_.empty(); })) {
      ADD_FAILURE() << "nothing came to be judged";
      std::abort();
    }
    Call next = std::move(calls_.front());
    calls_.pop_front();
    return next;
  }
  [[nodiscard]] bool is_empty() const {
    const std::scoped_lock lock(mutex_);
    return calls_.empty();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Call> calls_;
};

class HeldJudge final : public Judge {
 public:
  explicit HeldJudge(PendingBatches& pending) : pending_(pending) {}
  // The destructor fails the remaining calls, as a judge does whose servers are lost.
  ~HeldJudge() override {
    const base::Error error(base::Code::kInternal, "the judge has gone");
    while (!pending_.is_empty()) pending_.next().answer(base::fail(error));
  }
  HeldJudge(const HeldJudge&) = delete;
  HeldJudge& operator=(const HeldJudge&) = delete;
  void judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) override {
    pending_.add({.batch = &batch, .verdicts = verdicts, .done = std::move(done)});
  }

 private:
  PendingBatches& pending_;
};

// The judges' clocks, which a test sets apart from its own.
class TestClocks final : public JudgeClocks {
 public:
  explicit TestClocks(const base::Clock& clock) : clock_(clock) {}

  [[nodiscard]] std::optional<JudgeTimes> now() const override {
    if (!is_known) return std::nullopt;
    const std::int64_t now_ms = clock_.wall_ms() + ahead_ms;
    return JudgeTimes{.earliest_ms = now_ms,
                      .latest_ms = now_ms,
                      .rule = RetryRule(std::chrono::minutes(10)),
                      .check = check};
  }

  std::atomic<bool> is_known{true};
  std::atomic<std::int64_t> ahead_ms{0};
  std::atomic<IdCheck> check{IdCheck::kByTime};

 private:
  const base::Clock& clock_;
};

class FacultyServiceTest : public testing::Test {
 protected:
  void start(FacultyEdge::Limits limits = {}) {
    edge_.reset(
        new FacultyEdge{.contest = contest_,
                        .judges = judges_,
                        .edge_stats = edge_stats_,
                        .clock = clock_,
                        .make_judge = [this] { return std::make_unique<HeldJudge>(pending_); },
                        .limits = limits});
    http::Server::Options options;
    options.address = *net::Address::parse("127.0.0.1:0");
    auto started = http::Server::open(std::move(options),
                                      {[this] { return std::make_unique<FacultyService>(*edge_); }},
                                      clock_, captured_.logger());
    ASSERT_TRUE(started) << started.error().message();
    server_ = *std::move(started);
    server_->serve();
    client_ = std::make_unique<http::TestClient>(server_->address());
  }

  // The bytes in flight of an entry without a student.
  [[nodiscard]] std::size_t record_bytes() const { return RecordFormat(contest_).bytes_max(1, 0); }

  static std::string request(std::string_view body, std::string_view path = "/v1/entries",
                             std::string_view type = "application/json") {
    return fmt::format(
        "POST {} HTTP/1.1\r\nHost: test\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", path,
        type, body.size(), body);
  }
  void post(std::string_view body, std::string_view path = "/v1/entries",
            std::string_view type = "application/json") {
    ASSERT_TRUE(client_->send(request(body, path, type)));
  }
  http::TestResponse expect_problem(int status) {
    auto response = client_->read_response();
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
    const auto json = boost::json::parse(response.body);
    EXPECT_EQ(json.at("status").as_int64(), status);
    EXPECT_FALSE(json.at("detail").as_string().empty());
    return response;
  }
  // Returns whether the server has sent nothing so far.
  [[nodiscard]] bool is_silent() const {
    pollfd waiting{.fd = client_->fd(), .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, 0) == 0;
  }

  Contest contest_ = Contest::defaults();
  EdgeStats edge_stats_;
  test::TestClock clock_;
  TestClocks judges_{clock_};
  test::CapturedLog captured_;
  PendingBatches pending_;
  std::unique_ptr<FacultyEdge> edge_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::TestClient> client_;
};

TEST_F(FacultyServiceTest, EntriesGet503WhileNoJudgesClockIsKnown) {
  judges_.is_known = false;
  start();
  post(kEntry);
  EXPECT_EQ(expect_problem(503).header("Retry-After"), "1");
  judges_.is_known = true;
  post(kEntry);
  pending_.next().answer();
  EXPECT_EQ(client_->read_response().status, 200);
}

TEST_F(FacultyServiceTest, AnswersWhenTheEntryIsDurableAndNotBefore) {
  start();
  post(kEntry);
  const auto held = pending_.next();
  EXPECT_TRUE(is_silent());
  EXPECT_EQ(edge_->in_flight_bytes, record_bytes());
  ASSERT_EQ(held.batch->entries.size(), 1U);
  const std::string id = held.batch->entries[0].id.to_string();
  held.answer();
  const auto response = client_->read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Type"), "application/json");
  EXPECT_EQ(response.body, fmt::format(R"({{"id":"{}","outcome":"winner"}})", id));
  EXPECT_EQ(edge_stats_.totals().accepted_entries, 1U);
  EXPECT_EQ(edge_stats_.latencies().count(), 1U);
  EXPECT_TRUE(test::eventually([&] { return edge_->in_flight_bytes == 0; }));
}

TEST_F(FacultyServiceTest, ARepeatIsMarkedAsRepeated) {
  start();
  const std::string id = test::numbered_id(5).to_string();
  post(fmt::format(R"({{"faculty":"agronomy","discipline":2,"id":"{}"}})", id));
  const auto held = pending_.next();
  EXPECT_TRUE(held.batch->entries[0].is_id_given);
  held.verdicts[0] = {.outcome = Outcome::kLoser, .is_repeated = true};
  held.done({});
  EXPECT_EQ(client_->read_response().body,
            fmt::format(R"({{"id":"{}","outcome":"loser","repeated":true}})", id));
  EXPECT_EQ(edge_stats_.totals().accepted_entries, 0U);
  EXPECT_EQ(edge_stats_.totals().repeated_entries, 1U);
}

TEST_F(FacultyServiceTest, ManyEntriesAreAnsweredWithTheirCounts) {
  start();
  const std::string one(kEntry);
  for (const auto& [body, type] :
       {std::pair("[" + one + "," + one + "," + one + "," + one + "]",
                  "application/json; charset=utf-8"),
        std::pair(one + "\n" + one + "\n" + one + "\n" + one + "\n", "application/x-ndjson"),
        std::pair(one + "\n" + one + "\n" + one + "\n" + one, "application/jsonl")}) {
    post(body, "/v1/entries", type);
    const auto held = pending_.next();
    ASSERT_EQ(held.batch->entries.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
      held.verdicts[i] = {.outcome = i == 0 ? Outcome::kLoser : Outcome::kWinner,
                          .is_repeated = i == 1};
    }
    held.done({});
    EXPECT_EQ(client_->read_response().body,
              R"({"accepted":4,"winners":3,"losers":1,"repeated":1})");
  }
}

TEST_F(FacultyServiceTest, RequestsOfOneRoundAreOneBatchAndAnsweredInOrder) {
  start();
  ASSERT_TRUE(client_->send(request(R"({"faculty":"agronomy","discipline":1})") +
                            request(R"({"faculty":"agronomy","discipline":9})") +
                            request(R"([{"faculty":"agronomy","discipline":2},)"
                                    R"({"faculty":"agronomy","discipline":3}])") +
                            request("{") + request(kEntry)));
  const auto held = pending_.next();
  ASSERT_EQ(held.batch->entries.size(), 4U) << "what was refused is not in the batch";
  EXPECT_EQ(held.batch->entries[2].discipline, 2);
  EXPECT_EQ(held.batch->entries[3].faculty, 0);
  held.answer();
  EXPECT_THAT(client_->read_response().body, HasSubstr("outcome"));
  expect_problem(422);
  EXPECT_EQ(client_->read_response().body, R"({"accepted":2,"winners":2,"losers":0,"repeated":0})");
  expect_problem(400);
  EXPECT_EQ(client_->read_response().status, 200);
  EXPECT_TRUE(pending_.is_empty());
}

TEST_F(FacultyServiceTest, EntriesThatArriveDuringABatchFormTheNextBatch) {
  start({.batches_at_judge = 1, .stuck_after = test::kPatience});
  post(kEntry);
  const PendingBatches::Call first = pending_.next();
  post(kEntry);
  post(kEntry);
  ASSERT_TRUE(test::eventually([&] { return server_->stats().requests == 3; }));
  EXPECT_TRUE(pending_.is_empty());
  first.answer();
  EXPECT_EQ(client_->read_response().status, 200);
  const PendingBatches::Call second = pending_.next();
  EXPECT_EQ(second.batch->entries.size(), 2U);
  second.answer();
  EXPECT_EQ(client_->read_response().status, 200);
  EXPECT_EQ(client_->read_response().status, 200);
}

TEST_F(FacultyServiceTest, AStuckBatchDoesNotDelayOthers) {
  start({.batches_at_judge = 1, .stuck_after = std::chrono::milliseconds(1)});
  post(kEntry);
  const PendingBatches::Call stuck = pending_.next();
  post(kEntry);
  const PendingBatches::Call other = pending_.next();
  other.answer();
  stuck.answer();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client_->read_response().status, 200);
}

TEST_F(FacultyServiceTest, ABatchSmallerThanTheOneBeforeLingersForMore) {
  start({.batches_at_judge = 1, .batch_linger = test::kPatience});
  ASSERT_TRUE(client_->send(request(kEntry) + request(kEntry)));
  const PendingBatches::Call two = pending_.next();
  ASSERT_EQ(two.batch->entries.size(), 2U);
  two.answer();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client_->read_response().status, 200);
  post(kEntry);
  ASSERT_TRUE(test::eventually([&] { return server_->stats().requests == 3; }));
  EXPECT_TRUE(pending_.is_empty());
  post(kEntry);
  const PendingBatches::Call next = pending_.next();
  EXPECT_EQ(next.batch->entries.size(), 2U);
  next.answer();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client_->read_response().status, 200);
}

TEST_F(FacultyServiceTest, ABatchThatNothingJoinsDoesNotLingerLong) {
  start({.batches_at_judge = 1, .batch_linger = std::chrono::milliseconds(1)});
  ASSERT_TRUE(client_->send(request(kEntry) + request(kEntry)));
  pending_.next().answer();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client_->read_response().status, 200);
  post(kEntry);
  pending_.next().answer();
  EXPECT_EQ(client_->read_response().status, 200);
}

TEST_F(FacultyServiceTest, EntriesThatDidNotReachTheJudgeInTimeWereNotKept) {
  start({.durability_timeout = std::chrono::milliseconds(500),
         .batches_at_judge = 1,
         .stuck_after = test::kPatience});
  post(kEntry);
  const PendingBatches::Call stuck = pending_.next();
  post(kEntry);
  expect_problem(504);
  expect_problem(503);
  stuck.answer();
  post(kEntry);
  pending_.next().answer();
  EXPECT_EQ(client_->read_response().status, 200);
  EXPECT_TRUE(test::eventually([&] { return edge_->in_flight_bytes == 0; }));
}

TEST_F(FacultyServiceTest, BatchesMayBecomeDurableInAnyOrder) {
  start();
  http::TestClient other(server_->address());
  post(R"({"faculty":"agronomy","discipline":1})");
  const auto first = pending_.next();
  ASSERT_TRUE(other.send(request(kEntry)));
  const auto second = pending_.next();
  const std::string first_id = first.batch->entries[0].id.to_string();
  second.answer();
  EXPECT_EQ(other.read_response().status, 200);
  EXPECT_TRUE(is_silent());
  // The second batch's room is used again while the first is still in flight.
  ASSERT_TRUE(other.send(request(kEntry)));
  pending_.next().answer();
  EXPECT_EQ(other.read_response().status, 200);
  first.answer();
  EXPECT_THAT(client_->read_response().body, HasSubstr(first_id));
}

TEST_F(FacultyServiceTest, EachFacultyHasItsPaths) {
  start();
  for (const auto& [path, faculty] :
       {std::pair("/ingenieria", 0), {"/engineering", 0}, {"/agronomia", 1}, {"/agronomy", 1}}) {
    post(R"({"discipline":1})", path);
    const auto held = pending_.next();
    EXPECT_EQ(held.batch->entries[0].faculty, faculty) << path;
    held.answer();
    EXPECT_EQ(client_->read_response().status, 200);
  }
  post(R"({"discipline":1,"faculty":"Ingeniería"})", "/agronomy");
  expect_problem(422);
  post(R"({"discipline":1})");
  expect_problem(422);
  post(R"({"discipline":1})", "/cocina");
  expect_problem(404);
  ASSERT_TRUE(client_->get("/ingenieria"));
  EXPECT_EQ(expect_problem(405).header("Allow"), "POST");
}

TEST_F(FacultyServiceTest, MalformedBodiesAreNamedByByteAndLine) {
  start();
  post(R"({"faculty":})");
  auto json = boost::json::parse(expect_problem(400).body);
  EXPECT_EQ(json.at("offset").as_int64(), 11);
  EXPECT_FALSE(json.as_object().contains("line"));
  post(std::string(kEntry) + "\n{\"faculty\":}\n", "/v1/entries", "application/x-ndjson");
  json = boost::json::parse(expect_problem(400).body);
  EXPECT_EQ(json.at("line").as_int64(), 2);
  EXPECT_EQ(json.at("offset").as_int64(), static_cast<std::int64_t>(kEntry.size()) + 12);
  EXPECT_TRUE(pending_.is_empty());
  EXPECT_EQ(edge_stats_.totals().rejected_requests, 2U);
  EXPECT_EQ(edge_->in_flight_bytes, 0U);
}

TEST_F(FacultyServiceTest, WrongFieldsAreListed) {
  start();
  post(R"([{"faculty":"agronomy","discipline":1},{"faculty":"\"x","discipline":1.5,"k\n":1}])");
  const auto json = boost::json::parse(expect_problem(422).body);
  const auto& errors = json.at("errors").as_array();
  ASSERT_EQ(errors.size(), 3U);
  EXPECT_EQ(errors[0].at("field").as_string(), "faculty");
  EXPECT_EQ(errors[0].at("index").as_int64(), 1);
  EXPECT_EQ(errors[1].at("field").as_string(), "discipline");
  EXPECT_EQ(errors[2].at("field").as_string(), "k\n");
  post("{}", "/v1/entries", "application/x-ndjson");
  EXPECT_EQ(boost::json::parse(expect_problem(422).body).at("errors").at(0).at("line").as_int64(),
            1);
  EXPECT_TRUE(pending_.is_empty());
}

TEST_F(FacultyServiceTest, AProblemIsJsonWithAnyKeys) {
  start();
  for (std::size_t size = 60; size < 66; ++size) {
    post("{\"" + std::string(size, 'k') + "😀😀\":1,\"faculty\":\"agronomy\",\"discipline\":1}");
    const auto response = client_->read_response();
    EXPECT_EQ(response.status, 422);
    boost::system::error_code error;
    boost::json::parse(response.body, error);
    EXPECT_FALSE(error) << error.message() << ": " << response.body;
  }
}

TEST_F(FacultyServiceTest, OtherMediaTypesAreRefused) {
  start();
  for (const char* type :
       {"text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"}) {
    post(kEntry, "/v1/entries", type);
    expect_problem(415);
  }
  EXPECT_TRUE(pending_.is_empty());
}

TEST_F(FacultyServiceTest, MoreEntriesThanARequestTakesAreRefused) {
  start({.entries_per_request = 2});
  const std::string one(kEntry);
  post("[" + one + "," + one + "," + one + "]");
  expect_problem(413);
  post("[" + one + "," + one + "]");
  pending_.next().answer();
  EXPECT_EQ(client_->read_response().status, 200);
}

TEST_F(FacultyServiceTest, BeyondTheBytesInFlightRequestsGet429UntilThereIsRoom) {
  start({.in_flight_bytes = record_bytes() * 2});
  http::TestClient first(server_->address());
  http::TestClient second(server_->address());
  ASSERT_TRUE(first.send(request(kEntry)));
  const auto one = pending_.next();
  ASSERT_TRUE(second.send(request(kEntry)));
  const auto two = pending_.next();
  post(kEntry);
  EXPECT_EQ(expect_problem(429).header("Retry-After"), "1");
  EXPECT_EQ(edge_->in_flight_bytes, record_bytes() * 2);
  one.answer();
  EXPECT_EQ(first.read_response().status, 200);
  ASSERT_TRUE(test::eventually([&] { return edge_->in_flight_bytes == record_bytes(); }));
  post(kEntry);
  pending_.next().answer();
  EXPECT_EQ(client_->read_response().status, 200);
  two.answer();
  EXPECT_EQ(second.read_response().status, 200);
  EXPECT_TRUE(test::eventually([&] { return edge_->in_flight_bytes == 0; }));
}

TEST_F(FacultyServiceTest, RefusedEntriesGet503AndUnknownOnes504) {
  start();
  for (const auto& [code, status] : {std::pair(base::Code::kUnavailable, 503),
                                     {base::Code::kResourceExhausted, 503},
                                     {base::Code::kInternal, 504},
                                     {base::Code::kDeadlineExceeded, 504},
                                     {base::Code::kCorruption, 504}}) {
    post(kEntry);
    pending_.next().answer(base::fail(code, "the log said so"));
    const auto response = expect_problem(status);
    EXPECT_EQ(response.header("Retry-After"), status == 503 ? "1" : "");
  }
  EXPECT_EQ(edge_stats_.totals().accepted_entries, 0U);
  EXPECT_EQ(edge_stats_.totals().rejected_requests, 5U);
  post(kEntry);
  pending_.next().answer();
  EXPECT_EQ(client_->read_response().status, 200);
}

TEST_F(FacultyServiceTest, EntriesNotDurableInTimeGetOne504) {
  start({.durability_timeout = std::chrono::milliseconds(1)});
  post(kEntry);
  const auto held = pending_.next();
  EXPECT_THAT(expect_problem(504).body, HasSubstr("same ids"));
  EXPECT_EQ(edge_->in_flight_bytes, record_bytes()) << "it is still under way";
  held.answer();
  EXPECT_TRUE(test::eventually([&] { return edge_->in_flight_bytes == 0; }));
  EXPECT_EQ(edge_stats_.totals().accepted_entries, 0U);
  // The next answer on the connection belongs to the next request.
  post("{");
  expect_problem(400);
}

// The verdicts must still exist. A sanitizer checks this.
TEST_F(FacultyServiceTest, AJudgeMayAnswerItsBatchesInItsDestructor) {
  start();
  post(kEntry);
  ASSERT_TRUE(test::eventually([&] { return !pending_.is_empty(); }));
  server_->stop(std::chrono::nanoseconds(0));
  server_.reset();
  EXPECT_TRUE(pending_.is_empty());
}

TEST_F(FacultyServiceTest, ABatchIsFinishedAfterItsClientHasGone) {
  start();
  post(kEntry);
  const auto held = pending_.next();
  client_->abort();
  held.answer();
  EXPECT_TRUE(test::eventually([&] { return edge_->in_flight_bytes == 0; }));
  client_ = std::make_unique<http::TestClient>(server_->address());
  post(kEntry);
  pending_.next().answer();
  EXPECT_EQ(client_->read_response().status, 200);
}

TEST_F(FacultyServiceTest, AnIdTooFarFromTheJudgesClocksIsRefusedWithBothTimes) {
  start();
  base::UuidGenerator ids;
  const auto body = [&](std::int64_t age_ms) {
    return fmt::format(R"({{"faculty":"agronomy","discipline":1,"id":"{}"}})",
                       ids.next(clock_.wall_ms() - age_ms).to_string());
  };
  post(body(599'000));
  pending_.next().answer();
  EXPECT_EQ(client_->read_response().status, 200);
  post(body(601'000));
  EXPECT_THAT(expect_problem(422).body,
              AllOf(HasSubstr(base::format_time(clock_.wall_ms() - 601'000)),
                    HasSubstr(base::format_time(clock_.wall_ms())), HasSubstr("at most 10m old")));
  post(body(-31'000));
  EXPECT_THAT(expect_problem(422).body, HasSubstr("ahead"));
  judges_.ahead_ms = 3'600'000;
  post(body(0));
  EXPECT_THAT(expect_problem(422).body, HasSubstr(base::format_time(clock_.wall_ms() + 3'600'000)));
  post(body(-3'600'000));
  pending_.next().answer();
  EXPECT_EQ(client_->read_response().status, 200);
}

TEST_F(FacultyServiceTest, AJudgesRefusalOfAnIdIs422WithBothTimesByItsReply) {
  start();
  base::UuidGenerator ids;
  const std::string id = ids.next(clock_.wall_ms()).to_string();
  post(fmt::format(R"({{"faculty":"agronomy","discipline":1,"id":"{}"}})", id));
  const auto held = pending_.next();
  held.verdicts[0].durability = Verdict::Durability::kNotInTime;
  judges_.ahead_ms = 3'600'000;  // the reply has shown it
  held.done({});
  EXPECT_THAT(expect_problem(422).body,
              AllOf(HasSubstr(base::format_time(clock_.wall_ms())),
                    HasSubstr(base::format_time(clock_.wall_ms() + 3'600'000))));
}

TEST_F(FacultyServiceTest, ARequestOfWhichAJudgeKeptAPartIsUnknown) {
  start();
  post(fmt::format("[{},{}]", kEntry, kEntry));
  const auto held = pending_.next();
  held.verdicts[1].durability = Verdict::Durability::kNotInTime;
  held.done({});
  expect_problem(504);
}

// Sets the verdict of an entry whose id the log has with another discipline.
void set_conflict(Verdict& verdict) {
  verdict.durability = Verdict::Durability::kConflict;
  verdict.conflict = EntryField::kDiscipline;
}

TEST_F(FacultyServiceTest, AnIdThatWasAcceptedWithAnotherContentIs409) {
  start();
  post(kEntry);
  const auto held = pending_.next();
  set_conflict(held.verdicts[0]);
  held.done({});
  const auto problem = boost::json::parse(expect_problem(409).body);
  EXPECT_THAT(std::string(problem.at("detail").as_string()), HasSubstr("its discipline differs"));
  EXPECT_EQ(problem.at("errors").at(0).at("field").as_string(), "discipline");
  EXPECT_EQ(edge_stats_.totals().accepted_entries, 0U);
}

TEST_F(FacultyServiceTest, ConflictsAreListedAndOtherEntriesAccepted) {
  start();
  post(fmt::format("[{0},{0},{0}]", kEntry));
  const auto held = pending_.next();
  set_conflict(held.verdicts[1]);
  held.done({});
  const auto problem = boost::json::parse(expect_problem(409).body);
  EXPECT_THAT(std::string(problem.at("detail").as_string()), HasSubstr("1 of 3 entries"));
  ASSERT_EQ(problem.at("errors").as_array().size(), 1U);
  EXPECT_EQ(problem.at("errors").at(0).at("index").as_int64(), 1);
  EXPECT_EQ(edge_stats_.totals().accepted_entries, 2U);
}

TEST_F(FacultyServiceTest, AConflictIsNotShownWhileTheOtherEntriesAreUnknown) {
  start();
  post(fmt::format("[{0},{0},{0}]", kEntry));
  auto held = pending_.next();
  set_conflict(held.verdicts[1]);
  held.done(base::fail(base::Code::kInternal, "who knows"));
  expect_problem(504);
  post(fmt::format("[{0},{0},{0}]", kEntry));
  held = pending_.next();
  set_conflict(held.verdicts[1]);
  held.done(base::fail(base::Code::kUnavailable, "away"));
  expect_problem(503);
}

TEST_F(FacultyServiceTest, TheJudgeAndNotTheEdgesClockSaysWhenTheContestIsOver) {
  contest_ = *Contest::from_toml("closes_at = 2026-12-01T18:00:00Z", "test");
  clock_.set(*contest_.closes_at_ms() + 3'600'000);
  start();
  post(kEntry);
  pending_.next().answer();
  EXPECT_EQ(client_->read_response().status, 200);
  post(kEntry);
  const auto held = pending_.next();
  held.verdicts[0].durability = Verdict::Durability::kOver;
  held.done(base::fail(base::Code::kUnavailable, "being settled"));
  expect_problem(403);
}

TEST_F(FacultyServiceTest, AfterTheContestEachRequestIsAnsweredByItsOwnEntries) {
  using Durability = Verdict::Durability;
  start();
  const std::string two = fmt::format("[{},{}]", kEntry, kEntry);
  ASSERT_TRUE(client_->send(request(kEntry) + request(two) + request(kEntry) + request(kEntry) +
                            request(two) + request(two)));
  const auto held = pending_.next();
  ASSERT_EQ(held.verdicts.size(), 9U);
  const Durability durabilities[] = {
      Durability::kKept,    Durability::kKept,     Durability::kOver,
      Durability::kOver,    Durability::kRefused,  Durability::kOver,
      Durability::kRefused, Durability::kConflict, Durability::kOver};
  for (std::size_t i = 0; i < held.verdicts.size(); ++i) {
    held.verdicts[i].durability = durabilities[i];
    held.verdicts[i].is_repeated = durabilities[i] == Durability::kKept;
  }
  held.done(base::fail(base::Code::kUnavailable, "being settled"));
  EXPECT_THAT(client_->read_response().body, HasSubstr(R"("repeated":true)"));
  expect_problem(403);  // only a part was kept
  expect_problem(403);
  EXPECT_EQ(expect_problem(503).header("Retry-After"), "1");
  EXPECT_EQ(expect_problem(503).header("Retry-After"), "1") << "one entry is not settled yet";
  expect_problem(403);
  EXPECT_EQ(edge_stats_.totals().repeated_entries, 1U);
  EXPECT_TRUE(test::eventually([&] { return edge_->in_flight_bytes == 0; }));
}

TEST_F(FacultyServiceTest, OnceTheContestEndsAnIdMayHaveAnyTime) {
  start();
  base::UuidGenerator ids;
  const std::string old = fmt::format(R"({{"faculty":"agronomy","discipline":1,"id":"{}"}})",
                                      ids.next(clock_.wall_ms() - 86'400'000).to_string());
  post(old);
  expect_problem(422);
  judges_.check = IdCheck::kAnyTime;
  post(old);
  pending_.next().answer();
  EXPECT_EQ(client_->read_response().status, 200);
}

TEST_F(FacultyServiceTest, EachRequestOfAPartlyFailedBatchIsAnsweredByItsOwnEntries) {
  using Durability = Verdict::Durability;
  start();
  // Sent in one piece, so that one batch has them all.
  const std::string two = fmt::format("[{},{}]", kEntry, kEntry);
  ASSERT_TRUE(client_->send(request(kEntry) + request(kEntry) + request(kEntry) + request(two) +
                            request(two)));
  const auto held = pending_.next();
  ASSERT_EQ(held.verdicts.size(), 7U);
  const Durability durabilities[] = {
      Durability::kKept, Durability::kOfBatch, Durability::kUnknown, Durability::kKept,
      Durability::kKept, Durability::kKept,    Durability::kRefused};
  for (std::size_t i = 0; i < held.verdicts.size(); ++i)
    held.verdicts[i].durability = durabilities[i];
  held.done(base::fail(base::Code::kUnavailable, "one of the judges is away"));
  EXPECT_EQ(client_->read_response().status, 200);
  EXPECT_EQ(expect_problem(503).header("Retry-After"), "1");
  expect_problem(504);
  EXPECT_EQ(client_->read_response().status, 200);
  expect_problem(504);  // only a part was kept: the client must send all of it again
  EXPECT_EQ(edge_stats_.totals().accepted_entries, 3U);
  EXPECT_TRUE(test::eventually([&] { return edge_->in_flight_bytes == 0; }));
}

}  // namespace
}  // namespace estadio
