// UUIDs (RFC 9562): sixteen bytes, their text, and a generator of versions 7 and 8. Our ids of
// version 8 carry a mark that distinguishes them from given ids.
//
//   0                   4       6         8      10                16
//   | unix time ms (48 bits)    |7| seq   |2 bits|  random          |
//   | unix time ms (48 bits)    |8| seq   | mark |  random          |
//
// Threads: Uuid is a value; a UuidGenerator belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace base {

struct Uuid {
  static constexpr std::size_t kTextSize = 36;

  std::array<std::uint8_t, 16> bytes{};

  // Parses the 8-4-4-4-12 form, upper or lower case. Returns nothing for any other text.
  [[nodiscard]] static std::optional<Uuid> parse(std::string_view text);

  // Writes kTextSize lower-case characters to `out`; returns the end.
  char* format_to(char* out) const;
  [[nodiscard]] std::string to_string() const;

  [[nodiscard]] int version() const { return bytes[6] >> 4; }
  // Returns the milliseconds since 1970 of version 7; nothing for other versions.
  [[nodiscard]] std::optional<std::int64_t> time_ms() const;

  // Returns the first 48 bits as a number. In ids that UuidGenerator made (versions 7 and 8) it is
  // their time, in ms since 1970. In other ids it has no meaning.
  [[nodiscard]] std::int64_t first_48_bits() const;

  // Whether it has the form of the ids that next_marked() makes.
  [[nodiscard]] bool is_marked() const {
    return version() == 8 && bytes[8] == kMark[0] && bytes[9] == kMark[1];
  }

  // Returns the first eight bytes, with the time of versions 7 and 8.
  [[nodiscard]] std::uint64_t high() const {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    return word;
  }
  // Returns the last eight bytes. They hold 62 random bits in versions 4 and 7.
  [[nodiscard]] std::uint64_t low() const {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + 8, sizeof word);
    return word;
  }

  friend bool operator==(const Uuid&, const Uuid&) = default;

 private:
  friend class UuidGenerator;
  static constexpr std::uint8_t kMark[2] = {0x8e, 0x5d};  // the top two bits are the variant
};

// Makes unique ids. Within one generator and millisecond the 12-bit sequence ascends until it
// wraps. The random bits come from libsodium: 62 in version 7, 48 with the mark.
class UuidGenerator {
 public:
  UuidGenerator();
  // Makes an id of version 7. `wall_ms` counts from 1970.
  [[nodiscard]] Uuid next(std::int64_t wall_ms);
  // Makes an id of version 8 with the mark.
  [[nodiscard]] Uuid next_marked(std::int64_t wall_ms);

 private:
  std::uint64_t random_word();

  std::array<std::uint64_t, 512> pool_{};
  std::size_t used_ = 0;
  std::uint16_t sequence_ = 0;
};

}  // namespace base
