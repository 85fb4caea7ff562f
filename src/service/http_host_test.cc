#include "service/http_host.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/test_folder.h"
#include "http/test_client.h"
#include "service/test_role.h"

namespace service {
namespace {

// A host on a Unix socket in its own folder.
class HttpHostTest : public testing::Test {
 protected:
  void SetUp() override {
    HttpOptions options;
    options.address = {.host = "", .port = 0, .unix_path = folder_ / "http"};
    auto host = HttpHost::open(options, {}, role_, process_.context);
    ASSERT_TRUE(host) << host.error().message();
    host_ = *std::move(host);
    host_->serve();
    address_ = options.address;
  }

  http::TestResponse get(const std::string& path) {
    http::TestClient client(address_);
    client.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    return client.read_response();
  }

  base::test::TempFolder folder_;
  TestProcess process_;
  std::vector<std::string> steps_;
  TestRole role_{steps_};
  net::Address address_;
  std::unique_ptr<HttpHost> host_;
};

TEST_F(HttpHostTest, ARoleThatOpensIsAliveAndNamesWhatItWaitsFor) {
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/readyz").status, 503);
  process_.life_cycle.set_waiting_for("Kafka does not answer");
  EXPECT_NE(get("/readyz").body.find("Kafka does not answer"), std::string::npos);
}

TEST_F(HttpHostTest, AServingRoleIsReadyUnlessItHasAReason) {
  process_.life_cycle.set_state(LifeCycle::State::kServing);
  EXPECT_EQ(get("/readyz").status, 200);
  role_.reason = "the disk is full";
  const http::TestResponse response = get("/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(response.body.find("the disk is full"), std::string::npos);
}

TEST_F(HttpHostTest, AStoppingRoleIsNotReady) {
  process_.life_cycle.set_state(LifeCycle::State::kStopping);
  EXPECT_NE(get("/readyz").body.find("it is stopping"), std::string::npos);
}

TEST_F(HttpHostTest, MetricsAreThoseOfTheServerAndOnceOpenThoseOfTheRole) {
  const http::TestResponse opening = get("/metrics");
  EXPECT_EQ(opening.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(opening.body.find("\ntrial_http_requests_total 1\n"), std::string::npos);
  EXPECT_EQ(opening.body.find("trial_asked_total"), std::string::npos);
  process_.life_cycle.set_state(LifeCycle::State::kServing);
  EXPECT_NE(get("/metrics").body.find("\ntrial_asked_total 1\n"), std::string::npos);
}

}  // namespace
}  // namespace service
