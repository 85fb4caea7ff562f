#include "estadio/log/disk_log.h"

#include <fcntl.h>
#include <sys/stat.h>
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
constexpr std::string_view kIsBusy = "the log has as much waiting as it may hold";
constexpr std::size_t kReadRecords = 4096;  // enough for one call of a reader

// Writes all of `bytes` at `position`. Errors keep errno's meaning.
base::Result<void> write_all(int fd, std::string_view bytes, std::size_t position,
                             std::string_view what) {
  while (!bytes.empty()) {
    const auto count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::fail(base::Error::from_errno(what, errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
    position += static_cast<std::size_t>(count);
  }
  return {};
}

// Splits a part's lines into records from `position` on.
void append_records(std::vector<LoggedRecord>& records, const BlockPart& part, std::int64_t time_ms,
                    std::int64_t position) {
  std::string_view lines = part.lines;
  std::int64_t offset = part.first_offset;
  while (!lines.empty()) {
    const auto newline = lines.find('\n');
    if (newline == std::string_view::npos) break;
    if (offset >= position) {
      records.push_back({.offset = offset, .time_ms = time_ms, .line = lines.substr(0, newline)});
    }
    ++offset;
    lines.remove_prefix(newline + 1);
  }
}

const BlockPart* part_of(const Block& block, PartitionId partition) {
  const auto found = std::ranges::find(block.parts, partition, &BlockPart::partition);
  return found == block.parts.end() ? nullptr : &*found;
}

}  // namespace

// ---------------------------------------------------------------------------------------------
// Reading

class DiskLog::Reader final : public PartitionReader {
 public:
  Reader(const DiskLog& log, PartitionId partition, std::int64_t offset)
      : log_(log), partition_(partition), index_(log.index_of(partition)), position_(offset) {}

  base::Result<void> read(std::vector<LoggedRecord>& records,
                          std::chrono::nanoseconds patience) override {
    records.clear();
    {
      std::unique_lock lock(log_.mutex_);
      const auto has_more = [this] { return log_.next_offsets_[index_] > position_; };
      log_.readers_.wait_for(lock, patience, [&] { return is_woken_ || has_more(); });
      if (!has_more()) {
        is_woken_ = false;
        return {};
      }
    }
    // There is a record: blocks that hold others' alone are passed over.
    while (records.empty()) {
      held_.clear();
      {
        const std::scoped_lock lock(log_.mutex_);
        if (locate_in_tail()) hold_tail_blocks();
      }
      if (held_.empty()) return read_file(records);
      for (const auto& held : held_) {
        if (const BlockPart* part = part_of(held->block, partition_)) {
          append_records(records, *part, held->block.time_ms, position_);
        }
      }
    }
    position_ = records.back().offset + 1;
    return {};
  }

  base::Result<void> seek(std::int64_t offset) override {
    ASSIGN_OR_RETURN(const auto end, log_.end_offset(partition_));
    if (offset < 0 || offset > end) {
      return base::fail(base::Code::kInvalidArgument,
                        fmt::format("{}-{}: there is no offset {}: the log ends at {}",
                                    topic_of(partition_.topic), partition_.number, offset, end));
    }
    position_ = offset;
    next_sequence_.reset();
    file_.reset();
    return {};
  }

  [[nodiscard]] std::int64_t position() const override { return position_; }

  void wake() override {
    {
      const std::scoped_lock lock(log_.mutex_);
      is_woken_ = true;
    }
    log_.readers_.notify_all();
  }

 private:
  // Whether the block to read next is in the tail; REQUIRES: the log's lock.
  bool locate_in_tail() {
    const Tail& tail = log_.tail_;
    if (tail.empty()) return false;
    if (next_sequence_) return tail.front()->block.sequence <= *next_sequence_;
    for (const auto& held : tail) {
      const BlockPart* part = part_of(held->block, partition_);
      if (part == nullptr) continue;
      if (part->first_offset > position_) return false;
      if (position_ < part->first_offset + part->records) {
        next_sequence_ = held->block.sequence;
        return true;
      }
    }
    return false;
  }

  // REQUIRES: the log's lock, and that the next block is in the tail.
  void hold_tail_blocks() {
    const Tail& tail = log_.tail_;
    std::size_t records = 0;
    for (std::size_t i = *next_sequence_ - tail.front()->block.sequence;
         i < tail.size() && records < kReadRecords; ++i) {
      held_.push_back(tail[i]);
      records += tail[i]->block.records;
    }
    next_sequence_ = held_.back()->block.sequence + 1;
    file_.reset();
  }

  // The records of the next block in the files that has any of this partition.
  base::Result<void> read_file(std::vector<LoggedRecord>& records) {
    while (records.empty()) {
      if (!file_) RETURN_IF_ERROR(open_file());
      ASSIGN_OR_RETURN(const auto placed, file_->next());
      if (!placed) {
        RETURN_IF_ERROR(open_next_file());
        continue;
      }
      next_sequence_ = placed->block.sequence + 1;
      if (const BlockPart* part = part_of(placed->block, partition_)) {
        append_records(records, *part, placed->block.time_ms, position_);
      }
    }
    position_ = records.back().offset + 1;
    return {};
  }

  // Opens the segment in which the position lies.
  base::Result<void> open_file() {
    const std::scoped_lock lock(log_.mutex_);
    segment_ = log_.segments_.size() - 1;
    while (segment_ > 0 && log_.segments_[segment_].header.next_offsets[index_] > position_) {
      --segment_;
    }
    ASSIGN_OR_RETURN(auto file, SegmentReader::open(log_.segments_[segment_]));
    file_ = std::move(file);
    return {};
  }

  // REQUIRES: file_ has no more blocks, and what is wanted is durable: so it is in the next
  // segment, unless this one is damaged.
  base::Result<void> open_next_file() {
    const std::scoped_lock lock(log_.mutex_);
    const std::size_t next = segment_ + 1;
    if (next == log_.segments_.size() ||
        log_.segments_[next].header.first_sequence != file_->next_sequence()) {
      return base::fail(file_->damage());
    }
    segment_ = next;
    ASSIGN_OR_RETURN(auto file, SegmentReader::open(log_.segments_[segment_]));
    file_ = std::move(file);
    return {};
  }

  const DiskLog& log_;
  const PartitionId partition_;
  const std::size_t index_;
  std::int64_t position_;
  bool is_woken_ = false;                               // guarded by the log's mutex
  std::optional<std::uint64_t> next_sequence_;          // of the block to read next, once known
  std::vector<std::shared_ptr<const TailBlock>> held_;  // what the records returned point into
  std::optional<SegmentReader> file_;
  std::size_t segment_ = 0;  // that file_ reads
};

// ---------------------------------------------------------------------------------------------
// Opening

DiskLog::DiskLog(Options options, const base::Clock& clock, base::Logger& log)
    : options_(std::move(options)), clock_(clock), log_(log), gathering_(options_.partitions) {}

base::Result<std::unique_ptr<DiskLog>> DiskLog::open(const Options& options,
                                                     const base::Clock& clock, base::Logger& log) {
  if (options.segment_bytes < kSegmentBytesMin || options.segment_bytes > kSegmentBytesMax) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("a segment of the log takes {} to {} bytes", kSegmentBytesMin,
                                  kSegmentBytesMax));
  }
  RETURN_IF_ERROR(base::make_folder(options.folder));
  auto disk = std::unique_ptr<DiskLog>(new DiskLog(options, clock, log));
  ASSIGN_OR_RETURN(disk->segments_, list_segments(options.folder));
  disk->runway_ = std::make_unique<Runway>(options.folder, options.segment_bytes, log);
  if (disk->segments_.empty()) {
    RETURN_IF_ERROR(disk->create());
  } else {
    RETURN_IF_ERROR(disk->load(/*to_write=*/true));
  }
  disk->runway_->use(disk->active_.get(), disk->active_end_);
  disk->thread_ = std::jthread(
      [raw = disk.get()](const std::stop_token& stop) { raw->commit_until_stopped(stop); });
  return disk;
}

