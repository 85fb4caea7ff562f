// RedisScoreBook against real servers, because a double of Redis would behave otherwise in a crash.
#include "estadio/score/redis_score_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "estadio/contest/score_book_contract.h"
#include "estadio/contest/test_world.h"
#include "estadio/score/test_redis_server.h"

namespace estadio {
namespace {

using base::Code;
using test::TestRedisServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};

// Returns the server of all tests that do not change its state. It ends with the program's last
// thread.
TestRedisServer& shared_server() {
  static TestRedisServer server;
  return server;
}

// Returns a prefix that no earlier test had.
std::string next_prefix() {
  static int count = 0;
  return fmt::format("test-{}", ++count);
}

RedisScoreBook::Options at(const TestRedisServer& server, const std::string& prefix) {
  RedisScoreBook::Options options;
  options.url = server.unix_url();
  options.prefix = prefix;
  return options;
}

// Replaces the book when there is no server. No test calls it then.
class NoBook final : public ScoreBook {
 public:
  base::Result<CommitOutcome> commit(const ScoreCommit&) override { return none(); }
  base::Result<Score> read() const override { return none(); }

 private:
  static base::Failure none() { return base::fail(Code::kInternal, "there is no server"); }
};

class RedisHarness {
 public:
  ScoreBook& open(const Contest& contest) { return reopen(contest); }
  ScoreBook& reopen(const Contest& contest) {
    if (const std::string reason = TestRedisServer::missing(); !reason.empty()) {
      [&] { GTEST_SKIP() << reason; }();
      return no_book_;
    }
    book_.reset();
    auto opened =
        RedisScoreBook::open(at(shared_server(), prefix_), contest, clock_, log_.logger());
    if (!opened) {
      ADD_FAILURE() << opened.error().message();
      std::abort();
    }
    book_ = *std::move(opened);
    return *book_;
  }

 private:
  const std::string prefix_ = next_prefix();
  base::SystemClock clock_;
  test::CapturedLog log_;
  NoBook no_book_;
  std::unique_ptr<RedisScoreBook> book_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Redis, ScoreBookContract, RedisHarness);

class RedisScoreBookTest : public testing::Test {
 protected:
  using Book = std::unique_ptr<RedisScoreBook>;

