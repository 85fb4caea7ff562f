#include "base/open_files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace base {
namespace {

class OpenFilesTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old_), 0); }
  void TearDown() override { ::setrlimit(RLIMIT_NOFILE, &old_); }
  static rlim_t limit() {
    rlimit now{};
    ::getrlimit(RLIMIT_NOFILE, &now);
    return now.rlim_cur;
  }

  rlimit old_{};
};

TEST_F(OpenFilesTest, TheLimitIsRaisedAsFarAsItIsAllowedAndNeverLowered) {
  const rlimit low{.rlim_cur = 64, .rlim_max = old_.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(allow_open_files(128).value(), 128U);
  EXPECT_EQ(limit(), 128U);
  EXPECT_EQ(allow_open_files(100).value(), 128U);
  EXPECT_EQ(allow_open_files(old_.rlim_max).value(), old_.rlim_max);
}

}  // namespace
}  // namespace base
