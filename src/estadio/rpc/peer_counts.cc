#include "estadio/rpc/peer_counts.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/check.h"

namespace estadio {
namespace {

constexpr std::size_t kNetworkBytes = 8;  // of an IPv6 address

// Returns the address of "[2001:db8::1%eth0]:5000" or "%5B2001:db8::1%25eth0%5D:5000", without the
// zone.
std::string address_within_brackets(std::string_view text) {
  for (const std::string_view bracket : {"[", "%5B"}) {
    if (text.starts_with(bracket)) {
      text.remove_prefix(bracket.size());
      break;
    }
  }
  return std::string(text.substr(0, text.find_first_of("]%")));
}

}  // namespace

std::string host_of_peer(std::string_view peer) {
  const std::string_view scheme = peer.substr(0, peer.find(':'));
  std::string_view rest = peer.substr(std::min(peer.size(), scheme.size() + 1));
  if (scheme == "ipv4") return std::string(rest.substr(0, rest.find(':')));
  std::array<unsigned char, sizeof(in6_addr)> address{};
  if (scheme != "ipv6" ||
      inet_pton(AF_INET6, address_within_brackets(rest).c_str(), address.data()) != 1) {
    return std::string(scheme);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  constexpr std::array<unsigned char, 12> kMappedIpv4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (std::ranges::equal(kMappedIpv4, std::span(address).first<kMappedIpv4.size()>())) {
    inet_ntop(AF_INET, address.data() + kMappedIpv4.size(), text.data(), text.size());
    return text.data();
  }
  std::ranges::fill(std::span(address).subspan<kNetworkBytes>(), 0);
  inet_ntop(AF_INET6, address.data(), text.data(), text.size());
  return std::string(text.data()) + "/64";
}

bool PeerCounts::enter(const std::string& host) {
  std::size_t& calls = calls_[host];
  if (calls >= calls_max_) {
    if (calls == 0) calls_.erase(host);
    return false;
  }
  ++calls;
  return true;
}

void PeerCounts::leave(const std::string& host) {
  const auto found = calls_.find(host);
  CHECK(found != calls_.end());
  if (--found->second == 0) calls_.erase(found);
}

}  // namespace estadio