  void SetUp() override {
    if (const std::string reason = TestRedisServer::missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
  }

  base::Result<Book> try_open(RedisUrl url, std::string password = {}, std::string ca_file = {}) {
    return RedisScoreBook::open({.url = std::move(url),
                                 .password = std::move(password),
                                 .ca_file = std::move(ca_file),
                                 .prefix = prefix_,
                                 .command_timeout = command_timeout_},
                                contest_, clock_, log_.logger());
  }
  Book open(const TestRedisServer& server) {
    auto opened = try_open(server.unix_url());
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *std::move(opened) : nullptr;
  }

  static ScoreCommit range(std::int64_t first, std::int64_t next,
                           PartitionId partition = kWinners0) {
    return {.partition = partition,
            .before = state_at(first),
            .after = state_at(next),
            .deltas = {{.faculty = 1, .discipline = 1, .count = next - first}},
            .not_counted = {}};
  }
  static PartitionState state_at(std::int64_t offset) {
    return {.incarnation = test::numbered_id(1),
            .next_offset = offset,
            .chain = {.before_last = 1, .all = static_cast<std::uint64_t>(offset)}};
  }
  [[nodiscard]] std::string key(std::string_view name) const {
    return fmt::format("{{{}}}:{}", prefix_, name);
  }
  // Returns all keys and values of the book on the server, as text.
  [[nodiscard]] std::string contents(const TestRedisServer& server) const {
    std::string text;
    for (const char* name :
         {"positions", "breakdown", "by_faculty", "by_discipline", "by_outcome"}) {
      text += server.command({"HGETALL", key(name)}) + "; ";
    }
    return text + server.command({"HGETALL", key("not_counted")});
  }
  // Commits up to `end` in steps of one, as a reader does. Repeats after an error, from the
  // position that the book returns. Returns the number of commits that were reported as applied.
  static std::int64_t count_to(RedisScoreBook& book, std::int64_t end, PartitionId partition) {
    std::int64_t applied = 0;
    for (std::int64_t at = 0; at < end;) {
      const auto outcome = book.commit(range(at, at + 1, partition));
      if (!outcome) {
        if (outcome.error().code() == Code::kUnavailable) continue;
        ADD_FAILURE() << outcome.error().message();
        return applied;
      }
      if (outcome->is_applied) ++applied;
      at = outcome->position;
    }
    return applied;
  }
  // Returns the number of the server's clients, this one included.
  static std::size_t clients_of(const TestRedisServer& server) {
    std::istringstream clients(server.command({"CLIENT", "LIST"}));
    std::size_t count = 0;
    for (std::string line; std::getline(clients, line);) ++count;
    return count;
  }
  template <class T>
  static base::Error error_of(const base::Result<T>& result) {
    EXPECT_FALSE(result);
    return result ? base::Error(Code::kInternal, "no error") : result.error();
  }

  const Contest contest_ = Contest::defaults();
  const std::string prefix_ = next_prefix();
  std::chrono::milliseconds command_timeout_ = test::kPatience;
  base::SystemClock clock_;
  test::CapturedLog log_;
};

TEST_F(RedisScoreBookTest, APersonCanReadTheScoreInTheKeys) {
  const Book book = open(shared_server());
  ScoreCommit commit = range(0, 10);
  commit.deltas = {{.faculty = 0, .discipline = 0, .count = 4},
                   {.faculty = 1, .discipline = 0, .count = 5}};
  commit.not_counted.repeated = 1;
  commit.not_counted.not_in_time = 3;
  ASSERT_TRUE(book->commit(commit)->is_applied);
  commit.not_counted.not_in_time = 0;
  commit.partition.topic = Outcome::kLoser;
  commit.partition.number = 3;
  commit.deltas = {{.faculty = 0, .discipline = 2, .count = 9}};
  ASSERT_TRUE(book->commit(commit)->is_applied);
  const auto hash = [&](std::string_view name) {
    return shared_server().command({"HGETALL", key(name)});
  };
  EXPECT_EQ(hash("by_faculty"), "Agronomía 5 Ingeniería 13");
  EXPECT_EQ(hash("by_discipline"), "1 9 3 9");
  EXPECT_EQ(hash("by_outcome"), "winner 9 loser 9");
  EXPECT_EQ(hash("breakdown"), "winner/1/Agronomía 5 winner/1/Ingeniería 4 loser/3/Ingeniería 9");
  const std::string id = test::numbered_id(1).to_string();
  for (const char* partition : {"winners/0", "losers/3"}) {
    EXPECT_EQ(shared_server().command({"HGET", key("positions"), partition}),
              id + " 10 0000000000000001 000000000000000a");
  }
  EXPECT_EQ(hash("not_counted"), "not_in_time 3 repeated 2");
}

TEST_F(RedisScoreBookTest, AReplacedBookHoldsTheNewScoreAloneAndRefusesCommitsOfTheOldOne) {
  TestRedisServer& server = shared_server();
  const Book book = open(server);
  ASSERT_TRUE(book->commit(range(0, 10))->is_applied);
  server.command({"HSET", key("by_faculty"), "Nadie", "x"});
  server.command({"DEL", key("breakdown")});
  Score score;
  score.counts = {
      {.faculty = "Ingeniería", .discipline_id = 2, .outcome = Outcome::kLoser, .count = 7}};
  score.positions = {{.partition = kWinners0, .state = state_at(4)},
                     {.partition = {.topic = Outcome::kLoser, .number = 1}, .state = state_at(9)}};
  score.not_counted = {.repeated = 2, .not_in_time = 4};
  const auto replaced = book->replace(score);
  ASSERT_TRUE(replaced) << replaced.error().message();
  EXPECT_EQ(book->read_stored()->values, book->values_of(score));
  EXPECT_EQ(book->read_with_sums()->sums, book->sums_of(score));
  const auto read = book->read();
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->total(), 7);
  EXPECT_EQ(read->not_counted, score.not_counted);
  const auto stale = book->commit(range(10, 20));
  ASSERT_TRUE(stale);
  EXPECT_FALSE(stale->is_applied);
  EXPECT_EQ(stale->position, 4);
  EXPECT_TRUE(book->commit(range(4, 20))->is_applied);
}

TEST_F(RedisScoreBookTest, ARepairReadsForeignValuesAndLeavesOtherTypesAlone) {
  TestRedisServer& server = shared_server();
  const Book book = open(server);
  ASSERT_TRUE(book->commit(range(0, 10))->is_applied);
  ASSERT_TRUE(book->commit(range(0, 3, {.topic = Outcome::kLoser, .number = 1}))->is_applied);
  server.command({"HSET", key("positions"), "winners/0", "x"});
  server.command({"DEL", key("by_outcome")});
  const auto stored = book->read_stored();
  ASSERT_TRUE(stored) << stored.error().message();
  EXPECT_EQ(stored->values.at(key("positions") + ", field winners/0"), "x");
  ASSERT_EQ(stored->positions.size(), 1U);
  EXPECT_EQ(stored->positions[0].state, state_at(3));
  server.command({"SET", key("by_outcome"), "mine"});
  const std::string before = server.command({"HGETALL", key("breakdown")});
  EXPECT_EQ(error_of(book->read_stored()).code(), Code::kFailedPrecondition);
  const auto replaced = book->replace(Score());
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(server.command({"HGETALL", key("breakdown")}), before);
}

TEST_F(RedisScoreBookTest, BooksOfDifferentPrefixesAreSeparate) {
  const Book book = open(shared_server());
  ASSERT_TRUE(book->commit(range(0, 10))->is_applied);
  auto other =
      RedisScoreBook::open(at(shared_server(), next_prefix()), contest_, clock_, log_.logger());
  ASSERT_TRUE(other);
  EXPECT_EQ((*other)->read()->total(), 0);
}

TEST_F(RedisScoreBookTest, TheScoreIsExactAfterTheServerWasKilledDuringCommits) {
  static constexpr std::int64_t kEnd = 2000;
  static constexpr int kKills = 4;
  TestRedisServer server;
  const Book book = open(server);
  std::vector<std::jthread> readers;
  for (const int number : {0, 1, 2}) {
    readers.emplace_back(
        [&book, number] { count_to(*book, kEnd, {.topic = Outcome::kWinner, .number = number}); });
  }
  for (int kill = 1; kill <= kKills; ++kill) {
    EXPECT_TRUE(test::eventually([&] {
      const auto score = book->read();
      return score && score->position(kWinners0) >= kill * kEnd / (kKills + 1);
    }));
    server.kill();
    server.start();
  }
  readers.clear();
  const auto score = book->read();
  ASSERT_TRUE(score) << score.error().message();
  EXPECT_EQ(score->total(), 3 * kEnd);
  for (const int number : {0, 1, 2}) {
    EXPECT_EQ(score->position({.topic = Outcome::kWinner, .number = number}), kEnd);
  }
  EXPECT_EQ(server.command({"HGETALL", key("by_outcome")}), fmt::format("winner {}", 3 * kEnd));
  EXPECT_EQ(server.command({"HGETALL", key("by_faculty")}), fmt::format("Agronomía {}", 3 * kEnd));
}

TEST_F(RedisScoreBookTest, AServerThatIsAwayIsUnavailableAndTheNextCallAfterItsReturnSucceeds) {
  TestRedisServer server;
  const Book book = open(server);
  ASSERT_TRUE(book->commit(range(0, 10))->is_applied);
  server.kill();
  for (int i = 0; i < 2; ++i) {
    const base::Error error = error_of(book->commit(range(10, 20)));
    EXPECT_EQ(error.code(), Code::kUnavailable);
    EXPECT_THAT(error.message(), AllOf(HasSubstr("adding to the score"),
                                       HasSubstr("Redis at unix:" + server.folder())));
    EXPECT_EQ(error_of(book->read()).code(), Code::kUnavailable);
  }
  server.start();
  EXPECT_TRUE(book->commit(range(10, 20))->is_applied);
  EXPECT_EQ(book->read()->total(), 20);
}

TEST_F(RedisScoreBookTest, ACallSucceedsAfterTheServerClosedTheConnection) {
  const Book book = open(shared_server());
  ASSERT_TRUE(book->commit(range(0, 10))->is_applied);
  shared_server().command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  const auto outcome = book->commit(range(10, 20));
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_TRUE(outcome->is_applied);
}

TEST_F(RedisScoreBookTest, ScriptsThatTheServerForgotAreLoadedAgain) {
  const Book book = open(shared_server());
  for (std::int64_t at = 0; at < 3; ++at) {
    shared_server().command({"SCRIPT", "FLUSH"});
    const auto outcome = book->commit(range(at, at + 1));
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_TRUE(outcome->is_applied);
    shared_server().command({"SCRIPT", "FLUSH"});
    EXPECT_EQ(book->read()->total(), at + 1);
  }
}

TEST_F(RedisScoreBookTest, AnEmptiedBookReturnsItsPositionAndIsCountedAgain) {
  TestRedisServer server;
  const Book book = open(server);
  ASSERT_TRUE(book->commit(range(0, 10))->is_applied);
  server.command({"FLUSHALL"});
  const auto outcome = book->commit(range(10, 20));
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_FALSE(outcome->is_applied);
  EXPECT_EQ(outcome->position, 0);
  EXPECT_EQ(contents(server), "; ; ; ; ; ");
  EXPECT_EQ(count_to(*book, 20, kWinners0), 20);
  EXPECT_EQ(book->read()->total(), 20);
}

TEST_F(RedisScoreBookTest, AnOlderBookReturnsItsPositionAndNothingCountsTwice) {
  TestRedisServer server;
  const Book book = open(server);
  ASSERT_TRUE(book->commit(range(0, 10))->is_applied);
  // A crash can lose the end of the append-only file.
  const std::filesystem::path data = server.folder() + "/appendonlydir";
  const std::filesystem::path older = server.folder() + "/older";
  std::filesystem::copy(data, older);
  ASSERT_TRUE(book->commit(range(10, 25))->is_applied);
  server.kill();
  std::filesystem::remove_all(data);
  std::filesystem::rename(older, data);
  server.start();
  auto outcome = book->commit(range(25, 30));
  // The old connection was closed or broke.
  if (!outcome) outcome = book->commit(range(25, 30));
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_FALSE(outcome->is_applied);
  EXPECT_EQ(outcome->position, 10);
  EXPECT_EQ(book->read()->total(), 10);
  EXPECT_TRUE(book->commit(range(10, 30))->is_applied);
  EXPECT_EQ(book->read()->total(), 30);
}

TEST_F(RedisScoreBookTest, ThePositionShowsWhetherACommitWithoutAnAnswerWasApplied) {
  TestRedisServer server;
  command_timeout_ = std::chrono::seconds(1);
  const Book book = open(server);
  ASSERT_NE(book, nullptr);
  server.pause();
  const base::Error error = error_of(book->commit(range(0, 10)));
  EXPECT_EQ(error.code(), Code::kUnavailable);
  EXPECT_THAT(error.message(), HasSubstr("no answer in time"));
  server.resume();
  std::optional<CommitOutcome> again;
  EXPECT_TRUE(test::eventually([&] {
    const auto outcome = book->commit(range(0, 10));
    if (outcome) again = *outcome;
    return again.has_value();
  }));
  EXPECT_EQ(again->position, 10);
  EXPECT_TRUE(test::eventually([&] {
    const auto score = book->read();
    return score && score->total() == 10;
  }));
}

TEST_F(RedisScoreBookTest, ManyThreadsShareAFewConnections) {
  static constexpr std::int64_t kEnd = 100;
  static constexpr int kThreads = 24;
  TestRedisServer server;
  const Book book = open(server);
  std::atomic<std::int64_t> applied = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] { applied += count_to(*book, kEnd, kWinners0); });
  }
  threads.clear();
  EXPECT_EQ(applied, kEnd);
  EXPECT_EQ(book->read()->total(), kEnd);
  EXPECT_LE(clients_of(server), RedisClient::kConnectionsMax + 1);
}

