#include "estadio/load/target.h"

#include <gtest/gtest.h>

namespace estadio::load {
namespace {

TEST(TargetTest, AUrlWithoutAPathMeansTheEntries) {
  for (const char* url : {"http://127.0.0.1:8080", "http://127.0.0.1:8080/"}) {
    const auto target = Target::parse(url);
    ASSERT_TRUE(target) << url;
    EXPECT_FALSE(target->is_tls);
    EXPECT_EQ(target->address.host, "127.0.0.1");
    EXPECT_EQ(target->address.port, 8080);
    EXPECT_EQ(target->authority, "127.0.0.1:8080");
    EXPECT_EQ(target->path, "/v1/entries");
  }
}

TEST(TargetTest, PathAndQueryAreKept) {
  EXPECT_EQ(Target::parse("http://h:1/ingenieria?a=b/c")->path, "/ingenieria?a=b/c");
  EXPECT_EQ(Target::parse("http://h:1?a=b")->path, "/v1/entries?a=b");
}

TEST(TargetTest, TheSchemeGivesTheDefaultPort) {
  EXPECT_EQ(Target::parse("http://contest.example")->address.port, 80);
  const auto tls = Target::parse("https://contest.example/x");
  ASSERT_TRUE(tls);
  EXPECT_TRUE(tls->is_tls);
  EXPECT_EQ(tls->address.port, 443);
  EXPECT_EQ(tls->authority, "contest.example");
}

TEST(TargetTest, IpV6AddressesNeedBrackets) {
  const auto target = Target::parse("http://[::1]:9000/x");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->address.host, "::1");
  EXPECT_EQ(target->address.port, 9000);
  EXPECT_EQ(Target::parse("http://[::1]")->address.port, 80);
}

TEST(TargetTest, ABadUrlIsNamed) {
  for (const char* url :
       {"", "nonsense", "ftp://h:1", "http://", "http://:80", "http://h:0", "http://h:99999",
        "http://h:x", "http://h:1/a b", "http://h:1/a\r\nX: y", "http://h:1/#top", "http://u@h:1",
        "http://unix:/run/x.sock", "127.0.0.1:80"}) {
    const auto target = Target::parse(url);
    ASSERT_FALSE(target) << url;
    EXPECT_EQ(target.error().code(), base::Code::kInvalidArgument);
    EXPECT_NE(target.error().message().find(url), std::string::npos);
  }
}

}  // namespace
}  // namespace estadio::load
