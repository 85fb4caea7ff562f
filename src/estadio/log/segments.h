// The files of a log's folder: finding them, opening them, reading their blocks one after the
// other, and telling a torn tail from damage.
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

// The folder's segments in order. Errors: kCorruption when one is missing, cut short or has a
// damaged header, naming the file; kNotFound when the folder is not there.
[[nodiscard]] base::Result<std::vector<Segment>> list_segments(const std::string& folder);

// A block and where it stands.
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

  // The next block; nothing where no whole block stands: at the end of what is written, or where
  // it is damaged.
  [[nodiscard]] base::Result<std::optional<PlacedBlock>> next();

  // What is after the last block that next() gave.
  enum class Rest {
    kZeros,
    kTorn,  // the start of a block that a process was writing when it ended
  };
  // Errors: kCorruption naming file and byte, when good blocks follow: then this is no torn end.
  [[nodiscard]] base::Result<Rest> examine_rest();

  // Where the next block is expected, and its sequence.
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }
  // That the bytes at position() are not a good block.
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