TEST_F(RedisScoreBookTest, AFailedConnectionClosesTheIdleOnes) {
  TestRedisServer server;
  command_timeout_ = std::chrono::seconds(1);
  const Book book = open(server);
  ASSERT_NE(book, nullptr);
  std::atomic<bool> is_done = false;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!is_done) static_cast<void>(book->read());
    });
  }
  EXPECT_TRUE(test::eventually([&] { return clients_of(server) > 2; }));
  is_done = true;
  threads.clear();
  server.pause();
  EXPECT_EQ(error_of(book->read()).code(), Code::kUnavailable);
  server.resume();
  EXPECT_TRUE(test::eventually([&] { return clients_of(server) == 1; }));
}

TEST_F(RedisScoreBookTest, AKeyOfAnotherTypeIsNamedAndNothingChanges) {
  for (const char* name :
       {"positions", "breakdown", "by_faculty", "by_discipline", "by_outcome", "not_counted"}) {
    TestRedisServer& server = shared_server();
    server.command({"DEL", key("positions"), key("breakdown"), key("by_faculty"),
                    key("by_discipline"), key("by_outcome"), key("not_counted")});
    const Book book = open(server);
    ScoreCommit commit = range(0, 10);
    commit.not_counted.repeated = 1;
    ASSERT_TRUE(book->commit(commit)->is_applied);
    server.command({"DEL", key(name)});
    server.command({"LPUSH", key(name), "x"});
    const std::string before = contents(server);
    for (const base::Error& error :
         {error_of(book->commit(range(10, 20))), error_of(book->read())}) {
      EXPECT_EQ(error.code(), Code::kFailedPrecondition);
      EXPECT_THAT(error.message(), HasSubstr(key(name) + " is a list"));
    }
    EXPECT_EQ(contents(server), before);
  }
}

