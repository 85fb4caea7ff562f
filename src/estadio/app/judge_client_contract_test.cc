// The contract of Judge for JudgeClient. A real server on this machine judges with a LocalJudge.
// The test is here because the adapter's folder depends on no other part.
#include <gtest/gtest.h>

#include "estadio/contest/judge_contract.h"
#include "estadio/contest/test_log.h"
#include "estadio/discipline/local_judge.h"
#include "estadio/rpc/judge_channels.h"
#include "estadio/rpc/judge_server.h"

namespace estadio {
namespace {

constexpr CoinSeed kSeed = {1, 2, 3, 4, 5, 6, 7, 8};

class JudgeClientHarness {
 public:
  static constexpr int kPartitions = 3;

  JudgeClientHarness() {
    server_ = JudgeServer::open({}, {.contest = contest_,
                                     .retry = RetryRule(RetryRule::kWindowDefault),
                                     .end = end_,
                                     .clock = clock_,
                                     .log = log_.logger(),
                                     .make_judge = [this] { return make_local(); }})
                  .value();
    channels_ = JudgeChannels::open({.addresses = {fmt::format("127.0.0.1:{}", server_->port())},
                                     .tls = {},
                                     .coin_commitment = {}},
                                    {.contest = contest_, .clock = clock_, .log = log_.logger()})
                    .value();
    judge_ = channels_->make_judge();
    EXPECT_TRUE(test::eventually([this] { return !channels_->unready_reason(); }));
  }

  const Contest& contest() { return contest_; }
  const Coin& coin() { return coin_; }
  Judge& judge() { return *judge_; }
  test::MemoryLog& events() { return events_; }

 private:
  std::unique_ptr<Judge> make_local() {
    return std::make_unique<LocalJudge>(
        LocalJudge::Dependencies{.contest = contest_,
                                 .coin = coin_,
                                 .events = events_,
                                 .known = known_,
                                 .end = end_,
                                 .accepted = accepted_,
                                 .retry = RetryRule(RetryRule::kWindowDefault),
                                 .clock = clock_});
  }

  const Contest contest_ = Contest::defaults();
  const Coin coin_{kSeed};
  test::TestClock clock_;
  test::CapturedLog log_;
  test::MemoryLog events_{kPartitions};
  KnownIds known_{60'000};
  ContestEnd end_{std::nullopt, ContestEnd::LeaseNeed::kNone, clock_};
  IdMemory memory_{{.folder = "/tmp"}};
  AcceptedIds accepted_{{.contest = contest_,
                         .events = events_,
                         .retry = RetryRule(RetryRule::kWindowDefault),
                         .memory = memory_,
                         .clock = clock_,
                         .log = log_.logger()}};
  std::unique_ptr<JudgeServer> server_;
  std::unique_ptr<JudgeChannels> channels_;
  std::unique_ptr<Judge> judge_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Remote, JudgeContract, JudgeClientHarness);

}  // namespace
}  // namespace estadio