base::Result<std::unique_ptr<DiskLog>> DiskLog::open_to_read(const std::string& folder,
                                                             const base::Clock& clock,
                                                             base::Logger& log) {
  ASSIGN_OR_RETURN(auto segments, list_segments(folder));
  if (segments.empty()) {
    return base::fail(base::Code::kNotFound, fmt::format("there is no log in {}", folder));
  }
  auto disk = std::unique_ptr<DiskLog>(new DiskLog(
      {.folder = folder, .partitions = segments.front().header.partitions()}, clock, log));
  disk->segments_ = std::move(segments);
  RETURN_IF_ERROR(disk->load(/*to_write=*/false));
  return disk;
}

DiskLog::~DiskLog() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  {
    // Between the committer's look at the stop request and its wait.
    const std::scoped_lock lock(mutex_);
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
            "the log in {} was made with {} partitions and the contest asks for {}: the number "
            "is fixed when a log is made",
            options_.folder, identity_.partitions(), options_.partitions));
  }
  next_offsets_ = last.header.next_offsets;
  next_sequence_ = last.header.first_sequence;
  last_time_ms_ = last.header.created_ms;
  ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(last));
  while (true) {
    ASSIGN_OR_RETURN(const auto placed, reader.next());
    if (!placed) break;
    for (const BlockPart& part : placed->block.parts) {
      next_offsets_[index_of(part.partition)] = part.first_offset + part.records;
    }
    next_sequence_ = placed->block.sequence + 1;
    last_time_ms_ = placed->block.time_ms;
  }
  ASSIGN_OR_RETURN(const SegmentReader::Rest rest, reader.examine_rest());
  durable_sequence_ = next_sequence_;
  active_end_ = reader.position();
  if (!to_write) return {};
  active_ = base::UniqueFd(::open(last.path.c_str(), O_RDWR | O_CLOEXEC));
  if (!active_) return base::fail(base::Error::from_errno("opening " + last.path, errno));
  if (rest == SegmentReader::Rest::kTorn) return repair_tail(last, reader.position());
  return {};
}

