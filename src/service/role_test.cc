#include "service/role.h"

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "service/test_role.h"

namespace service {
namespace {

using Steps = std::vector<std::string>;

class RoleTest : public testing::Test {
 protected:
  // Runs a role with this open(). It gets SIGTERM once it serves.
  int run(const std::function<base::Result<void>(const Context&)>& open) {
    return run_role(kTestProgram, {.level = base::LogLevel::kError},
                    [&](const Context& context) -> base::Result<std::unique_ptr<Role>> {
                      auto role = std::make_unique<TestRole>(steps_);
                      role->on_open = [&open, context] { return open(context); };
                      role->on_serve = [this, context] {
                        while_serving_ = context.life_cycle.state();
                        std::raise(SIGTERM);
                      };
                      return role;
                    });
  }

  RestoredSignals restored_;
  Steps steps_;
  LifeCycle::State while_serving_ = LifeCycle::State::kOpening;
};

TEST_F(RoleTest, ASignalEndsAServingRoleWith0) {
  EXPECT_EQ(run([](const Context&) { return base::Result<void>(); }), base::kExitOk);
  EXPECT_EQ(steps_, (Steps{"open", "serve", "stop"}));
  EXPECT_EQ(while_serving_, LifeCycle::State::kServing);
}

TEST_F(RoleTest, AnErrorOfOpenIsTheExitStatus) {
  EXPECT_EQ(run([](const Context&) { return base::fail(base::Code::kInternal, "broken"); }),
            base::kExitFailed);
  EXPECT_EQ(run([](const Context&) { return base::fail(base::Code::kInvalidArgument, "wrong"); }),
            base::kExitUsage);
  EXPECT_EQ(steps_, (Steps{"open", "open"}));
}

TEST_F(RoleTest, ASignalEndsAWaitForAServiceWith0) {
  const int status = run([](const Context& context) -> base::Result<void> {
    std::raise(SIGTERM);
    return keep_trying(
        []() -> base::Result<void> { return base::fail(base::Code::kUnavailable, "not there"); },
        context);
  });
  EXPECT_EQ(status, base::kExitOk);
  EXPECT_EQ(steps_, (Steps{"open"}));
}

TEST(KeepTryingTest, ShowsTheErrorUntilTheServiceAnswers) {
  TestProcess process;
  int calls = 0;
  const auto answer = keep_trying(
      [&]() -> base::Result<int> {
        if (++calls == 1) return base::fail(base::Code::kUnavailable, "nobody listens");
        EXPECT_EQ(process.life_cycle.unready_reason(), "nobody listens");
        return 7;
      },
      process.context);
  EXPECT_EQ(answer.value(), 7);
  EXPECT_EQ(calls, 2);
}

TEST(KeepTryingTest, EndsWithAnErrorThatARetryDoesNotMend) {
  TestProcess process;
  const auto refused = [] { return base::Result<int>(base::fail(base::Code::kNotFound, "none")); };
  EXPECT_EQ(keep_trying(refused, process.context).error().message(), "none");
}

TEST(KeepTryingTest, RetriesAnErrorThatItsCallerNames) {
  TestProcess process;
  int calls = 0;
  const auto answer = keep_trying(
      [&]() -> base::Result<int> {
        if (++calls == 1) return base::fail(base::Code::kNotFound, "none yet");
        return 7;
      },
      process.context,
      [](const base::Error& error) { return error.code() == base::Code::kNotFound; });
  EXPECT_EQ(answer.value(), 7);
}

}  // namespace
}  // namespace service
