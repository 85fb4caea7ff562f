#include "estadio/log/segment_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fmt/format.h>
#include <utility>

#include "base/check.h"
#include "base/files.h"

namespace estadio {
namespace {

constexpr std::size_t kRepairStepBytes = std::size_t{1} << 20;

}  // namespace

SegmentWriter::SegmentWriter(std::string folder, std::size_t segment_bytes, Disk& disk,
                             base::Logger& log)
    : folder_(folder),
      segment_bytes_(segment_bytes),
      disk_(disk),
      log_(log),
      preallocator_(std::move(folder), segment_bytes, disk, log) {}

base::Result<void> SegmentWriter::resume(const Segment& segment, const End& end) {
  ASSIGN_OR_RETURN(active_, base::open_file(segment.path));
  if (end.rest == SegmentReader::Rest::kTorn) RETURN_IF_ERROR(repair_tail(segment, end.position));
  RETURN_IF_ERROR(rewrite(segment, end.last_block, end.position));
  bytes_ = segment.header.bytes;
  end_ = end.position;
  // A copy may have holes where room was reserved: then a full disk would be met while writing.
  const int error = ::posix_fallocate(active_.get(), 0, static_cast<off_t>(bytes_));
  if (error != 0) return base::fail(base::Error::from_errno("making room in the log", error));
  RETURN_IF_ERROR(base::sync_folder(folder_));
  preallocator_.use(segment.path, bytes_, end_);
  return {};
}

base::Result<std::string> SegmentWriter::read(const Segment& segment, std::size_t from,
                                              std::size_t until) const {
  std::string bytes(until - from, '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    const auto count = ::pread(active_.get(), bytes.data() + have, bytes.size() - have,
                               static_cast<off_t>(from + have));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return base::fail(base::Error::from_errno("reading " + segment.path, errno));
    have += static_cast<std::size_t>(count);
  }
  return bytes;
}

// Writes these bytes of the segment once more and waits for the disk. They were read from memory:
// a process that died, or met an error of the disk, may have left them there alone.
base::Result<void> SegmentWriter::rewrite(const Segment& segment, std::size_t from,
                                          std::size_t until) {
  ASSIGN_OR_RETURN(const std::string bytes, read(segment, from, until));
  RETURN_IF_ERROR(disk_.write(active_.get(), bytes, from, "writing " + segment.path));
  return disk_.sync(active_.get(), "syncing " + segment.path);
}

// Writes zeros after the last whole block, where a commit was under way when the process died.
base::Result<void> SegmentWriter::repair_tail(const Segment& segment, std::size_t from) {
  // Kept aside: a damaged last block looks the same, and may have been acknowledged.
  const std::string aside = fmt::format("{}.torn-at-{}", segment.path, from);
  ASSIGN_OR_RETURN(const std::string torn, read(segment, from, segment.header.bytes));
  RETURN_IF_ERROR(base::replace_file(
      aside, std::string_view(torn).substr(0, torn.find_last_not_of('\0') + 1), 0640));
  const std::string zeros(kRepairStepBytes, '\0');
  for (std::size_t at = from; at < segment.header.bytes; at += zeros.size()) {
    const auto step = std::string_view(zeros).substr(0, segment.header.bytes - at);
    RETURN_IF_ERROR(disk_.write(active_.get(), step, at, "repairing " + segment.path));
  }
  RETURN_IF_ERROR(disk_.sync(active_.get(), "repairing " + segment.path));
  log_.warning(
      "cut off a torn tail of the log: the last commit did not end, or its block is damaged; "
      "another file keeps the bytes",
      {{"file", segment.path}, {"byte", from}, {"kept_in", aside}});
  return {};
}

base::Result<Segment> SegmentWriter::start_segment(SegmentHeader header, std::size_t bytes) {
  CHECK(!has_failed_);
  Segment segment{.path = folder_ + "/" + segment_name(header.number), .header = std::move(header)};
  ASSIGN_OR_RETURN(base::UniqueFd file, preallocator_.take_next());
  std::size_t size = segment_bytes_;
  if (kSegmentHeaderBytes + bytes > size) {
    // One commit larger than a segment gets one of its own size.
    size = kSegmentHeaderBytes + bytes;
    const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(size));
    if (error != 0) return base::fail(base::Error::from_errno("making room in the log", error));
  }
  segment.header.bytes = size;
  RETURN_IF_ERROR(disk_.write(file.get(), segment.header.encode(), 0, "writing " + segment.path));
  if (::fsync(file.get()) != 0) {
    return base::fail(base::Error::from_errno("syncing " + segment.path, errno));
  }
  if (::rename(preallocator_.next_path().c_str(), segment.path.c_str()) != 0) {
    return base::fail(base::Error::from_errno("naming " + segment.path, errno));
  }
  if (auto synced = disk_.sync_folder(folder_); !synced) {
    // Which segment a restart finds is not known: nothing may go into either.
    has_failed_ = true;
    return base::fail(std::move(synced).error());
  }
  active_ = std::move(file);
  bytes_ = size;
  end_ = kSegmentHeaderBytes;
  preallocator_.use(segment.path, bytes_, end_);
  return segment;
}

base::Result<void> SegmentWriter::append(std::string_view block) {
  auto written = write_synced(block);
  if (written) {
    end_ += block.size();
  } else {
    has_failed_ = true;
  }
  return written;
}

base::Result<void> SegmentWriter::write_synced(std::string_view block) {
  RETURN_IF_ERROR(preallocator_.claim(end_ + block.size()));
  RETURN_IF_ERROR(disk_.write(active_.get(), block, end_, "writing the log"));
  return disk_.sync(active_.get(), "syncing the log");
}

}  // namespace estadio
