// The options of an HTTP server: the hosts that requests may name.
#include "service/http_options.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace service {
namespace {

bool allows(const std::string& http, const std::string& allowed_hosts, std::string_view host) {
  HttpOptions options;
  options.address = net::Address::parse(http).value();
  options.allowed_hosts = allowed_hosts;
  EXPECT_TRUE(options.check());
  return options.hosts().value().allows(host);
}

TEST(HttpOptionsTest, ALoopbackServerAnswersForItsOwnNamesAlone) {
  for (const char* http : {"127.0.0.1:8080", "localhost:0", "[::1]:8080"}) {
    for (const char* host : {"localhost", "127.0.0.1:8080", "[::1]:8080"}) {
      EXPECT_TRUE(allows(http, "", host)) << http << ' ' << host;
    }
    for (const char* host : {"evil.example", "192.0.2.1", "127.0.0.2", ""}) {
      EXPECT_FALSE(allows(http, "", host)) << http << ' ' << host;
    }
  }
  EXPECT_TRUE(allows("127.0.0.2:8080", "", "127.0.0.2:8080"));
}

TEST(HttpOptionsTest, APublishedServerAnswersForEveryHostUnlessItHasAList) {
  for (const char* http : {"0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "unix:/run/http"}) {
    EXPECT_TRUE(allows(http, "", "contest.example")) << http;
    EXPECT_TRUE(allows(http, "contest.example", "contest.example:8080")) << http;
    EXPECT_FALSE(allows(http, "contest.example", "evil.example")) << http;
    EXPECT_TRUE(allows(http, "contest.example", "localhost")) << http;
  }
  EXPECT_TRUE(allows("192.0.2.1:8080", "contest.example", "192.0.2.1:8080"));
}

TEST(HttpOptionsTest, AListAddsToTheNamesOfALoopbackServer) {
  EXPECT_TRUE(allows("127.0.0.1:8080", "contest.example,192.0.2.1", "contest.example"));
  EXPECT_TRUE(allows("127.0.0.1:8080", "contest.example,192.0.2.1", "localhost:8080"));
  EXPECT_FALSE(allows("127.0.0.1:8080", "contest.example,192.0.2.1", "evil.example"));
  EXPECT_TRUE(allows("127.0.0.1:8080", "*", "evil.example"));
}

TEST(HttpOptionsTest, AListThatIsNoneIsAnErrorThatNamesTheFlag) {
  HttpOptions options;
  options.allowed_hosts = "contest.example:8080";
  const auto checked = options.check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code(), base::Code::kInvalidArgument);
  EXPECT_TRUE(checked.error().message().starts_with("allowed-hosts: 'contest.example:8080'"))
      << checked.error().message();
}

}  // namespace
}  // namespace service