TEST_F(RedisScoreBookTest, AValueThatTheBookDidNotWriteIsNamedAndNothingChanges) {
  struct Case {
    const char* name;
    std::string field;
    std::string value;
  };
  TestRedisServer& server = shared_server();
  const Book book = open(server);
  const std::string id = test::numbered_id(1).to_string();
  // Values that a commit reads.
  for (const auto& [name, field, value] :
       {Case{"breakdown", "winner/2/Agronomía", "many"},
        {"breakdown", "winner/2/Agronomía", "-1"},
        {"breakdown", "winner/2/Agronomía", "01"},
        {"breakdown", "winner/2/Agronomía", "1.5"},
        {"breakdown", "winner/2/Agronomía", "1000000000000000000"},
        {"by_faculty", "Agronomía", "x"},
        {"by_discipline", "2", ""},
        {"by_outcome", "winner", "x"},
        {"positions", "winners/0", "10"},
        {"positions", "winners/0", id + " x"},
        {"positions", "winners/0", id + "  10"},
        {"positions", "winners/0", id + " 10"},
        {"positions", "winners/0", id + " 10 0000000000000001"},
        {"positions", "winners/0", id + " 10 0000000000000001 000000000000000"},
        {"positions", "winners/0", id + " 10 0000000000000001 000000000000000A"},
        {"positions", "winners/0", "x 10 0000000000000001 0000000000000002"}}) {
    server.command({"DEL", key("positions"), key("breakdown"), key("by_faculty"),
                    key("by_discipline"), key("by_outcome")});
    ASSERT_TRUE(book->commit(range(0, 10))->is_applied);
    server.command({"HSET", key(name), field, value});
    const std::string before = contents(server);
    const base::Error error = error_of(book->commit(range(10, 20)));
    EXPECT_EQ(error.code(), Code::kCorruption) << name << " " << value;
    EXPECT_THAT(error.message(),
                HasSubstr(fmt::format("{}, field {} holds '{}'", key(name), field, value)));
    EXPECT_EQ(contents(server), before);
  }
  // Values that read() reads.
  for (const auto& [name, field, value] :
       {Case{"breakdown", "winner/2/Agronomía", "many"},
        {"breakdown", "winner/2", "1"},
        {"breakdown", "draw/2/Agronomía", "1"},
        {"breakdown", "winner/x/Agronomía", "1"},
        {"positions", "winners/x", id + " 1 0000000000000001 0000000000000002"},
        {"positions", "winner/0", id + " 1 0000000000000001 0000000000000002"},
        {"positions", "winners/0", id + " 1"},
        {"positions", "winners/0", "x 1"}}) {
    server.command({"DEL", key("positions"), key("breakdown"), key("by_faculty"),
                    key("by_discipline"), key("by_outcome")});
    ASSERT_TRUE(book->commit(range(0, 10))->is_applied);
    server.command({"HSET", key(name), field, value});
    const base::Error error = error_of(book->read());
    EXPECT_EQ(error.code(), Code::kCorruption) << name << " " << field;
    EXPECT_THAT(error.message(),
                HasSubstr(fmt::format("{}, field {} holds '{}'", key(name), field, value)));
  }
}

