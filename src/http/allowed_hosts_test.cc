// The allow-list of Host: which names, ports and addresses match.
#include "http/allowed_hosts.h"

#include <gtest/gtest.h>

#include <string_view>

namespace http {
namespace {

AllowedHosts parsed(std::string_view list) {
  auto hosts = AllowedHosts::parse(list);
  EXPECT_TRUE(hosts) << list;
  return hosts ? *hosts : AllowedHosts::loopback();
}

TEST(AllowedHostsTest, LoopbackNamesMatchWithAnyPort) {
  const AllowedHosts hosts = AllowedHosts::loopback();
  for (const std::string_view host :
       {"localhost", "localhost:8080", "LocalHost:1", "localhost.", "localhost.:80", "127.0.0.1",
        "127.0.0.1:8080", "[::1]", "[::1]:8080", "localhost:"}) {
    EXPECT_TRUE(hosts.allows(host)) << host;
  }
}

TEST(AllowedHostsTest, OtherNamesDoNotMatch) {
  const AllowedHosts hosts = AllowedHosts::loopback();
  for (const std::string_view host : {"",
                                      "evil.example",
                                      "evil.example:8080",
                                      "localhost.evil.example",
                                      "evil-localhost",
                                      "localhost@evil.example",
                                      "localhost:80@evil.example",
                                      "localhost:80:80",
                                      "localhost:x",
                                      "127.0.0.1.evil.example",
                                      "127.0.0.2",
                                      "[::2]",
                                      "[::1",
                                      "[::1]x",
                                      "[::1]evil.example",
                                      "::1",
                                      "[]",
                                      "[",
                                      "]",
                                      ":",
                                      ":8080",
                                      ".",
                                      "localhost..",
                                      "localhost evil"}) {
    EXPECT_FALSE(hosts.allows(host)) << host;
  }
}

TEST(AllowedHostsTest, AListAllowsItsNamesAndAddresses) {
  const AllowedHosts hosts = parsed("Contest.example,192.0.2.1,2001:DB8::1,[2001:db8::2],box_1.");
  for (const std::string_view host :
       {"contest.EXAMPLE:443", "192.0.2.1:8080", "[2001:db8::1]:8080", "[2001:DB8::2]", "box_1"}) {
    EXPECT_TRUE(hosts.allows(host)) << host;
  }
  for (const std::string_view host :
       {"localhost", "example", "www.contest.example", "192.0.2.10"}) {
    EXPECT_FALSE(hosts.allows(host)) << host;
  }
}

TEST(AllowedHostsTest, AStarAllowsEveryHost) {
  for (const std::string_view list : {"*", "contest.example,*"}) {
    EXPECT_TRUE(parsed(list).allows("evil.example")) << list;
    EXPECT_TRUE(parsed(list).allows("")) << list;
  }
}

TEST(AllowedHostsTest, ListsAddUp) {
  AllowedHosts hosts = AllowedHosts::loopback();
  hosts.add(parsed("contest.example"));
  EXPECT_TRUE(hosts.allows("localhost"));
  EXPECT_TRUE(hosts.allows("contest.example"));
  EXPECT_FALSE(hosts.allows("evil.example"));
  hosts.add(AllowedHosts::any());
  EXPECT_TRUE(hosts.allows("evil.example"));
}

TEST(AllowedHostsTest, APartThatIsNoHostIsAnErrorThatNamesIt) {
  for (const std::string_view list :
       {"", "a,", ",a", "a,,b", "a b", "contest.example:8080", "*.example", "http://a", "[a]", "[]",
        "[*]", "192.0.2.1:80"}) {
    const auto hosts = AllowedHosts::parse(list);
    ASSERT_FALSE(hosts) << list;
    EXPECT_EQ(hosts.error().code(), base::Code::kInvalidArgument);
  }
  EXPECT_NE(AllowedHosts::parse("a,b:80").error().message().find("'b:80'"), std::string::npos);
}

}  // namespace
}  // namespace http
