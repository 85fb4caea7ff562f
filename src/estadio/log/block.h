// The bytes of the log on disk. All numbers are little-endian.
//
// A segment is a file named by its number. Its header stores its size, which never changes. Zeros
// follow its last block.
//
//   0        8         12           16         24       32               40           48
//   | magic  | version | partitions | checksum | number | first sequence | newest ms  |
//   48      56                  88
//   | bytes | topic ids, 2 x 16 | next offset of each partition when the segment began, 8 each |
//   kSegmentHeaderBytes: the first block
//
// A block holds the records of one commit, all or none. It starts at a multiple of 8. A part has
// records of one partition and one time. A partition's parts follow each other in their order.
//
//   0       4      8          16         24      28
//   | magic | size | checksum | sequence | parts | records |
//   32: for each part
//   | topic 2 | partition 2 | records 4 | bytes 4 | 0 (4) | first offset 8 | time ms 8 |
//   then the parts' lines, in the same order, then zeros to a multiple of 8
//
// A checksum is the 64-bit XXH3 of all bytes after it. A block's seed is the low 64 bits of topic
// id 0. The header's seed is 0. So a torn block and a block of another log both fail the check.
//
// Threads: functions over bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"
#include "estadio/contest/event_log.h"

namespace estadio {

inline constexpr std::size_t kSegmentHeaderBytes = 8192;
inline constexpr std::size_t kBlockHeaderBytes = 32;
inline constexpr std::size_t kPartHeaderBytes = 32;
inline constexpr std::size_t kBlockAlignment = 8;
// A size beyond this is not a block's.
inline constexpr std::size_t kBlockBytesMax = std::size_t{256} << 20;

struct SegmentHeader {
  std::uint64_t number = 0;
  std::uint64_t first_sequence = 0;  // of its first block
  std::int64_t newest_ms = 0;        // the highest time of all records before the segment
  std::uint64_t bytes = 0;           // of the file
  base::Uuid topic_ids[2];
  std::vector<std::int64_t> next_offsets;  // by PartitionId, as in RecordBatch::parts

  [[nodiscard]] int partitions() const { return static_cast<int>(next_offsets.size() / 2); }
  [[nodiscard]] std::uint64_t seed() const { return topic_ids[0].low(); }

  // kSegmentHeaderBytes bytes.
  [[nodiscard]] std::string encode() const;
  // Nothing when the bytes are not a whole header.
  [[nodiscard]] static std::optional<SegmentHeader> decode(std::string_view bytes);
};

struct BlockPart {
  PartitionId partition;
  std::uint32_t records = 0;
  std::int64_t first_offset = 0;
  std::int64_t time_ms = 0;
  std::string_view lines;  // within the block
};

struct Block {
  std::uint64_t sequence = 0;
  std::uint32_t records = 0;
  std::vector<BlockPart> parts;
};

// The records of the batches that one commit writes.
class GatheredRecords {
 public:
  // Records of one partition and one time.
  struct Run {
    std::int64_t time_ms = 0;
    std::uint32_t records = 0;
    std::uint32_t bytes = 0;
  };
  struct Part {
    std::string lines;
    std::vector<Run> runs;  // of `lines`, in their order
  };

  explicit GatheredRecords(int partitions)
      : partitions_(partitions), parts_(static_cast<std::size_t>(partitions) * 2) {}

  // REQUIRES: the batch has as many partitions. All lines together have at most kBlockBytesMax.
  void add(const RecordBatch& batch);
  void clear();

  [[nodiscard]] int partitions() const { return partitions_; }
  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }  // as in RecordBatch
  [[nodiscard]] std::size_t bytes() const { return bytes_; }               // of all lines

 private:
  int partitions_;
  std::vector<Part> parts_;
  std::size_t bytes_ = 0;
};

// Replaces `out` by the block of a commit. `next_offsets` are the offsets before this block.
// Returns the block; its lines point into `out`.
Block encode_block(std::string& out, const GatheredRecords& records, std::uint64_t sequence,
                   const std::vector<std::int64_t>& next_offsets, std::uint64_t seed);

// Returns the size that a block's header claims; nothing when the bytes are no header. REQUIRES:
// `bytes` has kBlockHeaderBytes bytes.
[[nodiscard]] std::optional<std::size_t> block_size(std::string_view bytes);

// Returns the block in `bytes`; nothing when it is torn or altered. REQUIRES: `bytes` has
// block_size() bytes.
[[nodiscard]] std::optional<Block> decode_block(std::string_view bytes, std::uint64_t seed);

}  // namespace estadio
