// The files of a log's folder. Lists and opens them, reads their blocks in order, and distinguishes
// a torn tail from damage.
//
// Threads: SegmentReader belongs to one thread; the rest are functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "estadio/log/block.h"

namespace estadio {

struct Segment {
  std::string path;
  SegmentHeader header;
};

// "00000000000000000012.log".
[[nodiscard]] std::string segment_name(std::uint64_t number);

// Returns the folder's segments in order. Errors: kCorruption when a file is missing, misnamed,
// damaged, of the wrong size or of another log; the message names the file where this was found.
// kNotFound when there is no folder.
[[nodiscard]] base::Result<std::vector<Segment>> list_segments(const std::string& folder);

// A block and its place.
struct PlacedBlock {
  Block block;
  std::size_t position = 0;  // in the file
  std::string_view bytes;    // good until the reader's next call
};

// Reads a segment's blocks in order through a buffer of its own.
class SegmentReader {
 public:
  // Errors: those of opening the file.
  [[nodiscard]] static base::Result<SegmentReader> open(const Segment& segment);

  // Returns the next block; nothing at the end of the written blocks, or at a damaged one.
  [[nodiscard]] base::Result<std::optional<PlacedBlock>> next();

  // The bytes after the last block of next().
  enum class Rest {
    kZeros,
    // Bytes with no valid block after them: a commit that did not end, or a damaged last block.
    kTorn,
  };
  // Errors: kCorruption, naming file and byte, when a valid block follows the bad bytes.
  [[nodiscard]] base::Result<Rest> examine_rest();

  // The place and the sequence of the next block.
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }
  // Returns a kCorruption error for the bytes at position().
  [[nodiscard]] base::Error damage() const;

 private:
  SegmentReader(base::UniqueFd fd, const Segment& segment)
      : fd_(std::move(fd)), path_(segment.path), seed_(segment.header.seed()) {}

  // Makes bytes [position, position + size) available in buffer_; false when the file is shorter.
  base::Result<bool> fill(std::size_t position, std::size_t size);
  [[nodiscard]] std::string_view view(std::size_t position, std::size_t size) const {
    return std::string_view(buffer_).substr(position - buffer_at_, size);
  }
  base::Result<std::optional<PlacedBlock>> block_at(std::size_t position);

  base::UniqueFd fd_;
  std::string path_;
  std::uint64_t seed_;
  std::size_t position_ = kSegmentHeaderBytes;
  std::uint64_t next_sequence_ = 0;
  std::string buffer_;
  std::size_t buffer_at_ = 0;  // the file's position of buffer_[0]
};

}  // namespace estadio
