// Random cuts for the fuzzers. They depend on the input alone, so that a crash repeats.
//
// Each *_fuzz.cc defines LLVMFuzzerTestOneInput for one parser. A broken claim fails a CHECK. The
// seeds are in corpus/<name>/; corpus_test.cc replays them without libFuzzer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

// Numbers drawn from the bytes of the input (FNV-1a, then xorshift).
class Cuts {
 public:
  explicit Cuts(std::string_view input) {
    for (const char c : input) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    state_ |= 1;
  }
  // Returns where the next piece of `size` bytes ends. It starts at `at`. Returns more than `at`.
  std::size_t next(std::size_t at, std::size_t size) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    // Short pieces mostly, now and then long ones.
    const std::size_t piece = 1 + (state_ >> 8) % (state_ % 4 == 0 ? size + 1 : 7);
    return piece < size - at ? at + piece : size;
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325;
};

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace fuzz
