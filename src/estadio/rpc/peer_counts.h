// How many calls each peer has under way, and the most that it may have.
//
// A peer is a host, whatever its port: an IPv4 address, or a network of 64 bits in IPv6. One IPv6
// host may have every address of such a network.
//
// Bounds: a peer without calls takes no memory.
//
// Threads: none; the owner locks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace estadio {

// Returns the host of a peer as gRPC writes it: "ipv4:192.0.2.1:5000" gives "192.0.2.1", and
// "ipv6:%5B2001:db8::1%5D:5000" gives "2001:db8::/64". Peers of another form share one host a
// scheme.
[[nodiscard]] std::string host_of_peer(std::string_view peer);

class PeerCounts {
 public:
  explicit PeerCounts(std::size_t calls_max) : calls_max_(calls_max) {}

  [[nodiscard]] std::size_t calls_max() const { return calls_max_; }

  // Counts a call. Returns false, and counts nothing, when the host has `calls_max` calls.
  [[nodiscard]] bool enter(const std::string& host);

  // REQUIRES: an enter() of this host returned true, and has no leave() yet.
  void leave(const std::string& host);

 private:
  const std::size_t calls_max_;
  std::unordered_map<std::string, std::size_t> calls_;
};

}  // namespace estadio
