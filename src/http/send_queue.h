// The bytes of a connection's answers that its socket has not taken yet, in order. The queue's own
// bytes are copies. Constant bytes, such as a page's script, are only pointed to.
//
//   own bytes   [ sent | head A | head B, body B ]
//   constants                   ^ body A            before the own byte number `at`
//
// Threads: none; belongs to its Connection.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace http {

class SendQueue {
 public:
  static constexpr std::size_t kPieces = 8;
  // A larger buffer is freed when it is empty.
  static constexpr std::size_t kKeptCapacity = std::size_t{32} * 1024;

  // The end of the own bytes. REQUIRES: the caller only appends to it.
  [[nodiscard]] std::string& tail() { return own_; }
  // REQUIRES: `bytes` outlives the queue.
  void append_constant(std::string_view bytes);

  [[nodiscard]] std::size_t unsent() const { return own_.size() - sent_ + constant_bytes_; }
  [[nodiscard]] bool empty() const { return unsent() == 0; }
  // The memory of unsent bytes. 0 when the queue is empty, though it keeps a small buffer.
  [[nodiscard]] std::size_t memory() const { return empty() ? 0 : own_.capacity(); }

  [[nodiscard]] bool has_constants() const { return !constants_.empty(); }
  // Returns the next bytes that are in one piece.
  [[nodiscard]] std::string_view front() const {
    return has_constants() ? next().front() : std::string_view(own_).substr(sent_);
  }
  // Returns the next bytes to send as pieces, the rest of them empty. Those may not be all bytes.
  [[nodiscard]] std::array<std::string_view, kPieces> next() const;
  // Drops `count` bytes that were sent.
  void drop(std::size_t count);
  // Frees the memory of sent bytes when they are many. So a queue that is never empty does not grow
  // without end. Copies a byte at most once for each byte sent.
  void compact();
  // Call when the queue is empty. Keeps a buffer of at most `kept` bytes.
  void give_back(std::size_t kept = kKeptCapacity);

 private:
  struct Constant {
    std::size_t at;         // in own_
    std::string_view rest;  // its unsent bytes
  };

  std::string own_;
  std::size_t sent_ = 0;  // own bytes sent
  std::vector<Constant> constants_;
  std::size_t constant_bytes_ = 0;  // unsent ones
};

}  // namespace http
