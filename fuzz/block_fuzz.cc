// Blocks and segment headers of the log. Any bytes are read without harm, also with a right
// checksum. Written batches are read back the same.
#include "estadio/log/block.h"

#include <cstring>
#include <string>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "fuzz.h"

namespace {

constexpr std::uint64_t kSeed = 42;

// Sets the checksum at `at` to that of all bytes after it.
void sign(std::string& bytes, std::size_t at, std::uint64_t seed) {
  const std::string_view rest = std::string_view(bytes).substr(at + 8);
  const std::uint64_t checksum = XXH3_64bits_withSeed(rest.data(), rest.size(), seed);
  std::memcpy(bytes.data() + at, &checksum, sizeof checksum);
}

void check_block(std::string_view bytes) {
  const auto block = estadio::decode_block(bytes, kSeed);
  if (!block) return;
  const char* last = bytes.data() + estadio::kBlockHeaderBytes;
  for (const estadio::BlockPart& part : block->parts) {
    CHECK(part.lines.data() >= last);
    last = part.lines.data() + part.lines.size();
    CHECK(last <= bytes.data() + bytes.size());
  }
}

// Reads the input unchanged, if its size may be a block's; then as a block with a right checksum.
void check_as_block(std::string_view input) {
  if (input.size() < estadio::kBlockHeaderBytes) return;
  const auto claimed = estadio::block_size(input);
  if (claimed && *claimed <= input.size()) check_block(input.substr(0, *claimed));

  std::string bytes(input);
  bytes.resize((bytes.size() + estadio::kBlockAlignment - 1) / estadio::kBlockAlignment *
               estadio::kBlockAlignment);
  const std::uint32_t magic = 0x4B4C'4245;
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(bytes.data(), &magic, sizeof magic);
  std::memcpy(bytes.data() + 4, &size, sizeof size);
  sign(bytes, 8, kSeed);
  CHECK(estadio::block_size(bytes) == bytes.size());
  check_block(bytes);
}

void check_as_segment_header(std::string_view input) {
  static_cast<void>(estadio::SegmentHeader::decode(input));
  std::string bytes(input.substr(0, estadio::kSegmentHeaderBytes));
  bytes.resize(estadio::kSegmentHeaderBytes);
  const std::string_view start("ESTADIO1\3\0\0\0", 12);
  bytes.replace(0, start.size(), start);
  sign(bytes, 16, 0);
  const auto header = estadio::SegmentHeader::decode(bytes);
  if (!header) return;
  const auto again = estadio::SegmentHeader::decode(header->encode());
  CHECK(again.has_value());
  CHECK(again->number == header->number && again->first_sequence == header->first_sequence);
  CHECK(again->newest_ms == header->newest_ms && again->bytes == header->bytes);
  CHECK(again->next_offsets == header->next_offsets);
  CHECK(again->topic_ids[0] == header->topic_ids[0] && again->topic_ids[1] == header->topic_ids[1]);
}

// Writes the input as batches: byte 0 chooses the partitions, the rest goes to them in turn. A
// piece's first byte decides whether its batch has another time than the one before.
void check_round_trip(std::string_view input) {
  if (input.empty()) return;
  const int partitions = 1 + static_cast<unsigned char>(input[0]) % 4;
  estadio::GatheredRecords gathered(partitions);
  std::vector<std::string> lines(static_cast<std::size_t>(partitions) * 2);
  fuzz::Cuts cuts(input);
  std::size_t next = 0;
  for (std::size_t at = 1; at < input.size(); ++next) {
    const std::size_t end = cuts.next(at, input.size());
    estadio::RecordBatch batch(partitions);
    batch.time_ms = 1'795'446'245'678 + input[at] % 3;
    batch.parts[next % lines.size()].lines = input.substr(at, end - at);
    batch.parts[next % lines.size()].count = 1;
    gathered.add(batch);
    lines[next % lines.size()] += input.substr(at, end - at);
    at = end;
  }
  std::vector<std::int64_t> offsets(lines.size());
  for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<std::int64_t>(i * 1000);
  std::string bytes;
  estadio::encode_block(bytes, gathered, 7, offsets, kSeed);
  CHECK(estadio::block_size(bytes) == bytes.size());
  const auto block = estadio::decode_block(bytes, kSeed);
  CHECK(block && block->sequence == 7 && block->records == next);
  std::vector<std::string> found(lines.size());
  for (const estadio::BlockPart& part : block->parts) {
    const std::size_t i = estadio::index_of(part.partition, partitions);
    CHECK(part.first_offset == offsets[i]);
    CHECK(part.time_ms >= 1'795'446'245'676 && part.time_ms <= 1'795'446'245'680);
    offsets[i] += part.records;
    found[i] += part.lines;
  }
  CHECK(found == lines);
  // Another log's seed fails, and so does a changed byte.
  CHECK(!estadio::decode_block(bytes, kSeed + 1));
  std::string altered = bytes;
  altered[8 + input.size() % (altered.size() - 8)] ^= 0x10;
  CHECK(!estadio::decode_block(altered, kSeed));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  check_as_block(input);
  check_as_segment_header(input);
  check_round_trip(input);
  return 0;
}
