#include "estadio/log/disk_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/files.h"
#include "estadio/contest/contest.h"

namespace estadio {
namespace {

constexpr std::string_view kHasFailed =
    "the log has failed and refuses entries until the process is started again";
constexpr std::string_view kHasStopped =
    "the log is closed, because the process is stopping: try again later";
constexpr std::string_view kIsBusy =
    "the log has as many bytes of results that are not durable yet as it takes: try again later";
constexpr std::chrono::seconds kTryAgainEvery{1};  // when the disk is full
constexpr std::size_t kRepairStepBytes = std::size_t{1} << 20;

}  // namespace

DiskLog::DiskLog(Options options, const base::Clock& clock, base::Logger& log)
    : options_(std::move(options)),
      disk_(options_.disk == nullptr ? own_disk_ : *options_.disk),
      clock_(clock),
      log_(log),
      gathering_(options_.partitions) {}

base::Result<std::unique_ptr<DiskLog>> DiskLog::open(const Options& options,
                                                     const base::Clock& clock, base::Logger& log) {
  if (options.segment_bytes < kSegmentBytesMin || options.segment_bytes > kSegmentBytesMax) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("a segment of the log: expected {} to {} bytes, got {}",
                                  kSegmentBytesMin, kSegmentBytesMax, options.segment_bytes));
  }
  RETURN_IF_ERROR(base::make_folder(options.folder));
  auto disk = std::unique_ptr<DiskLog>(new DiskLog(options, clock, log));
  ASSIGN_OR_RETURN(disk->segments_, list_segments(options.folder));
  disk->preallocator_ = std::make_unique<SegmentPreallocator>(options.folder, options.segment_bytes,
                                                              disk->disk_, log);
  if (disk->segments_.empty()) {
    RETURN_IF_ERROR(disk->create());
  } else {
    RETURN_IF_ERROR(disk->load(/*to_write=*/true));
  }
  disk->preallocator_->use(disk->segments_.back().path, disk->active_bytes_, disk->active_end_);
  disk->thread_ = std::jthread(
      [raw = disk.get()](const std::stop_token& stop) { raw->commit_until_stopped(stop); });
  return disk;
}

base::Result<std::unique_ptr<DiskLog>> DiskLog::open_to_read(const std::string& folder,
                                                             const base::Clock& clock,
                                                             base::Logger& log) {
  ASSIGN_OR_RETURN(auto segments, list_segments(folder));
  if (segments.empty()) {
    return base::fail(base::Code::kNotFound,
                      fmt::format("there is no log in {}: check the data folder", folder));
  }
  auto disk = std::unique_ptr<DiskLog>(new DiskLog(
      {.folder = folder, .partitions = segments.front().header.partitions()}, clock, log));
  disk->segments_ = std::move(segments);
  disk->is_stopped_ = true;  // takes nothing
  RETURN_IF_ERROR(disk->load(/*to_write=*/false));
  return disk;
}

DiskLog::~DiskLog() { stop(); }

void DiskLog::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  {
    const std::scoped_lock lock(mutex_);
    is_stopped_ = true;
  }
  committer_.notify_all();
  thread_.join();
}

base::Result<void> DiskLog::create() {
  base::UuidGenerator ids;
  const std::int64_t now_ms = clock_.wall_ms();
  identity_.topic_ids[0] = ids.next(now_ms);
  identity_.topic_ids[1] = ids.next(now_ms);
  identity_.next_offsets.assign(static_cast<std::size_t>(options_.partitions) * 2, 0);
  next_offsets_ = identity_.next_offsets;
  last_time_ms_ = now_ms;
  return make_room(0);
}

