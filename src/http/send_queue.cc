#include "http/send_queue.h"

#include <algorithm>

#include "base/check.h"

namespace http {

void SendQueue::append_constant(std::string_view bytes) {
  if (bytes.empty()) return;
  constants_.push_back({.at = own_.size(), .rest = bytes});
  constant_bytes_ += bytes.size();
}

std::array<std::string_view, SendQueue::kPieces> SendQueue::next() const {
  std::array<std::string_view, kPieces> pieces;
  const std::string_view own = own_;
  std::size_t count = 0;
  std::size_t from = sent_;
  for (const Constant& constant : constants_) {
    if (count + 2 > kPieces) return pieces;
    if (constant.at > from) pieces[count++] = own.substr(from, constant.at - from);
    pieces[count++] = constant.rest;
    from = constant.at;
  }
  if (count < kPieces) pieces[count] = own.substr(from);
  return pieces;
}

void SendQueue::drop(std::size_t count) {
  CHECK(count <= unsent());
  while (count > 0) {
    const std::size_t own_end = constants_.empty() ? own_.size() : constants_.front().at;
    const std::size_t own = std::min(count, own_end - sent_);
    sent_ += own;
    count -= own;
    if (count == 0) return;
    std::string_view& rest = constants_.front().rest;
    const std::size_t constant = std::min(count, rest.size());
    rest.remove_prefix(constant);
    constant_bytes_ -= constant;
    count -= constant;
    if (rest.empty()) constants_.erase(constants_.begin());
  }
}

void SendQueue::compact() {
  if (sent_ < kKeptCapacity || sent_ < own_.size() / 2) return;
  own_ = std::string(own_, sent_);
  for (Constant& constant : constants_) constant.at -= sent_;
  sent_ = 0;
}

void SendQueue::give_back(std::size_t kept) {
  own_.clear();
  sent_ = 0;
  if (own_.capacity() > kept) own_.shrink_to_fit();
}

}  // namespace http
