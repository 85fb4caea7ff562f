// Router, problems and assets through a real server: the right handler, 404, 405 with Allow, HEAD,
// and pages with their compression and cache headers.
#include "http/router.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/json.hpp>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "http/assets.h"
#include "http/problem.h"
#include "http/test_client.h"

namespace http {
namespace {

constexpr std::array<Asset, 3> kAssets = {{
    {.path = "/index.html",
     .content_type = "text/html; charset=utf-8",
     .bytes = "<p>page</p>",
     .gzip_bytes = "GZ-PAGE"},
    {.path = "/assets/index-4f2a.js",
     .content_type = "text/javascript",
     .bytes = "code()",
     .gzip_bytes = "GZ-CODE"},
    {.path = "/assets/dot-1.png", .content_type = "image/png", .bytes = "png", .gzip_bytes = ""},
}};

class RouterTest : public testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::open(
        {.address = {.host = "127.0.0.1", .port = 0, .unix_path = {}},
         .threads = 1,
         .limits = {},
         .tls = nullptr},
        {TestService::factory([this](Router& router, net::EventLoop&) { install(router); })},
        clock_, log_);
    ASSERT_TRUE(server) << server.error().message();
    server_ = *std::move(server);
    server_->serve();
  }

  void install(Router& router) {
    const auto says = [](std::string name) {
      return [name = std::move(name)](const Request& request, Exchange exchange) {
        exchange.respond({.status = 200,
                          .content_type = {},
                          .body = name + " " + std::string(request.query),
                          .extra_headers = {}});
      };
    };
    router.add(Method::kGet, "/both", says("get"));
    router.add(Method::kPost, "/both", says("post"));
    router.add(Method::kPost, "/post", says("only post"));
    router.add(Method::kGet, "/problem", [](const Request&, Exchange exchange) {
      respond_problem(exchange, 422, "say \"no\"\n\xff", R"("offset":12)", "Retry-After: 3\r\n");
    });
    add_assets(router, kAssets);
  }

  TestResponse ask(std::string_view method, std::string_view path, std::string_view headers = {}) {
    TestClient client(server_->address());
    client.send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" +
                std::string(headers) + "\r\n");
    return client.read_response(method == "HEAD");
  }

  base::SystemClock clock_;
  base::Logger log_{clock_, {.level = base::LogLevel::kError}};
  std::unique_ptr<Server> server_;
};

TEST_F(RouterTest, MethodAndPathChooseTheHandler) {
  EXPECT_EQ(ask("GET", "/both?a=b").body, "get a=b");
  EXPECT_EQ(ask("POST", "/both").body, "post ");
}

TEST_F(RouterTest, HeadIsAnsweredWhereGetIs) {
  const TestResponse response = ask("HEAD", "/both");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Length"), "4");
  EXPECT_EQ(ask("HEAD", "/post").status, 405);
}

TEST_F(RouterTest, AnUnknownPathIs404WithAProblem) {
  for (const char* path : {"/", "/bot", "/both/", "/BOTH", "/both%20", "/docs", "*"}) {
    if (std::string_view(path) == "/") continue;  // the page
    const TestResponse response = ask("GET", path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
  }
}

TEST_F(RouterTest, AWrongMethodIs405WithTheAllowedOnes) {
  const TestResponse both = ask("PUT", "/both");
  EXPECT_EQ(both.status, 405);
  EXPECT_EQ(both.header("Allow"), "GET, HEAD, POST");
  EXPECT_EQ(ask("GET", "/post").header("Allow"), "POST");
  EXPECT_EQ(ask("BREW", "/post").status, 405);
}

TEST_F(RouterTest, AProblemIsJsonWhateverItsDetailHolds) {
  const TestResponse response = ask("GET", "/problem");
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.header("Retry-After"), "3");
  const auto body = boost::json::parse(response.body).as_object();
  EXPECT_EQ(body.at("type"), "about:blank");
  EXPECT_EQ(body.at("title"), "Unprocessable Content");
  EXPECT_EQ(body.at("status"), 422);
  EXPECT_EQ(body.at("detail"), "say \"no\"\n\xEF\xBF\xBD");
  EXPECT_EQ(body.at("offset"), 12);
}