base::Result<void> DiskLog::load(bool to_write) {
  identity_ = segments_.front().header;
  const Segment& last = segments_.back();
  if (identity_.partitions() != options_.partitions) {
    return base::fail(
        base::Code::kFailedPrecondition,
        fmt::format(
            "the log in {0} was made with {1} partitions, and the contest asks for {2}: set the "
            "contest's partitions to {1}, or use another data folder",
            options_.folder, identity_.partitions(), options_.partitions));
  }
  next_offsets_ = last.header.next_offsets;
  next_sequence_ = last.header.first_sequence;
  last_time_ms_ = last.header.created_ms;
  ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(last));
  std::size_t last_block = 0;  // its position; the header's when there is no block
  while (true) {
    ASSIGN_OR_RETURN(const auto placed, reader.next());
    if (!placed) break;
    last_block = placed->position;
    for (const BlockPart& part : placed->block.parts) {
      next_offsets_[index_of(part.partition)] = part.first_offset + part.records;
    }
    next_sequence_ = placed->block.sequence + 1;
    last_time_ms_ = placed->block.time_ms;
  }
  ASSIGN_OR_RETURN(const SegmentReader::Rest rest, reader.examine_rest());
  active_end_ = reader.position();
  if (!to_write) return {};
  active_ = base::UniqueFd(::open(last.path.c_str(), O_RDWR | O_CLOEXEC));
  if (!active_) return base::fail(base::Error::from_errno("opening " + last.path, errno));
  if (rest == SegmentReader::Rest::kTorn) RETURN_IF_ERROR(repair_tail(last, active_end_));
  RETURN_IF_ERROR(rewrite(last, last_block, active_end_));
  active_bytes_ = last.header.bytes;
  // A copy may have holes where room was reserved: then a full disk would be met while writing.
  const int error = ::posix_fallocate(active_.get(), 0, static_cast<off_t>(active_bytes_));
  if (error != 0) return base::fail(base::Error::from_errno("making room in the log", error));
  return base::sync_folder(options_.folder);
}