// Puts zeros where a commit was under way when the process died; nothing of it was acknowledged.
base::Result<void> DiskLog::repair_tail(const Segment& segment, std::size_t from) {
  struct stat info{};
  if (::fstat(active_.get(), &info) != 0) {
    return base::fail(base::Error::from_errno("reading " + segment.path, errno));
  }
  const std::size_t size =
      std::max({from, static_cast<std::size_t>(info.st_size), options_.segment_bytes});
  // Cut and made anew: the new part reads as zeros.
  if (::ftruncate(active_.get(), static_cast<off_t>(from)) != 0 ||
      ::ftruncate(active_.get(), static_cast<off_t>(size)) != 0) {
    return base::fail(base::Error::from_errno("repairing " + segment.path, errno));
  }
  const int error = ::posix_fallocate(active_.get(), 0, static_cast<off_t>(size));
  if (error != 0) return base::fail(base::Error::from_errno("repairing " + segment.path, error));
  if (::fsync(active_.get()) != 0) {
    return base::fail(base::Error::from_errno("repairing " + segment.path, errno));
  }
  log_.warning(
      "repaired a torn tail of the log: a commit was under way when the process ended; nothing of "
      "it had been acknowledged",
      {{"file", segment.path}, {"byte", from}});
  return {};
}

// ---------------------------------------------------------------------------------------------
// Appending

void DiskLog::append(const RecordBatch& batch, Done done) {
  CHECK(thread_.joinable() && batch.parts.size() == next_offsets_.size());
  base::Code code = base::Code::kUnavailable;
  {
    const std::scoped_lock lock(mutex_);
    std::size_t bytes = 0;
    for (const RecordBatch::Part& part : batch.parts) bytes += part.lines.size();
    const bool has_room = gathering_.bytes == 0 || gathering_.bytes + bytes <= kGatheringBytesMax;
    if (!stats_.has_failed && has_room) {
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
    if (!has_room) code = base::Code::kResourceExhausted;
  }
  done(base::fail(code, std::string(code == base::Code::kUnavailable ? kHasFailed : kIsBusy)));
}

void DiskLog::commit_until_stopped(const std::stop_token& stop) {
  Gathering gathered(options_.partitions);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      committer_.wait(lock, [&] { return !gathering_.waiting.empty() || stop.stop_requested(); });
      if (gathering_.waiting.empty()) return;
      std::swap(gathered, gathering_);
    }
    const base::Result<void> committed = commit(gathered);
    for (const Done& done : gathered.waiting) done(committed);
    gathered.waiting.clear();
    gathered.batch.clear();
    gathered.bytes = 0;
  }
}

