#include "estadio/log/disk_log.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "base/check.h"
#include "base/files.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/record.h"

namespace estadio {
namespace {

constexpr std::string_view kHasFailed =
    "the log has failed and refuses entries until the process is started again";
constexpr std::string_view kHasStopped =
    "the log is closed, because the process is stopping: try again later";
constexpr std::string_view kIsBusy =
    "the log has as many bytes of results that are not durable yet as it takes: try again later";
constexpr std::string_view kHasEnded = "the contest is over: the log takes no new entries";
constexpr std::chrono::seconds kTryAgainEvery{1};  // when the disk is full

// One block has the marks of all partitions. It is the last one of its segment and of the log.
bool ends_with_mark(const BlockPart& part) {
  std::string_view lines = part.lines;
  lines.remove_suffix(1);  // the last newline
  return RecordFormat::is_end_mark(lines.substr(lines.rfind('\n') + 1));
}

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
  disk->writer_ =
      std::make_unique<SegmentWriter>(options.folder, options.segment_bytes, disk->disk_, log);
  if (disk->segments_.empty()) {
    RETURN_IF_ERROR(disk->create());
  } else {
    ASSIGN_OR_RETURN(const SegmentWriter::End end, disk->load());
    RETURN_IF_ERROR(disk->writer_->resume(disk->segments_.back(), end));
  }
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
  RETURN_IF_ERROR(disk->load());
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
  return make_room(0);
}

base::Result<SegmentWriter::End> DiskLog::load() {
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
  newest_ms_ = last.header.newest_ms;
  ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(last));
  SegmentWriter::End end;
  while (true) {
    ASSIGN_OR_RETURN(const auto placed, reader.next());
    if (!placed) break;
    end.last_block = placed->position;
    for (const BlockPart& part : placed->block.parts) {
      next_offsets_[index_of(part.partition)] = part.first_offset + part.records;
      newest_ms_ = std::max(newest_ms_, part.time_ms);
      has_ended_ = has_ended_ || ends_with_mark(part);
    }
    next_sequence_ = placed->block.sequence + 1;
  }
  ASSIGN_OR_RETURN(end.rest, reader.examine_rest());
  end.position = reader.position();
  is_ending_ = has_ended_;
  return end;
}

void DiskLog::append(const RecordBatch& batch, Done done) {
  CHECK(batch.parts.size() == next_offsets_.size());
  base::Code code = base::Code::kUnavailable;
  std::string_view refusal = kHasFailed;
  {
    const std::scoped_lock lock(mutex_);
    std::size_t bytes = 0;
    for (const RecordBatch::Part& part : batch.parts) bytes += part.lines.size();
    const bool has_room = gathering_.records.bytes() + bytes <= kGatheringBytesMax;
    if (!stats_.has_failed && !is_stopped_ && !is_ending_ && has_room) {
      const bool was_empty = gathering_.waiting.empty();
      gathering_.records.add(batch);
      gathering_.waiting.push_back(std::move(done));
      if (was_empty) committer_.notify_one();
      return;
    }
    if (is_stopped_) {
      refusal = kHasStopped;
    } else if (is_ending_) {
      refusal = kHasEnded;
    } else if (!has_room) {
      code = base::Code::kResourceExhausted;
      refusal = kIsBusy;
    }
  }
  done(base::fail(code, std::string(refusal)));
}

void DiskLog::append_end_marks(Done done) {
  RecordBatch marks(options_.partitions);
  marks.time_ms = clock_.wall_ms();
  for (RecordBatch::Part& part : marks.parts) {
    part.lines = std::string(RecordFormat::kEndMark) + '\n';
    part.count = 1;
  }
  std::string_view refusal = kHasStopped;
  {
    const std::scoped_lock lock(mutex_);
    is_ending_ = true;
    if (!stats_.has_failed && !is_stopped_ && !has_ended_) {
      gathering_.records.add(marks);
      gathering_.waiting.push_back([this, done](base::Result<void> committed) {
        if (committed) {
          const std::scoped_lock ended(mutex_);
          has_ended_ = true;
        }
        done(std::move(committed));
      });
      committer_.notify_one();
      return;
    }
    if (has_ended_) refusal = {};
    if (stats_.has_failed) refusal = kHasFailed;
  }
  if (refusal.empty()) return done({});
  done(base::fail(base::Code::kUnavailable, std::string(refusal)));
}

