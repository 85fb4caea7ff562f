// Texts of processes in the table: UTF-8 without control characters, no wider than the column. The
// first byte is the width.
#include "base/printable.h"

#include "base/check.h"
#include "base/utf8.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t width = data[0];
  const std::string shown = base::printable(fuzz::text_of(data + 1, size - 1), width);
  std::size_t characters = 0;
  for (std::string_view rest = shown; !rest.empty(); ++characters) {
    const auto first = static_cast<unsigned char>(rest[0]);
    CHECK(first >= 0x20 && first != 0x7f);
    const std::size_t length = base::utf8_length(rest);
    CHECK(length > 0);
    // U+0080 to U+009F, which some terminals obey too.
    CHECK(!(first == 0xc2 && static_cast<unsigned char>(rest[1]) < 0xa0));
    rest.remove_prefix(length);
  }
  CHECK(characters <= width);
  // A second call replaces nothing.
  CHECK(base::printable(shown, width) == shown);
  return 0;
}
