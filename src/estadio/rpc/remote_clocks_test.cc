#include "estadio/rpc/remote_clocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class RemoteClocksTest : public testing::Test {
 protected:
  // A reading of a server whose clock is so far ahead of ours.
  [[nodiscard]] RemoteClocks::Reading ahead(std::string_view address, milliseconds by) const {
    const auto mono = std::chrono::duration_cast<milliseconds>(clock_.mono());
    return {.address = address, .offset = milliseconds(clock_.wall_ms()) - mono + by};
  }

  test::HandClock clock_;
  test::CapturedLog log_;
  RemoteClocks clocks_{clock_, log_.logger()};
};

TEST_F(RemoteClocksTest, WithoutAReadingNoClockIsKnown) {
  clocks_.update({});
  EXPECT_FALSE(clocks_.now());
  EXPECT_THAT(clocks_.ahead_by_address(), IsEmpty());
}

TEST_F(RemoteClocksTest, OfAnAddressWithSeveralServersTheClockThatIsFurthestOffIsShown) {
  const std::vector<RemoteClocks::Reading> readings = {
      ahead("a:1", milliseconds(40)), ahead("b:1", milliseconds(-7)),
      ahead("a:1", milliseconds(-90)), ahead("a:1", milliseconds(60))};
  clocks_.update(readings);
  EXPECT_THAT(clocks_.ahead_by_address(),
              ElementsAre(Pair("a:1", milliseconds(-90)), Pair("b:1", milliseconds(-7))));
}

TEST_F(RemoteClocksTest, TheLatestReadingsAreShownAndStayWhileNoStreamIsOpen) {
  const std::vector<RemoteClocks::Reading> before = {ahead("a:1", milliseconds(40)),
                                                     ahead("b:1", milliseconds(0))};
  const std::vector<RemoteClocks::Reading> after = {ahead("a:1", milliseconds(50))};
  clocks_.update(before);
  clocks_.update(after);
  clocks_.update({});
  EXPECT_THAT(clocks_.ahead_by_address(), ElementsAre(Pair("a:1", milliseconds(50))));
  ASSERT_TRUE(clocks_.now());
  EXPECT_EQ(clocks_.now()->earliest_ms, clock_.wall_ms() + 50);
}

}  // namespace
}  // namespace estadio