TEST_F(RouterTest, A404ThatRepeatsABadPathIsStillJson) {
  const TestResponse response = ask("GET", "/\xff\"\\");
  EXPECT_EQ(response.status, 404);
  EXPECT_TRUE(boost::json::parse(response.body).is_object());
}

TEST_F(RouterTest, AnAssetIsSentCompressedToClientsThatAcceptIt) {
  const TestResponse plain = ask("GET", "/assets/index-4f2a.js");
  EXPECT_EQ(plain.body, "code()");
  EXPECT_EQ(plain.header("Content-Type"), "text/javascript");
  EXPECT_EQ(plain.header("Content-Encoding"), "");
  EXPECT_EQ(plain.header("Vary"), "Accept-Encoding");
  const TestResponse small = ask("GET", "/assets/index-4f2a.js", "Accept-Encoding: br, gzip\r\n");
  EXPECT_EQ(small.body, "GZ-CODE");
  EXPECT_EQ(small.header("Content-Encoding"), "gzip");
  EXPECT_EQ(small.header("Vary"), "Accept-Encoding");
}

TEST_F(RouterTest, AnAssetThatCompressionDoesNotHelpIsSentAsItIs) {
  const TestResponse response = ask("GET", "/assets/dot-1.png", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(response.body, "png");
  EXPECT_EQ(response.header("Content-Encoding"), "");
}

TEST_F(RouterTest, GzipOfQualityZeroIsNotAccepted) {
  for (const char* header :
       {"Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding: br, gzip ; q=0.0\r\n"}) {
    const TestResponse response = ask("GET", "/assets/index-4f2a.js", header);
    EXPECT_EQ(response.body, "code()") << header;
    EXPECT_EQ(response.header("Content-Encoding"), "");
  }
  EXPECT_EQ(ask("GET", "/assets/index-4f2a.js", "Accept-Encoding: gzip;q=0.5\r\n").body, "GZ-CODE");
}

TEST_F(RouterTest, HashedAssetsAreCachedAndThePageIsRevalidated) {
  EXPECT_NE(ask("GET", "/assets/index-4f2a.js").header("Cache-Control").find("immutable"),
            std::string::npos);
  for (const char* path : {"/", "/index.html"}) {
    const TestResponse page = ask("GET", path);
    EXPECT_EQ(page.body, "<p>page</p>");
    EXPECT_EQ(page.header("Cache-Control"), "no-cache");
    EXPECT_NE(page.header("Content-Security-Policy").find("default-src 'self'"), std::string::npos);
    EXPECT_EQ(page.header("X-Content-Type-Options"), "nosniff");
  }
}

TEST(ProblemTest, EveryCodeHasAStatusOfItsKind) {
  using base::Code;
  EXPECT_EQ(status_of(Code::kInvalidArgument), 422);
  EXPECT_EQ(status_of(Code::kNotFound), 404);
  EXPECT_EQ(status_of(Code::kAlreadyExists), 409);
  EXPECT_EQ(status_of(Code::kFailedPrecondition), 409);
  EXPECT_EQ(status_of(Code::kResourceExhausted), 503);
  EXPECT_EQ(status_of(Code::kUnavailable), 503);
  EXPECT_EQ(status_of(Code::kDeadlineExceeded), 504);
  EXPECT_EQ(status_of(Code::kCancelled), 503);
  EXPECT_EQ(status_of(Code::kCorruption), 500);
  EXPECT_EQ(status_of(Code::kInternal), 500);
}

TEST(MessageTest, HeaderNamesAreComparedWithoutCase) {
  EXPECT_TRUE(equals_ignoring_case("Content-Type", "content-TYPE"));
  EXPECT_FALSE(equals_ignoring_case("Content-Type", "Content-Typ"));
  EXPECT_FALSE(equals_ignoring_case("@", "`"));  // one bit apart, as "A" and "a" are
  const std::array<Header, 2> headers = {
      {{.name = "A", .value = "1"}, {.name = "a", .value = "2"}}};
  const Request request{
      .method = Method::kGet, .path = "/", .query = {}, .headers = headers, .body = {}};
  EXPECT_EQ(request.header("a"), "1");
  EXPECT_EQ(request.header("b"), "");
}

TEST(MessageTest, AStatusWithoutAStandardPhraseIsUnknown) {
  EXPECT_EQ(reason_of(200), "OK");
  EXPECT_EQ(reason_of(299), "Unknown");
}

}  // namespace
}  // namespace http