base::Result<void> DiskLog::commit(Gathering& gathered) {
  if (has_failed_) return base::fail(base::Code::kUnavailable, std::string(kHasFailed));
  auto fresh = std::make_shared<TailBlock>();
  last_time_ms_ = std::max(last_time_ms_, clock_.wall_ms());
  fresh->block = encode_block(fresh->bytes, gathered.batch, next_sequence_, last_time_ms_,
                              next_offsets_, identity_.seed());
  if (auto room = make_room(fresh->bytes.size()); !room) {
    if (has_failed_) return fail_for_good(room.error());
    const std::scoped_lock lock(mutex_);
    if (!stats_.is_full) {
      log_.error("the log cannot grow: refusing entries until it can", {{"error", room.error()}});
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
    durable_sequence_ = next_sequence_;
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

// What is on disk is not known any more.
base::Failure DiskLog::fail_for_good(const base::Error& error) {
  log_.error("writing the log failed: refusing entries until the process is started again",
             {{"error", error}});
  has_failed_ = true;
  const std::scoped_lock lock(mutex_);
  stats_.has_failed = true;
  return base::fail(base::Code::kInternal, error.message());
}

base::Result<void> DiskLog::write_block(const std::string& bytes) {
  runway_->claim(active_end_ + bytes.size());
  RETURN_IF_ERROR(write_all(active_.get(), bytes, active_end_, "writing the log"));
  if (::fdatasync(active_.get()) != 0) {
    return base::fail(base::Error::from_errno("syncing the log", errno));
  }
  return {};
}

// Sees to it that a block of `bytes` fits into the segment in use, by starting the next one when
// it does not.
base::Result<void> DiskLog::make_room(std::size_t bytes) {
  if (active_ && active_end_ + bytes <= options_.segment_bytes) return {};
  Segment segment;
  segment.header = identity_;
  segment.header.number = segments_.size();
  segment.header.first_sequence = next_sequence_;
  segment.header.created_ms = last_time_ms_;
  segment.header.next_offsets = next_offsets_;
  segment.path = options_.folder + "/" + segment_name(segment.header.number);
  ASSIGN_OR_RETURN(base::UniqueFd file, runway_->take_next());
  if (kSegmentHeaderBytes + bytes > options_.segment_bytes) {
    // One commit larger than a segment gets one of its own size.
    const int error =
        ::posix_fallocate(file.get(), 0, static_cast<off_t>(kSegmentHeaderBytes + bytes));
    if (error != 0) return base::fail(base::Error::from_errno("making room in the log", error));
  }
  RETURN_IF_ERROR(write_all(file.get(), segment.header.encode(), 0, "writing " + segment.path));
  if (::fsync(file.get()) != 0) {
    return base::fail(base::Error::from_errno("syncing " + segment.path, errno));
  }
  if (::rename(runway_->next_path().c_str(), segment.path.c_str()) != 0) {
    return base::fail(base::Error::from_errno("naming " + segment.path, errno));
  }
  if (auto synced = base::sync_folder(options_.folder); !synced) {
    // Which segment a restart finds is not known: nothing may go into either.
    has_failed_ = true;
    return synced;
  }
  active_ = std::move(file);
  active_end_ = kSegmentHeaderBytes;
  {
    const std::scoped_lock lock(mutex_);
    segments_.push_back(std::move(segment));
  }
  runway_->use(active_.get(), active_end_);
  return {};
}

// ---------------------------------------------------------------------------------------------
// Asking

base::Uuid DiskLog::topic_id(Outcome topic) const {
  return identity_.topic_ids[static_cast<std::size_t>(topic)];
}

int DiskLog::partitions() const { return options_.partitions; }

base::Result<std::int64_t> DiskLog::end_offset(PartitionId id) const {
  const std::scoped_lock lock(mutex_);
  return next_offsets_[index_of(id)];
}

base::Result<std::int64_t> DiskLog::offset_before(PartitionId id, std::int64_t time_ms) const {
  const std::scoped_lock lock(mutex_);
  std::size_t segment = segments_.size() - 1;
  while (segment > 0 && segments_[segment].header.created_ms >= time_ms) --segment;
  return segments_[segment].header.next_offsets[index_of(id)];
}

base::Result<std::unique_ptr<PartitionReader>> DiskLog::read_from(PartitionId id,
                                                                  std::int64_t offset) const {
  auto reader = std::make_unique<Reader>(*this, id, 0);
  RETURN_IF_ERROR(reader->seek(offset));
  return reader;
}

DiskLog::Stats DiskLog::stats() const {
  const std::scoped_lock lock(mutex_);
  return stats_;
}

}  // namespace estadio
