#include "estadio/log/block.h"

#include <bit>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"

namespace estadio {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the log is written as it lies in memory");

constexpr std::uint64_t kSegmentMagic = 0x314F'4944'4154'5345;  // "ESTADIO1"
constexpr std::uint32_t kVersion = 3;
constexpr std::uint32_t kBlockMagic = 0x4B4C'4245;  // "EBLK"
constexpr std::size_t kSegmentChecksumAt = 16;
constexpr std::size_t kSegmentFixedBytes = 88;
constexpr std::size_t kBlockChecksumAt = 8;

template <class T>
void put(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

template <class T>
T get(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::uint64_t checksum_after(std::string_view bytes, std::size_t checksum_at, std::uint64_t seed) {
  const std::string_view rest = bytes.substr(checksum_at + sizeof(std::uint64_t));
  return XXH3_64bits_withSeed(rest.data(), rest.size(), seed);
}

constexpr std::size_t aligned(std::size_t size) {
  return (size + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
}

void put_part_header(char* at, const BlockPart& part) {
  put(at, static_cast<std::uint16_t>(part.partition.topic));
  put(at + 2, static_cast<std::uint16_t>(part.partition.number));
  put(at + 4, part.records);
  put(at + 8, static_cast<std::uint32_t>(part.lines.size()));
  put(at + 12, std::uint32_t{0});
  put(at + 16, part.first_offset);
  put(at + 24, part.time_ms);
}

}  // namespace

std::string SegmentHeader::encode() const {
  CHECK(kSegmentFixedBytes + next_offsets.size() * 8 <= kSegmentHeaderBytes);
  std::string header(kSegmentHeaderBytes, '\0');
  char* at = header.data();
  put(at, kSegmentMagic);
  put(at + 8, kVersion);
  put(at + 12, static_cast<std::uint32_t>(partitions()));
  put(at + 24, number);
  put(at + 32, first_sequence);
  put(at + 40, newest_ms);
  put(at + 48, bytes);
  std::memcpy(at + 56, topic_ids[0].bytes.data(), 16);
  std::memcpy(at + 72, topic_ids[1].bytes.data(), 16);
  std::memcpy(at + kSegmentFixedBytes, next_offsets.data(), next_offsets.size() * 8);
  put(at + kSegmentChecksumAt, checksum_after(header, kSegmentChecksumAt, 0));
  return header;
}

std::optional<SegmentHeader> SegmentHeader::decode(std::string_view bytes) {
  if (bytes.size() != kSegmentHeaderBytes) return std::nullopt;
  const char* at = bytes.data();
  if (get<std::uint64_t>(at) != kSegmentMagic || get<std::uint32_t>(at + 8) != kVersion) {
    return std::nullopt;
  }
  if (get<std::uint64_t>(at + kSegmentChecksumAt) != checksum_after(bytes, kSegmentChecksumAt, 0)) {
    return std::nullopt;
  }
  SegmentHeader header;
  header.number = get<std::uint64_t>(at + 24);
  header.first_sequence = get<std::uint64_t>(at + 32);
  header.newest_ms = get<std::int64_t>(at + 40);
  header.bytes = get<std::uint64_t>(at + 48);
  std::memcpy(header.topic_ids[0].bytes.data(), at + 56, 16);
  std::memcpy(header.topic_ids[1].bytes.data(), at + 72, 16);
  const auto partitions = get<std::uint32_t>(at + 12);
  if (partitions == 0 || partitions > static_cast<std::uint32_t>(Contest::kPartitionsMax)) {
    return std::nullopt;
  }
  header.next_offsets.resize(std::size_t{partitions} * 2);
  std::memcpy(header.next_offsets.data(), at + kSegmentFixedBytes, header.next_offsets.size() * 8);
  return header;
}

void GatheredRecords::add(const RecordBatch& batch) {
  CHECK(batch.partitions == partitions_);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const RecordBatch::Part& added = batch.parts[i];
    if (added.count == 0) continue;
    Part& part = parts_[i];
    if (part.runs.empty() || part.runs.back().time_ms != batch.time_ms) {
      part.runs.push_back({.time_ms = batch.time_ms});
    }
    part.lines += added.lines;
    part.runs.back().records += added.count;
    part.runs.back().bytes += static_cast<std::uint32_t>(added.lines.size());
    bytes_ += added.lines.size();
  }
}

void GatheredRecords::clear() {
  for (Part& part : parts_) {
    part.lines.clear();
    part.runs.clear();
  }
  bytes_ = 0;
}

Block encode_block(std::string& out, const GatheredRecords& records, std::uint64_t sequence,
                   const std::vector<std::int64_t>& next_offsets, std::uint64_t seed) {
  Block block{.sequence = sequence, .records = 0, .parts = {}};
  std::size_t parts = 0;
  for (const GatheredRecords::Part& part : records.parts()) parts += part.runs.size();
  block.parts.reserve(parts);
  const std::size_t used = kBlockHeaderBytes + parts * kPartHeaderBytes + records.bytes();
  out.resize(aligned(used));
  std::memset(out.data() + used, 0, out.size() - used);
  char* header = out.data();
  put(header, kBlockMagic);
  put(header + 4, static_cast<std::uint32_t>(out.size()));
  put(header + 16, sequence);
  put(header + 24, static_cast<std::uint32_t>(parts));
  char* part_header = header + kBlockHeaderBytes;
  char* lines = part_header + parts * kPartHeaderBytes;
  for (std::size_t i = 0; i < records.parts().size(); ++i) {
    const auto partitions = static_cast<std::size_t>(records.partitions());
    const GatheredRecords::Part& part = records.parts()[i];
    BlockPart placed{.partition = {.topic = static_cast<Outcome>(i / partitions),
                                   .number = static_cast<int>(i % partitions)},
                     .first_offset = next_offsets[i],
                     .lines = {}};
    std::memcpy(lines, part.lines.data(), part.lines.size());
    for (const GatheredRecords::Run& run : part.runs) {
      placed.records = run.records;
      placed.time_ms = run.time_ms;
      placed.lines = {lines, run.bytes};
      put_part_header(part_header, placed);
      block.parts.push_back(placed);
      block.records += run.records;
      placed.first_offset += run.records;
      part_header += kPartHeaderBytes;
      lines += run.bytes;
    }
  }
  put(header + 28, block.records);
  put(header + kBlockChecksumAt, checksum_after(out, kBlockChecksumAt, seed));
  return block;
}

std::optional<std::size_t> block_size(std::string_view bytes) {
  if (get<std::uint32_t>(bytes.data()) != kBlockMagic) return std::nullopt;
  const std::size_t size = get<std::uint32_t>(bytes.data() + 4);
  if (size < kBlockHeaderBytes || size > kBlockBytesMax || size % kBlockAlignment != 0) {
    return std::nullopt;
  }
  return size;
}

std::optional<Block> decode_block(std::string_view bytes, std::uint64_t seed) {
  if (get<std::uint64_t>(bytes.data() + kBlockChecksumAt) !=
      checksum_after(bytes, kBlockChecksumAt, seed)) {
    return std::nullopt;
  }
  Block block;
  block.sequence = get<std::uint64_t>(bytes.data() + 16);
  block.records = get<std::uint32_t>(bytes.data() + 28);
  const std::size_t parts = get<std::uint32_t>(bytes.data() + 24);
  if (parts > (bytes.size() - kBlockHeaderBytes) / kPartHeaderBytes) return std::nullopt;
  std::size_t lines = kBlockHeaderBytes + parts * kPartHeaderBytes;
  block.parts.reserve(parts);
  for (std::size_t i = 0; i < parts; ++i) {
    const char* at = bytes.data() + kBlockHeaderBytes + i * kPartHeaderBytes;
    const std::size_t size = get<std::uint32_t>(at + 8);
    const auto topic = get<std::uint16_t>(at);
    if (size > bytes.size() - lines || topic > 1) return std::nullopt;
    block.parts.push_back(
        {.partition = {.topic = static_cast<Outcome>(topic), .number = get<std::uint16_t>(at + 2)},
         .records = get<std::uint32_t>(at + 4),
         .first_offset = get<std::int64_t>(at + 16),
         .time_ms = get<std::int64_t>(at + 24),
         .lines = bytes.substr(lines, size)});
    lines += size;
  }
  return block;
}

}  // namespace estadio