bool DiskLog::has_ended() const {
  const std::scoped_lock lock(mutex_);
  return has_ended_;
}

void DiskLog::commit_until_stopped(const std::stop_token& stop) {
  Gathering gathered(options_.partitions);
  while (wait_for_work(gathered, stop)) {
    const base::Result<void> committed = commit(gathered);
    for (const Done& done : gathered.waiting) done(committed);
    gathered.waiting.clear();
    gathered.records.clear();
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
      const base::Result<void> room = make_room(refused_bytes_);
      if (!room && writer_->has_failed()) static_cast<void>(fail_for_good(room.error()));
      lock.lock();
      stats_.is_full = !room && !stats_.has_failed;
    }
  }
  if (gathering_.waiting.empty()) return false;
  std::swap(gathered, gathering_);
  return true;
}

base::Result<void> DiskLog::commit(Gathering& gathered) {
  if (writer_->has_failed()) return base::fail(base::Code::kUnavailable, std::string(kHasFailed));
  if (gathered.records.bytes() == 0) return {};  // only somebody who waited for what was before
  auto fresh = std::make_shared<TailBlock>();
  fresh->block =
      encode_block(fresh->bytes, gathered.records, next_sequence_, next_offsets_, identity_.seed());
  if (auto room = make_room(fresh->bytes.size()); !room) {
    if (writer_->has_failed()) return fail_for_good(room.error());
    refused_bytes_ = fresh->bytes.size();
    const std::scoped_lock lock(mutex_);
    if (!stats_.is_full) {
      log_.error("the log cannot grow: entries are refused until it can; free space on the disk",
                 {{"error", room.error()}});
    }
    stats_.is_full = true;
    return base::fail(base::Code::kResourceExhausted, room.error().message());
  }
  CHECK(block_size(fresh->bytes) == fresh->bytes.size());
  if (auto written = writer_->append(fresh->bytes); !written) {
    return fail_for_good(written.error());
  }
  ++next_sequence_;
  {
    const std::scoped_lock lock(mutex_);
    for (const BlockPart& part : fresh->block.parts) {
      next_offsets_[index_of(part.partition)] += part.records;
      newest_ms_ = std::max(newest_ms_, part.time_ms);
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
  const std::scoped_lock lock(mutex_);
  stats_.has_failed = true;
  return base::fail(base::Code::kInternal, error.message());
}

// Makes sure that a block of `bytes` fits into the segment in use. Starts the next one when it does
// not.
base::Result<void> DiskLog::make_room(std::size_t bytes) {
  if (writer_->has_room(bytes)) return {};
  SegmentHeader header = identity_;
  header.number = segments_.size();
  header.first_sequence = next_sequence_;
  header.newest_ms = newest_ms_;
  header.next_offsets = next_offsets_;
  ASSIGN_OR_RETURN(Segment segment, writer_->start_segment(std::move(header), bytes));
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
  while (segment > 0 && segments_[segment].header.newest_ms >= time_ms) --segment;
  return segments_[segment].header.next_offsets[index_of(id)];
}

DiskLog::Stats DiskLog::stats() const {
  const std::scoped_lock lock(mutex_);
  return stats_;
}

void write_metrics(base::MetricsWriter& metrics, const DiskLog::Stats& stats) {
  metrics.counter("estadio_log_commits_total", "Blocks made durable.", stats.commits);
  metrics.counter("estadio_log_records_total", "Records made durable.", stats.records);
  metrics.counter("estadio_log_written_bytes_total", "Bytes written to the log.", stats.bytes);
  metrics.gauge("estadio_log_full", "1 while the log cannot grow.", stats.is_full);
  metrics.gauge("estadio_log_failed", "1 after a failed write.", stats.has_failed);
}

}  // namespace estadio
