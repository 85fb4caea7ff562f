#include "estadio/score/redis_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace estadio {
namespace {

using testing::HasSubstr;
using testing::Not;

RedisUrl parsed(std::string_view text) {
  auto url = RedisUrl::parse(text);
  EXPECT_TRUE(url) << text << ": " << url.error().message();
  return url ? *std::move(url) : RedisUrl();
}

RedisUrl tcp(const std::string& host, std::uint16_t port = RedisUrl::kPortDefault, int db = 0) {
  RedisUrl url;
  url.host = host;
  url.port = port;
  url.db = db;
  return url;
}

TEST(RedisUrlTest, PartsAreSeparated) {
  EXPECT_EQ(parsed("redis://cache"), tcp("cache"));
  EXPECT_EQ(parsed("redis://cache/"), tcp("cache"));
  EXPECT_EQ(parsed("redis://cache:7000/3"), tcp("cache", 7000, 3));

  RedisUrl expected = tcp("cache.example", 7000);
  expected.is_tls = true;
  EXPECT_EQ(parsed("rediss://cache.example:7000/0"), expected);
  expected.user = "ana";
  EXPECT_EQ(parsed("rediss://ana@cache.example:7000"), expected);
  expected.password = "secret";
  EXPECT_EQ(parsed("rediss://ana:secret@cache.example:7000"), expected);
  expected.user = "";
  EXPECT_EQ(parsed("rediss://:secret@cache.example:7000"), expected);

  expected = RedisUrl();
  expected.unix_path = "/run/redis.sock";
  EXPECT_EQ(parsed("unix:///run/redis.sock"), expected);
  expected.db = 12;
  EXPECT_EQ(parsed("unix:///run/redis.sock?db=12"), expected);
}

TEST(RedisUrlTest, Ipv6NeedsBrackets) {
  EXPECT_EQ(parsed("redis://[::1]"), tcp("::1"));
  EXPECT_EQ(parsed("redis://[fe80::1%25eth0]:7000/1"), tcp("fe80::1%eth0", 7000, 1));
  EXPECT_FALSE(RedisUrl::parse("redis://::1"));
  EXPECT_FALSE(RedisUrl::parse("redis://::1:6379"));
}

TEST(RedisUrlTest, UserPasswordAndPathArePercentDecoded) {
  const RedisUrl url = parsed("redis://a%40b:%2F%3f%23%25:%C3%B1@cache");
  EXPECT_EQ(url.user, "a@b");
  EXPECT_EQ(url.password, "/?#%:ñ");
  EXPECT_EQ(parsed("unix:///tmp/a%3Fb%25.sock").unix_path, "/tmp/a?b%.sock");
}

TEST(RedisUrlTest, TextRoundTripsWithThePasswordHidden) {
  for (const std::string text :
       {"redis://cache:6379/0", "rediss://cache:1/15", "redis://[::1]:6379/0",
        "redis://[fe80::1%25eth0]:6379/0", "redis://a%40b@cache:6379/0", "unix:///run/redis.sock",
        "unix:///a%3Fb%25.sock?db=2"}) {
    EXPECT_EQ(parsed(text).to_string(), text);
  }
  EXPECT_EQ(parsed("redis://ana:secret@cache").to_string(), "redis://ana:***@cache:6379/0");
  EXPECT_EQ(parsed("redis://:secret@cache").to_string(), "redis://:***@cache:6379/0");
}

TEST(RedisUrlTest, ABadUrlIsRefusedWithTheExpectedForm) {
  for (const std::string& text : {std::string(),
                                  std::string("cache:6379"),
                                  std::string("http://cache"),
                                  std::string("REDIS://cache"),
                                  std::string("redis:/cache"),
                                  std::string("redis://"),
                                  std::string("redis:///3"),
                                  std::string("redis://:6379"),
                                  std::string("redis://cache:"),
                                  std::string("redis://cache:0"),
                                  std::string("redis://cache:65536"),
                                  std::string("redis://cache:+1"),
                                  std::string("redis://cache:63x"),
                                  std::string("redis://cache/x"),
                                  std::string("redis://cache/-1"),
                                  std::string("redis://cache/1/2"),
                                  std::string("redis://cache/99999999999"),
                                  std::string("redis://cache?db=1"),
                                  std::string("redis://cache/0#1"),
                                  std::string("redis://ca che"),
                                  std::string("redis://ca%2Fche"),
                                  std::string("redis://cache%"),
                                  std::string("redis://cache%0"),
                                  std::string("redis://cache%00"),
                                  std::string("redis://cache%g0"),
                                  std::string("redis://ca\0che", 14),
                                  std::string("redis://[::1"),
                                  std::string("redis://[::1]6379"),
                                  std::string("redis://[::1]:"),
                                  std::string("redis://[]"),
                                  std::string("redis://@cache"),
                                  std::string("redis://:@cache"),
                                  std::string("redis://ana:@cache"),
                                  std::string("redis://ana%:x@cache"),
                                  std::string("unix://"),
                                  std::string("unix:///"),
                                  std::string("unix://run/redis.sock"),
                                  std::string("unix:///run/redis.sock?"),
                                  std::string("unix:///run/redis.sock?db="),
                                  std::string("unix:///run/redis.sock?db=-1"),
                                  std::string("unix:///run/redis.sock?x=1"),
                                  std::string("unix:///run/redis.sock?db=1&x=1"),
                                  "unix:///" + std::string(107, 'x'),
                                  "redis://" + std::string(RedisUrl::kBytesMax, 'x')}) {
    const auto url = RedisUrl::parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code(), base::Code::kInvalidArgument);
    EXPECT_THAT(url.error().message(), HasSubstr("redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]"));
  }
}

TEST(RedisUrlTest, AnErrorNeverShowsThePassword) {
  for (const std::string text :
       {"redis://:hunter2@cache:port", "redis://:hun@hunter2@cache", "redis://:hunter2/x@cache",
        "redis://:x/hunter2@cache", "redis://:hunter2%@cache", "redis://ana:hunter2",
        "redis://cache/hunter2", "redis://cache?password=hunter2", "redis://:hunter2@",
        "redis://:hunter2@cache/x", "http://:hunter2@cache", "hunter2@cache",
        "unix://:hunter2@/run/redis.sock", "unix:///run/redis.sock?password=hunter2",
        "redis://[hunter2", "redis://::hunter2"}) {
    const auto url = RedisUrl::parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_THAT(url.error().message(), Not(HasSubstr("hunter2"))) << text;
  }
}

}  // namespace
}  // namespace estadio