base::Result<std::string> DiskLog::read(const Segment& segment, std::size_t from,
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
base::Result<void> DiskLog::rewrite(const Segment& segment, std::size_t from, std::size_t until) {
  ASSIGN_OR_RETURN(const std::string bytes, read(segment, from, until));
  RETURN_IF_ERROR(disk_.write(active_.get(), bytes, from, "writing " + segment.path));
  return disk_.sync(active_.get(), "syncing " + segment.path);
}

// Writes zeros after the last whole block, where a commit was under way when the process died.
base::Result<void> DiskLog::repair_tail(const Segment& segment, std::size_t from) {
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

void DiskLog::append(const RecordBatch& batch, Done done) {
  CHECK(batch.parts.size() == next_offsets_.size());
  base::Code code = base::Code::kUnavailable;
  std::string_view refusal = kHasFailed;
  {
    const std::scoped_lock lock(mutex_);
    std::size_t bytes = 0;
    for (const RecordBatch::Part& part : batch.parts) bytes += part.lines.size();
    const bool has_room = gathering_.bytes + bytes <= kGatheringBytesMax;
    if (!stats_.has_failed && !is_stopped_ && has_room) {
      const bool was_empty = gathering_.waiting.empty();
      for (std::size_t i = 0; i < batch.parts.size(); ++i) {
        gathering_.batch.parts[i].lines += batch.parts[i].lines;
        gathering_.batch.parts[i].count += batch.parts[i].count;
      }
      gathering_.bytes += bytes;
      gathering_.waiting.push_back(std::move(done));
      if (was_empty) committer_.notify_one();
      return;
    }
    if (is_stopped_) {
      refusal = kHasStopped;
    } else if (!has_room) {
      code = base::Code::kResourceExhausted;
      refusal = kIsBusy;
    }
  }
  done(base::fail(code, std::string(refusal)));
}

void DiskLog::commit_until_stopped(const std::stop_token& stop) {
  Gathering gathered(options_.partitions);
  while (wait_for_work(gathered, stop)) {
    const base::Result<void> committed = commit(gathered);
    for (const Done& done : gathered.waiting) done(committed);
    gathered.waiting.clear();
    gathered.batch.clear();
    gathered.bytes = 0;
  }
}

// Swaps what has gathered for `gathered`. False when there is nothing more to come.
bool DiskLog::wait_for_work(Gathering& gathered, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto has_work = [&] { return !gathering_.waiting.empty() || stop.stop_requested(); };
  while (!has_work()) {
    if (!stats_.is_full) {
      committer_.wait(lock, has_work);
    } else if (!committer_.wait_for(lock, kTryAgainEvery, has_work)) {
      // While /readyz fails no entry may arrive, so try to make room.
      lock.unlock();
      const bool has_room = make_room(refused_bytes_).has_value();
      lock.lock();
      stats_.is_full = !has_room;
    }
  }
  if (gathering_.waiting.empty()) return false;
  std::swap(gathered, gathering_);
  return true;
}

base::Result<void> DiskLog::commit(Gathering& gathered) {
  if (has_failed_) return base::fail(base::Code::kUnavailable, std::string(kHasFailed));
  if (gathered.bytes == 0) return {};  // only somebody who waited for what was before
  auto fresh = std::make_shared<TailBlock>();
  last_time_ms_ = std::max(last_time_ms_, clock_.wall_ms());
  fresh->block = encode_block(fresh->bytes, gathered.batch, next_sequence_, last_time_ms_,
                              next_offsets_, identity_.seed());
  if (auto room = make_room(fresh->bytes.size()); !room) {
    if (has_failed_) return fail_for_good(room.error());
    refused_bytes_ = fresh->bytes.size();
    const std::scoped_lock lock(mutex_);
    if (!stats_.is_full) {
      log_.error("the log cannot grow: entries are refused until it can; free space on the disk",
                 {{"error", room.error()}});
    }
    stats_.is_full = true;
    return base::fail(base::Code::kResourceExhausted, room.error().message());
  }
  if (auto written = write_block(fresh->bytes); !written) return fail_for_good(written.error());
  active_end_ += fresh->bytes.size();
  ++next_sequence_;
  {
    const std::scoped_lock lock(mutex_);
    for (const BlockPart& part : fresh->block.parts) {
      next_offsets_[index_of(part.partition)] += part.records;
    }
    ++stats_.commits;
    stats_.records += fresh->block.records;
    stats_.bytes += fresh->bytes.size();
    stats_.is_full = false;
    tail_bytes_ += fresh->bytes.size();
    tail_.push_back(std::move(fresh));
    while (tail_bytes_ > kTailBytesMax && tail_.size() > 1) {
      tail_bytes_ -= tail_.front()->bytes.size();
      tail_.pop_front();
    }
  }
  readers_.notify_all();
  return {};
}

// The contents of the disk are unknown from here on.
base::Failure DiskLog::fail_for_good(const base::Error& error) {
  log_.error(
      "writing the log failed: entries are refused; check the disk, then start the process again",
      {{"error", error}});
  has_failed_ = true;
  const std::scoped_lock lock(mutex_);
  stats_.has_failed = true;
  return base::fail(base::Code::kInternal, error.message());
}

base::Result<void> DiskLog::write_block(const std::string& bytes) {
  CHECK(block_size(bytes) == bytes.size());
  RETURN_IF_ERROR(preallocator_->claim(active_end_ + bytes.size()));
  RETURN_IF_ERROR(disk_.write(active_.get(), bytes, active_end_, "writing the log"));
  return disk_.sync(active_.get(), "syncing the log");
}

// Sees to it that a block of `bytes` fits into the segment in use, by starting the next one when
// it does not.
base::Result<void> DiskLog::make_room(std::size_t bytes) {
  if (active_ && active_end_ + bytes <= active_bytes_) return {};
  return start_segment(bytes);
}

base::Result<void> DiskLog::start_segment(std::size_t bytes) {
  Segment segment;
  segment.header = identity_;
  segment.header.number = segments_.size();
  segment.header.first_sequence = next_sequence_;
  segment.header.created_ms = last_time_ms_;
  segment.header.next_offsets = next_offsets_;
  segment.path = options_.folder + "/" + segment_name(segment.header.number);
  ASSIGN_OR_RETURN(base::UniqueFd file, preallocator_->take_next());
  std::size_t size = options_.segment_bytes;
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
  if (::rename(preallocator_->next_path().c_str(), segment.path.c_str()) != 0) {
    return base::fail(base::Error::from_errno("naming " + segment.path, errno));
  }
  if (auto synced = base::sync_folder(options_.folder); !synced) {
    // Which segment a restart finds is not known: nothing may go into either.
    has_failed_ = true;
    return synced;
  }
  active_ = std::move(file);
  active_bytes_ = size;
  active_end_ = kSegmentHeaderBytes;
  preallocator_->use(segment.path, active_bytes_, active_end_);
  const std::scoped_lock lock(mutex_);
  segments_.push_back(std::move(segment));
  return {};
}

base::Result<base::Uuid> DiskLog::incarnation(PartitionId id) {
  return identity_.topic_ids[static_cast<std::size_t>(id.topic)];
}

int DiskLog::partitions() const { return options_.partitions; }

base::Result<std::int64_t> DiskLog::end_offset(PartitionId id) {
  const std::scoped_lock lock(mutex_);
  return next_offsets_[index_of(id)];
}

base::Result<std::int64_t> DiskLog::offset_before(PartitionId id, std::int64_t time_ms) {
  const std::scoped_lock lock(mutex_);
  std::size_t segment = segments_.size() - 1;
  while (segment > 0 && segments_[segment].header.created_ms >= time_ms) --segment;
  return segments_[segment].header.next_offsets[index_of(id)];
}

DiskLog::Stats DiskLog::stats() const {
  const std::scoped_lock lock(mutex_);
  return stats_;
}

}  // namespace estadio
