// The bytes of a connection's answers that its socket has not taken yet, in order. The queue's own
// bytes are copies. Constant bytes, such as a page's script, are only pointed to.
//
//   own bytes   [ sent | head A | head B, body B ]
//   constants                   ^ body A            before the own byte number `at`
//
// Threads: belongs to the thread of its Connection.
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
  // give_back() frees a larger buffer.
  static constexpr std::size_t kKeptCapacity = std::size_t{32} * 1024;

  // Returns the own bytes. REQUIRES: the caller only appends to them.
  [[nodiscard]] std::string& tail() { return own_; }
  // Appends constant bytes without a copy. REQUIRES: `bytes` outlives the queue.
  void append_constant(std::string_view bytes);

  [[nodiscard]] std::size_t unsent() const { return own_.size() - sent_ + constant_bytes_; }
  [[nodiscard]] bool empty() const { return unsent() == 0; }
  // Returns the bytes of memory that unsent own bytes keep in use. Returns 0 when the queue is
  // empty, although it keeps a small buffer.
  [[nodiscard]] std::size_t memory() const { return empty() ? 0 : own_.capacity(); }

  [[nodiscard]] bool has_constants() const { return !constants_.empty(); }
  // Returns the first of the unsent bytes, as many as lie in one piece.
  [[nodiscard]] std::string_view front() const {
    return has_constants() ? next().front() : std::string_view(own_).substr(sent_);
  }
  // Returns the first of the unsent bytes as pieces. Pieces that are not needed are empty. More
  // unsent bytes may follow them.
  [[nodiscard]] std::array<std::string_view, kPieces> next() const;
  // Drops the first `count` of the unsent bytes, which were sent. REQUIRES: count <= unsent().
  void drop(std::size_t count);
  // Frees the memory of sent bytes when they are many. So a queue that is never empty does not grow
  // without end. Copies no more bytes than it frees.
  void compact();
  // Frees the buffer if it is larger than `kept` bytes. REQUIRES: the queue is empty.
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
