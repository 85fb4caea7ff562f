#include "estadio/rpc/peer_counts.h"

#include <gtest/gtest.h>

namespace estadio {
namespace {

TEST(PeerCountsTest, TheHostOfAPeerHasNoPort) {
  EXPECT_EQ(host_of_peer("ipv4:192.0.2.1:5000"), "192.0.2.1");
  EXPECT_EQ(host_of_peer("ipv6:%5B::ffff:192.0.2.1%5D:5000"), "192.0.2.1");
}

TEST(PeerCountsTest, AddressesOfOneIpv6NetworkAreOneHost) {
  EXPECT_EQ(host_of_peer("ipv6:%5B2001:db8:1:2::1%5D:5000"), "2001:db8:1:2::/64");
  EXPECT_EQ(host_of_peer("ipv6:[2001:db8:1:2:3:4:5:6]:5001"), "2001:db8:1:2::/64");
  EXPECT_EQ(host_of_peer("ipv6:[2001:db8:1:3::1]:5001"), "2001:db8:1:3::/64");
  EXPECT_EQ(host_of_peer("ipv6:%5Bfe80::1%25eth0%5D:5000"), "fe80::/64");
}

TEST(PeerCountsTest, PeersOfAnotherFormShareOneHost) {
  EXPECT_EQ(host_of_peer("unix:/run/a"), host_of_peer("unix:/run/b"));
  EXPECT_EQ(host_of_peer("ipv6:junk:1"), host_of_peer("ipv6:junk:2"));
  EXPECT_EQ(host_of_peer(""), "");
}

TEST(PeerCountsTest, AHostAtItsLimitWaitsForOneOfItsOwnCallsToEnd) {
  PeerCounts peers(2);
  EXPECT_TRUE(peers.enter("a") && peers.enter("a"));
  EXPECT_FALSE(peers.enter("a"));
  EXPECT_TRUE(peers.enter("b"));
  peers.leave("b");
  EXPECT_FALSE(peers.enter("a"));
  peers.leave("a");
  EXPECT_TRUE(peers.enter("a"));
  EXPECT_FALSE(peers.enter("a"));
}

}  // namespace
}  // namespace estadio
