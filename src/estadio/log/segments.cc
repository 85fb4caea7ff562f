#include "estadio/log/segments.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fmt/format.h>

namespace estadio {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::string_view kSuffix = ".log";

base::Result<Segment> open_header(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return base::fail(base::Error::from_errno("opening " + path, errno));
  std::string bytes(kSegmentHeaderBytes, '\0');
  const auto size = ::pread(fd.get(), bytes.data(), bytes.size(), 0);
  if (size < 0) return base::fail(base::Error::from_errno("reading " + path, errno));
  bytes.resize(static_cast<std::size_t>(size));
  auto header = SegmentHeader::decode(bytes);
  if (!header) {
    return base::fail(
        base::Code::kCorruption,
        fmt::format("{}: its header is damaged, or another version of this program wrote it: "
                    "restore the file from a copy, or use that version",
                    path));
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return base::fail(base::Error::from_errno("reading " + path, errno));
  }
  const auto file_bytes = static_cast<std::uint64_t>(info.st_size);
  if (file_bytes != header->bytes) {
    return base::fail(
        base::Code::kCorruption,
        fmt::format("{}: {}: it was made with {} bytes and has {}; restore it from a copy", path,
                    file_bytes < header->bytes ? "cut short" : "too long", header->bytes,
                    file_bytes));
  }
  return Segment{.path = path, .header = *std::move(header)};
}

}  // namespace

std::string segment_name(std::uint64_t number) { return fmt::format("{:020}{}", number, kSuffix); }

base::Result<std::vector<Segment>> list_segments(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& file : std::filesystem::directory_iterator(folder, error)) {
    if (file.path().extension() == kSuffix) paths.push_back(file.path().string());
  }
  if (error) return base::fail(base::Error::from_errno("listing " + folder, error.value()));
  std::ranges::sort(paths);
  std::vector<Segment> segments;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(Segment segment, open_header(path));
    if (std::filesystem::path(path).filename() != segment_name(segment.header.number) ||
        segment.header.number != segments.size()) {
      return base::fail(
          base::Code::kCorruption,
          fmt::format("{}: expected segment {} here: a file is missing or has another's "
                      "name; restore it from a copy",
                      path, segments.size()));
    }
    if (!segments.empty() && segment.header.topic_ids[0] != segments.front().header.topic_ids[0]) {
      return base::fail(base::Code::kCorruption,
                        fmt::format("{}: belongs to another log: move it to its own folder", path));
    }
    segments.push_back(std::move(segment));
  }
  return segments;
}

base::Result<SegmentReader> SegmentReader::open(const Segment& segment) {
  base::UniqueFd fd(::open(segment.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return base::fail(base::Error::from_errno("opening " + segment.path, errno));
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  SegmentReader reader(std::move(fd), segment);
  reader.next_sequence_ = segment.header.first_sequence;
  return reader;
}

base::Result<bool> SegmentReader::fill(std::size_t position, std::size_t size) {
  if (position >= buffer_at_ && position + size <= buffer_at_ + buffer_.size()) return true;
  buffer_.resize(std::max(size, kReadBytes));
  buffer_at_ = position;
  std::size_t have = 0;
  while (have < buffer_.size()) {
    const auto count = ::pread(fd_.get(), buffer_.data() + have, buffer_.size() - have,
                               static_cast<off_t>(position + have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      buffer_.clear();
      return base::fail(base::Error::from_errno("reading " + path_, errno));
    }
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  buffer_.resize(have);
  return have >= size;
}

base::Result<std::optional<PlacedBlock>> SegmentReader::block_at(std::size_t position) {
  std::optional<PlacedBlock> nothing;
  ASSIGN_OR_RETURN(const bool has_header, fill(position, kBlockHeaderBytes));
  if (!has_header) return nothing;
  const auto size = block_size(view(position, kBlockHeaderBytes));
  if (!size) return nothing;
  ASSIGN_OR_RETURN(const bool has_all, fill(position, *size));
  if (!has_all) return nothing;
  auto block = decode_block(view(position, *size), seed_);
  if (!block) return nothing;
  return PlacedBlock{
      .block = *std::move(block), .position = position, .bytes = view(position, *size)};
}

base::Result<std::optional<PlacedBlock>> SegmentReader::next() {
  ASSIGN_OR_RETURN(auto found, block_at(position_));
  if (!found) {
    // The buffer may be older than the block.
    buffer_.clear();
    ASSIGN_OR_RETURN(found, block_at(position_));
  }
  if (!found || found->block.sequence != next_sequence_) return std::optional<PlacedBlock>();
  ++next_sequence_;
  position_ += found->bytes.size();
  return found;
}

base::Error SegmentReader::damage() const {
  return {
      base::Code::kCorruption,
      fmt::format("{}: damaged at byte {}: no whole block is there; restore the file from a copy",
                  path_, position_)};
}

base::Result<SegmentReader::Rest> SegmentReader::examine_rest() {
  Rest rest = Rest::kZeros;
  std::size_t at = position_;
  while (true) {
    ASSIGN_OR_RETURN(bool has_header, fill(at, kBlockHeaderBytes));
    // Zeros are passed over as fast as memory allows.
    const std::string_view bytes = view(at, buffer_at_ + buffer_.size() - at);
    const auto written = bytes.find_first_not_of('\0');
    if (written != std::string_view::npos) rest = Rest::kTorn;
    if (!has_header) return rest;
    if (written == std::string_view::npos) {
      at +=
          (bytes.size() - kBlockHeaderBytes) / kBlockAlignment * kBlockAlignment + kBlockAlignment;
      continue;
    }
    at += written / kBlockAlignment * kBlockAlignment;
    ASSIGN_OR_RETURN(has_header, fill(at, kBlockHeaderBytes));
    if (has_header && block_size(view(at, kBlockHeaderBytes))) {
      ASSIGN_OR_RETURN(const auto found, block_at(at));
      if (found && found->block.sequence >= next_sequence_) {
        // The block before it may have been half written at the first look. Read it again.
        buffer_.clear();
        ASSIGN_OR_RETURN(const auto before, block_at(position_));
        if (!before || before->block.sequence != next_sequence_) return base::fail(damage());
        return rest;
      }
    }
    at += kBlockAlignment;
  }
}

}  // namespace estadio
