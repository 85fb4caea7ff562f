// Addresses: parsing, the round trip to text, and a port of 0 that becomes a real one.
#include "net/address.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <vector>

namespace net {
namespace {

TEST(AddressTest, TextRoundTrips) {
  for (const std::string text :
       {"127.0.0.1:8080", "[::1]:8080", "localhost:0", "contest.example:65535",
        "unix:/run/estadio.sock", "unix:relative.sock", "unix:/with:colon"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
}

TEST(AddressTest, PartsAreSeparated) {
  const auto v6 = Address::parse("[fe80::1]:90");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "fe80::1");
  EXPECT_EQ(v6->port, 90);
  EXPECT_EQ(v6->unix_path, "");
  const auto path = Address::parse("unix:/run/x.sock");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->host, "");
  EXPECT_EQ(path->unix_path, "/run/x.sock");
}

TEST(AddressTest, ABadAddressIsRefusedWithTheExpectedForm) {
  for (const std::string& text :
       {std::string(), std::string("localhost"), std::string(":80"), std::string("localhost:"),
        std::string("localhost:65536"), std::string("localhost:-1"), std::string("localhost:+1"),
        std::string("localhost:80x"), std::string("localhost: 80"), std::string("::1:80"),
        std::string("[::1]"), std::string("[::1:80"), std::string("::1]:80"), std::string("[]:80"),
        std::string("unix:"), "unix:/" + std::string(200, 'x')}) {
    const auto address = Address::parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code(), base::Code::kInvalidArgument);
    EXPECT_NE(address.error().message().find("expected HOST:PORT"), std::string::npos);
    EXPECT_NE(address.error().message().find("'" + text + "'"), std::string::npos);
  }
}

TEST(AddressTest, LoopbackIsThisMachineAlone) {
  for (const char* text : {"127.0.0.1:1", "127.1.2.3:1", "localhost:1", "[::1]:1", "unix:/x"}) {
    EXPECT_TRUE(Address::parse(text)->is_loopback()) << text;
  }
  for (const char* text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "localhost.example:1"}) {
    EXPECT_FALSE(Address::parse(text)->is_loopback()) << text;
  }
}

TEST(AddressTest, ANameThatOnlyBeginsLikeALoopbackNumberIsNotLoopback) {
  EXPECT_FALSE(Address::parse("127.example.com:1")->is_loopback());
}

TEST(AddressTest, PortZeroBecomesThePortTheSystemChose) {
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const Address asked{.host = host, .port = 0, .unix_path = {}};
    const auto fd = listen_on(asked);
    ASSERT_TRUE(fd) << fd.error().message();
    const auto actual = local_address(fd->get(), asked);
    ASSERT_TRUE(actual);
    EXPECT_NE(actual->port, 0);
    EXPECT_EQ(actual->host, host);
    const auto again = listen_on(*actual);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), base::Code::kAlreadyExists);
  }
}

TEST(AddressTest, SeveralSocketsShareAPortThatNoOtherServerCanTake) {
  const Address asked{.host = "127.0.0.1", .port = 0, .unix_path = {}};
  const auto first = listen_on(asked);
  ASSERT_TRUE(first);
  const auto actual = local_address(first->get(), asked);
  ASSERT_TRUE(actual);
  const auto second = listen_beside(first->get());
  const auto third = listen_beside(first->get());
  ASSERT_TRUE(second && third);
  EXPECT_EQ(local_address(third->get(), asked)->port, actual->port);
  const auto foreign = listen_on(*actual);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code(), base::Code::kAlreadyExists);
  EXPECT_NE(foreign.error().message().find(actual->to_string()), std::string::npos);
}

TEST(AddressTest, SocketsThatListenBesideEachOtherShareTheClients) {
  const Address asked{.host = "127.0.0.1", .port = 0, .unix_path = {}};
  const auto first = listen_on(asked);
  ASSERT_TRUE(first);
  const auto second = listen_beside(first->get());
  ASSERT_TRUE(second);
  const auto address = local_address(first->get(), asked);
  const auto peers = resolve(*address);
  ASSERT_TRUE(peers);
  std::vector<base::UniqueFd> clients;
  const auto accepts = [](int listener) {
    return base::UniqueFd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)).get() >= 0;
  };
  bool has_first = false;
  bool has_second = false;
  // The system picks one of two sockets at random. All of 200 on one is practically impossible.
  for (int i = 0; i < 200; ++i) {
    clients.push_back(*start_connecting(peers->front()));
    pollfd done{.fd = clients.back().get(), .events = POLLOUT, .revents = 0};
    ASSERT_EQ(::poll(&done, 1, 30'000), 1);
    has_first = has_first || accepts(first->get());
    has_second = has_second || accepts(second->get());
  }
  EXPECT_TRUE(has_first && has_second);
}

TEST(AddressTest, ANameResolvesToAllItsAddressesAndANumberToOne) {
  const auto number = resolve({.host = "::1", .port = 1, .unix_path = {}});
  ASSERT_TRUE(number);
  ASSERT_EQ(number->size(), 1U);
  EXPECT_EQ(number->front().family, AF_INET6);
  const auto name = resolve({.host = "localhost", .port = 1, .unix_path = {}});
  ASSERT_TRUE(name);
  EXPECT_GE(name->size(), 1U);
}

TEST(AddressTest, AnUnknownNameIsNamedInTheError) {
  const auto resolved = resolve({.host = "no-such-host.invalid", .port = 1, .unix_path = {}});
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().code(), base::Code::kUnavailable);
  EXPECT_NE(resolved.error().message().find("no-such-host.invalid"), std::string::npos);
}

}  // namespace
}  // namespace net