TEST_F(RedisScoreBookTest, ACountOfRecordsNotCountedThatIsNoNumberIsNamed) {
  const Book book = open(shared_server());
  ScoreCommit commit = range(0, 10);
  commit.not_counted.repeated = 1;
  ASSERT_TRUE(book->commit(commit)->is_applied);
  shared_server().command({"HSET", key("not_counted"), "repeated", "x"});
  commit.before = state_at(10);
  commit.after = state_at(20);
  for (const base::Error& error : {error_of(book->commit(commit)), error_of(book->read())}) {
    EXPECT_EQ(error.code(), Code::kCorruption);
    EXPECT_THAT(error.message(), HasSubstr(key("not_counted") + ", field repeated holds 'x'"));
  }
}

TEST_F(RedisScoreBookTest, ABookThatLostAKeyIsNotCountedOn) {
  TestRedisServer& server = shared_server();
  const Book book = open(server);
  for (const char* name : {"positions", "breakdown", "by_faculty", "by_discipline", "by_outcome"}) {
    server.command({"DEL", key("positions"), key("breakdown"), key("by_faculty"),
                    key("by_discipline"), key("by_outcome")});
    ASSERT_TRUE(book->commit(range(0, 10))->is_applied);
    server.command({"DEL", key(name)});
    for (const ScoreCommit& commit : {range(0, 10), range(10, 20)}) {
      const base::Error error = error_of(book->commit(commit));
      EXPECT_EQ(error.code(), Code::kCorruption);
      EXPECT_THAT(error.message(), HasSubstr(key(name) + " is missing"));
    }
    EXPECT_EQ(error_of(book->read()).code(), Code::kCorruption);
  }
}

