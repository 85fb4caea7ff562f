#include "estadio/log/disk_log_reader.h"

#include <algorithm>
#include <fmt/format.h>
#include <span>

namespace estadio {
namespace {

// Returns the block's parts of the partition. They follow each other.
std::span<const BlockPart> parts_of(const Block& block, PartitionId partition) {
  const auto first = std::ranges::find(block.parts, partition, &BlockPart::partition);
  const auto last = std::find_if(first, block.parts.end(), [partition](const BlockPart& part) {
    return part.partition != partition;
  });
  return {first, last};
}

}  // namespace

base::Result<void> DiskLog::Reader::read(std::vector<LoggedRecord>& records,
                                         std::chrono::nanoseconds patience) {
  records.clear();
  if (!has_entered_records() && !wait_for_records(patience)) return {};
  take_entered(records);
  // There is a record: blocks that hold others' alone are passed over.
  while (records.empty()) {
    bool is_in_tail = false;
    {
      const std::scoped_lock lock(log_.mutex_);
      is_in_tail = locate_in_tail();
    }
    RETURN_IF_ERROR(is_in_tail ? read_tail(records) : read_file(records));
  }
  position_ = records.back().offset + 1;
  return {};
}

bool DiskLog::Reader::wait_for_records(std::chrono::nanoseconds patience) {
  std::unique_lock lock(log_.mutex_);
  const auto has_more = [this] { return log_.next_offsets_[index_] > position_; };
  log_.readers_.wait_for(lock, patience, [&] { return is_woken_ || has_more(); });
  if (has_more()) return true;
  is_woken_ = false;
  return false;
}

void DiskLog::Reader::take_entered(std::vector<LoggedRecord>& records) {
  for (; has_entered_records(); ++part_) {
    BlockPart& part = parts_[part_];
    while (!part.lines.empty()) {
      if (records.size() == kRecordsMax) return;
      const auto newline = part.lines.find('\n');
      if (newline == std::string_view::npos) break;
      if (part.first_offset >= position_) {
        records.push_back({.offset = part.first_offset,
                           .time_ms = part.time_ms,
                           .line = part.lines.substr(0, newline)});
      }
      ++part.first_offset;
      part.lines.remove_prefix(newline + 1);
    }
  }
}

void DiskLog::Reader::enter(const Block& block) {
  next_sequence_ = block.sequence + 1;
  const auto parts = parts_of(block, partition_);
  parts_.assign(parts.begin(), parts.end());
  part_ = 0;
}

// Whether the block to read next is in the tail. REQUIRES: the log's lock.
bool DiskLog::Reader::locate_in_tail() {
  const Tail& tail = log_.tail_;
  if (tail.empty()) return false;
  if (next_sequence_) return tail.front()->block.sequence <= *next_sequence_;
  for (const auto& held : tail) {
    const auto parts = parts_of(held->block, partition_);
    if (parts.empty()) continue;
    if (parts.front().first_offset > position_) return false;
    if (position_ < parts.back().first_offset + parts.back().records) {
      next_sequence_ = held->block.sequence;
      return true;
    }
  }
  return false;
}

// REQUIRES: locate_in_tail() has just said so.
base::Result<void> DiskLog::Reader::read_tail(std::vector<LoggedRecord>& records) {
  file_.reset();
  held_.clear();
  {
    const std::scoped_lock lock(log_.mutex_);
    const Tail& tail = log_.tail_;
    if (tail.front()->block.sequence > *next_sequence_) return {};  // it has just left the tail
    std::size_t held_records = 0;
    for (std::size_t i = *next_sequence_ - tail.front()->block.sequence;
         i < tail.size() && held_records < kRecordsMax; ++i) {
      held_.push_back(tail[i]);
      held_records += tail[i]->block.records;
    }
  }
  for (const auto& held : held_) {
    enter(held->block);
    take_entered(records);
    if (records.size() == kRecordsMax) break;
  }
  return {};
}

// The records of the next block in the files that has any of this partition.
base::Result<void> DiskLog::Reader::read_file(std::vector<LoggedRecord>& records) {
  while (records.empty()) {
    if (!file_) RETURN_IF_ERROR(open_file());
    ASSIGN_OR_RETURN(const auto placed, file_->next());
    if (!placed) {
      RETURN_IF_ERROR(open_next_file());
      continue;
    }
    enter(placed->block);
    take_entered(records);
  }
  return {};
}

// Opens the segment in which the position lies.
base::Result<void> DiskLog::Reader::open_file() {
  Segment segment;
  std::size_t number = 0;
  {
    const std::scoped_lock lock(log_.mutex_);
    number = log_.segments_.size() - 1;
    while (number > 0 && log_.segments_[number].header.next_offsets[index_] > position_) --number;
    segment = log_.segments_[number];
  }
  return open_segment(segment, number);
}

// REQUIRES: file_ has no more blocks, and what is wanted is durable: so it is in the next segment,
// unless this one is damaged.
base::Result<void> DiskLog::Reader::open_next_file() {
  Segment segment;
  {
    const std::scoped_lock lock(log_.mutex_);
    if (segment_ + 1 == log_.segments_.size() ||
        log_.segments_[segment_ + 1].header.first_sequence != file_->next_sequence()) {
      return base::fail(file_->damage());
    }
    segment = log_.segments_[segment_ + 1];
  }
  return open_segment(segment, segment_ + 1);
}

base::Result<void> DiskLog::Reader::open_segment(const Segment& segment, std::size_t number) {
  ASSIGN_OR_RETURN(file_, SegmentReader::open(segment));
  segment_ = number;
  return {};
}

base::Result<void> DiskLog::Reader::seek(std::int64_t offset) {
  ASSIGN_OR_RETURN(const auto end, log_.end_offset(partition_));
  if (offset < 0 || offset > end) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("{}-{}: there is no offset {}: the log ends at {}",
                                  topic_name(partition_.topic), partition_.number, offset, end));
  }
  position_ = offset;
  parts_.clear();
  part_ = 0;
  next_sequence_.reset();
  file_.reset();
  return {};
}

void DiskLog::Reader::wake() {
  {
    const std::scoped_lock lock(log_.mutex_);
    is_woken_ = true;
  }
  log_.readers_.notify_all();
}

base::Result<std::unique_ptr<PartitionReader>> DiskLog::read_from(PartitionId id,
                                                                  std::int64_t offset) {
  auto reader = std::make_unique<Reader>(*this, id);
  RETURN_IF_ERROR(reader->seek(offset));
  return reader;
}

}  // namespace estadio