TEST_F(RedisScoreBookTest, AServerOutOfMemoryRefusesAndNothingChanges) {
  TestRedisServer server({.settings = {"maxmemory-policy noeviction"}});
  const Book book = open(server);
  ASSERT_TRUE(book->commit(range(0, 10))->is_applied);
  server.command({"CONFIG", "SET", "maxmemory", "1"});
  const std::string before = contents(server);
  for (int i = 0; i < 2; ++i) {
    const base::Error error = error_of(book->commit(range(10, 20)));
    EXPECT_EQ(error.code(), Code::kResourceExhausted);
    EXPECT_THAT(error.message(), HasSubstr("OOM"));
    // The same when the script must be loaded again.
    server.command({"SCRIPT", "FLUSH"});
  }
  EXPECT_EQ(contents(server), before);
  EXPECT_EQ(book->read()->total(), 10);
  server.command({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_TRUE(book->commit(range(10, 20))->is_applied);
  EXPECT_EQ(book->read()->total(), 20);
}

TEST_F(RedisScoreBookTest, AServerThatMayDeleteTheScoreIsRefused) {
  for (const char* policy : {"allkeys-lru", "volatile-ttl"}) {
    const TestRedisServer server(
        {.settings = {"maxmemory 100mb", fmt::format("maxmemory-policy {}", policy)}});
    const base::Error error = error_of(try_open(server.unix_url()));
    EXPECT_EQ(error.code(), Code::kFailedPrecondition);
    EXPECT_THAT(error.message(), AllOf(HasSubstr(policy), HasSubstr("noeviction")));
    server.command({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
    EXPECT_TRUE(try_open(server.unix_url()));
    server.command({"CONFIG", "SET", "maxmemory-policy", policy});
    server.command({"CONFIG", "SET", "maxmemory", "0"});
    EXPECT_TRUE(try_open(server.unix_url())) << "memory is never short";
  }
  EXPECT_EQ(log_.text(), "");
}

TEST_F(RedisScoreBookTest, HiddenSettingsOfTheServerAreAWarning) {
  const TestRedisServer server;
  server.command({"ACL", "SETUSER", "tally", "on", ">secret", "~*", "+@all", "-config"});
  RedisUrl url = server.unix_url();
  url.user = "tally";
  const auto book = try_open(url, "secret");
  ASSERT_TRUE(book) << book.error().message();
  EXPECT_TRUE((*book)->commit(range(0, 10))->is_applied);
  EXPECT_THAT(log_.text(), AllOf(HasSubstr("warning"), HasSubstr("noeviction"), HasSubstr("NOPERM"),
                                 Not(HasSubstr("secret"))));
}

TEST_F(RedisScoreBookTest, TheDocumentedRightsSuffice) {
  const TestRedisServer server;
  const std::string keys = fmt::format("~{{{}}}:*", prefix_);
  server.command({"ACL",      "SETUSER", "tally",        "on",       ">secret",  keys,
                  "+ping",    "+select", "+script|load", "+evalsha", "+eval",    "+evalsha_ro",
                  "+eval_ro", "+type",   "+get",         "+hget",    "+hgetall", "+hset",
                  "+hincrby", "+incrby", "+config|get"});
  server.command({"ACL", "SETUSER", "board", "on", ">secret", "%R" + keys, "+ping", "+select",
                  "+script|load", "+evalsha_ro", "+eval_ro", "+type", "+get", "+hgetall",
                  "+config|get"});
  RedisUrl url = server.unix_url();
  url.user = "tally";
  const auto tally = try_open(url, "secret");
  ASSERT_TRUE(tally) << tally.error().message();
  url.user = "board";
  const auto board = try_open(url, "secret");
  ASSERT_TRUE(board) << board.error().message();
  server.command({"SCRIPT", "FLUSH"});
  EXPECT_TRUE((*tally)->commit(range(0, 10))->is_applied);
  server.command({"SCRIPT", "FLUSH"});
  EXPECT_EQ((*board)->read()->total(), 10);
  const base::Error error = error_of((*board)->commit(range(10, 20)));
  EXPECT_EQ(error.code(), Code::kFailedPrecondition) << error.message();
  EXPECT_EQ((*tally)->read()->total(), 10);
  EXPECT_EQ(log_.text(), "");
}

TEST_F(RedisScoreBookTest, ARightThatIsMissingIsNamedAndNothingChanges) {
  const TestRedisServer server;
  for (const char* missing : {"hset", "hincrby"}) {
    server.command({"ACL", "SETUSER", "tally", "reset"});
    server.command(
        {"ACL", "SETUSER", "tally", "on", ">secret", "~*", "+@all", fmt::format("-{}", missing)});
    RedisUrl url = server.unix_url();
    url.user = "tally";
    const auto book = try_open(url, "secret");
    ASSERT_TRUE(book) << book.error().message();
    ScoreCommit commit = range(0, 10);
    commit.not_counted.repeated = 1;
    const base::Error error = error_of((*book)->commit(commit));
    EXPECT_EQ(error.code(), Code::kFailedPrecondition);
    EXPECT_THAT(error.message(), testing::ContainsRegex("may not (HSET|HINCRBY) "));
    EXPECT_EQ(contents(server), "; ; ; ; ; ");
  }
}

TEST_F(RedisScoreBookTest, AReplicaRefusesCommitsAndCanBeRead) {
  const TestRedisServer primary(
      {.listens = TestRedisServer::Listens::kOnTcpToo, .settings = {"repl-diskless-sync-delay 0"}});
  const TestRedisServer replica(
      {.settings = {fmt::format("replicaof 127.0.0.1 {}", primary.tcp_url().port)}});
  ASSERT_TRUE(open(primary)->commit(range(0, 10))->is_applied);
  const Book book = open(replica);
  EXPECT_TRUE(test::eventually([&] {
    const auto score = book->read();
    return score && score->total() == 10;
  }));
  const base::Error error = error_of(book->commit(range(10, 20)));
  EXPECT_EQ(error.code(), Code::kUnavailable);
  EXPECT_THAT(error.message(), HasSubstr("READONLY"));
  // As it is after a failover.
  replica.command({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(book->commit(range(10, 20))->is_applied);
}

TEST_F(RedisScoreBookTest, TheRightPasswordConnectsAndAWrongOneDoesNot) {
  const TestRedisServer server({.settings = {"requirepass hunter2"}});
  RedisUrl url = server.unix_url();
  ASSERT_TRUE(try_open(url, "hunter2"));
  url.user = "default";
  ASSERT_TRUE(try_open(url, "hunter2"));
  url.user.clear();

  const base::Error wrong = error_of(try_open(url, "hunter3"));
  EXPECT_EQ(wrong.code(), Code::kFailedPrecondition);
  EXPECT_THAT(wrong.message(), AllOf(HasSubstr("logging in"), HasSubstr("WRONGPASS"),
                                     HasSubstr(server.folder()), Not(HasSubstr("hunter3"))));
  const base::Error none = error_of(try_open(url));
  EXPECT_EQ(none.code(), Code::kFailedPrecondition);
  EXPECT_THAT(none.message(), HasSubstr("NOAUTH"));
  const TestRedisServer open_server;
  const base::Error needless = error_of(try_open(open_server.unix_url(), "hunter3"));
  EXPECT_EQ(needless.code(), Code::kFailedPrecondition);
  EXPECT_THAT(needless.message(), Not(HasSubstr("hunter3")));
}

TEST_F(RedisScoreBookTest, AnErrorOfAServerWithoutAuthHidesThePassword) {
  // The server quotes an unknown command with its arguments.
  const TestRedisServer server({.settings = {"rename-command AUTH \"\""}});
  for (const std::string& password : {std::string("hunter3"), std::string(300, 'h')}) {
    RedisUrl url = server.unix_url();
    url.user = "ana";
    const base::Error error = error_of(try_open(url, password));
    EXPECT_EQ(error.code(), Code::kFailedPrecondition);
    EXPECT_THAT(error.message(),
                AllOf(HasSubstr("unknown command"), Not(HasSubstr(password.substr(0, 20)))));
  }
}

TEST_F(RedisScoreBookTest, OptionsThatDoNotFitAreRefused) {
  const auto code_of = [&](const std::function<void(RedisScoreBook::Options&)>& change) {
    RedisScoreBook::Options options;
    options.url.unix_path = "/nowhere/redis.sock";
    change(options);
    return error_of(RedisScoreBook::open(std::move(options), contest_, clock_, log_.logger()))
        .code();
  };
  for (const std::string& prefix :
       {std::string(), std::string("a{b"), std::string("a}b"), std::string("a b"),
        std::string(RedisKeyspace::kPrefixBytesMax + 1, 'x')}) {
    EXPECT_EQ(code_of([&](auto& options) { options.prefix = prefix; }), Code::kInvalidArgument)
        << prefix;
  }
  EXPECT_EQ(code_of([](auto& options) { options.url.password = options.password = "a"; }),
            Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& options) { options.url.user = "ana"; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& options) { options.ca_file = "/nowhere/ca.pem"; }),
            Code::kInvalidArgument)
      << "authorities without TLS";
  EXPECT_EQ(code_of([](auto&) {}), Code::kUnavailable);
}

TEST_F(RedisScoreBookTest, NumbersBeyondItsBoundAreRefusedAndNothingChanges) {
  const Book book = open(shared_server());
  ASSERT_TRUE(book->commit(range(0, RedisKeyspace::kNumberMax))->is_applied);
  EXPECT_EQ(book->read()->total(), RedisKeyspace::kNumberMax);
  const std::string before = contents(shared_server());
  EXPECT_EQ(error_of(book->commit(range(RedisKeyspace::kNumberMax, INT64_MAX))).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(contents(shared_server()), before);
}

TEST_F(RedisScoreBookTest, IsReachedOverTcpAndInAnotherDatabase) {
  const TestRedisServer server({.listens = TestRedisServer::Listens::kOnTcpToo, .settings = {}});
  RedisUrl url = server.tcp_url();
  url.db = 3;
  const auto book = try_open(url);
  ASSERT_TRUE(book) << book.error().message();
  EXPECT_TRUE((*book)->commit(range(0, 10))->is_applied);
  EXPECT_EQ((*book)->read()->total(), 10);
  EXPECT_EQ(contents(server), "; ; ; ; ; ") << "of database 0";
  url.db = 9999;
  const base::Error error = error_of(try_open(url));
  EXPECT_EQ(error.code(), Code::kFailedPrecondition);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("choosing the database"),
                                     HasSubstr(fmt::format("localhost:{}", url.port))));
}

TEST_F(RedisScoreBookTest, AServerThatIsNotRedisIsNamedAsSuch) {
  const test::TempFolder folder;
  RedisUrl url;
  url.unix_path = folder / "web.sock";
  const auto listener = net::listen_on({.host = {}, .port = 0, .unix_path = url.unix_path});
  ASSERT_TRUE(listener);
  const std::jthread web([fd = listener->get()] {
    base::UniqueFd client;
    test::eventually([&] {
      client = base::UniqueFd(::accept(fd, nullptr, nullptr));
      return client.get() >= 0;
    });
    // Read the command first, else the close would reset the connection.
    char asked[256];
    EXPECT_GT(::recv(client.get(), asked, sizeof asked, 0), 0);
    constexpr std::string_view kAnswer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    ::send(client.get(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
  });
  const base::Error error = error_of(try_open(url));
  EXPECT_EQ(error.code(), Code::kFailedPrecondition);
  EXPECT_THAT(error.message(), HasSubstr("not in Redis's protocol"));
}

TEST(RedisErrorTest, EachKindHasACodeThatSaysWhetherToRetry) {
  for (const char* text :
       {"LOADING Redis is loading the dataset in memory", "MASTERDOWN Link with MASTER is down",
        "CLUSTERDOWN The cluster is down", "TRYAGAIN Multiple keys request during rehashing",
        "READONLY You can't write against a read only replica.",
        "NOREPLICAS Not enough good replicas to write.",
        "MISCONF Redis is configured to save RDB snapshots", "BUSY Redis is busy running a script",
        "ERR max number of clients reached"}) {
    EXPECT_EQ(code_of_redis_error(text), Code::kUnavailable) << text;
  }
  EXPECT_EQ(code_of_redis_error("OOM command not allowed"), Code::kResourceExhausted);
  for (const char* text :
       {"NOAUTH Authentication required.", "WRONGPASS invalid username-password pair",
        "NOPERM this user has no permissions", "WRONGTYPE Operation against a key",
        "MOVED 866 10.0.0.1:6379", "ASK 866 10.0.0.1:6379", "DENIED Redis is in protected mode"}) {
    EXPECT_EQ(code_of_redis_error(text), Code::kFailedPrecondition) << text;
  }
  EXPECT_EQ(code_of_redis_error("ERR syntax error"), Code::kInternal);
  EXPECT_EQ(code_of_redis_error(""), Code::kInternal);
}

class RedisTlsTest : public RedisScoreBookTest {
 protected:
  void SetUp() override {
    RedisScoreBookTest::SetUp();
    if (IsSkipped()) return;
    if (test::find_program("openssl").empty()) {
      GTEST_SKIP() << "openssl is not on the PATH: tools/deps test installs it";
    }
    // OpenSSL writes to sockets without MSG_NOSIGNAL.
    std::signal(SIGPIPE, SIG_IGN);
    make_certificate("cert");
    server_.emplace(TestRedisServer::Options{
        .listens = TestRedisServer::Listens::kOnTlsToo,
        .settings = {fmt::format("tls-cert-file {}", folder_ / "cert.pem"),
                     fmt::format("tls-key-file {}", folder_ / "cert.key")}});
  }

  // A self-signed certificate for localhost alone.
  void make_certificate(const std::string& name) {
    ASSERT_TRUE(
        test::run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                           "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
                           "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                           folder_ / (name + ".key"), "-out", folder_ / (name + ".pem")}));
  }

  test::TempFolder folder_;
  std::optional<TestRedisServer> server_;
};

TEST_F(RedisTlsTest, IsReachedOverTls) {
  auto book = try_open(server_->tcp_url(), {}, folder_ / "cert.pem");
  ASSERT_TRUE(book) << book.error().message();
  EXPECT_EQ(count_to(**book, 100, kWinners0), 100);
  EXPECT_EQ((*book)->read()->total(), 100);
  server_->kill();
  EXPECT_EQ(error_of((*book)->read()).code(), Code::kUnavailable);
}

TEST_F(RedisTlsTest, ACertificateThatIsNotTrustedIsRefused) {
  make_certificate("other");
  for (const std::string& ca_file : {folder_ / "other.pem", std::string()}) {
    const base::Error error = error_of(try_open(server_->tcp_url(), {}, ca_file));
    EXPECT_EQ(error.code(), Code::kUnavailable);
    EXPECT_THAT(error.message(), HasSubstr("certificate is not accepted: self-signed certificate"));
  }
}

TEST_F(RedisTlsTest, ACertificateOfAnotherNameIsRefused) {
  RedisUrl url = server_->tcp_url();
  url.host = "127.0.0.1";
  const base::Error error = error_of(try_open(url, {}, folder_ / "cert.pem"));
  EXPECT_EQ(error.code(), Code::kUnavailable);
  EXPECT_THAT(error.message(), HasSubstr("IP address mismatch"));
}

TEST_F(RedisTlsTest, AMissingAuthoritiesFileIsNamed) {
  const base::Error error = error_of(try_open(server_->tcp_url(), {}, folder_ / "none.pem"));
  EXPECT_EQ(error.code(), Code::kInvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("none.pem"));
}

TEST_F(RedisTlsTest, ATlsServerCannotBeReachedWithoutTls) {
  RedisUrl url = server_->tcp_url();
  url.is_tls = false;
  EXPECT_FALSE(try_open(url));
}

}  // namespace
}  // namespace estadio
