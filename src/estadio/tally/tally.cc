#include "estadio/tally/tally.h"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <string>
#include <thread>
#include <utility>

#include "estadio/tally/fold.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kReadPatience{1000};
constexpr int kReadsOfSome = 5;
constexpr std::chrono::milliseconds kRetryFirst{10};
constexpr std::chrono::milliseconds kRetryLongest{1000};

}  // namespace

// Counts one partition.
class Tally::Reader {
 public:
  Reader(Tally& tally, PartitionId partition)
      : tally_(tally),
        options_(tally.options_),
        deps_(tally.deps_),
        partition_(partition),
        number_(tally.number_of(partition)),
        fold_(deps_.contest, partition,
              RecentIds::share(options_.retry_ids,
                               static_cast<std::size_t>(deps_.events.partitions()) * 2,
                               deps_.window.retention_ms())) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  void request_stop(Ending ending) {
    ends_at_once_ = ending == Ending::kAtOnce;
    thread_.request_stop();
  }
  void join() { thread_.join(); }

  [[nodiscard]] PartitionStatus status() const {
    const std::int64_t window_ms = window_ms_;
    return {.partition = partition_,
            .position = position_,
            .window_ms = window_ms < 0 ? std::nullopt : std::optional(window_ms)};
  }

  // Returns the error that keeps the reader from counting. Empty when it counts.
  [[nodiscard]] std::string last_error() const {
    const std::scoped_lock lock(mutex_);
    if (last_error_.empty()) return {};
    return fmt::format("{}-{}: {}", topic_of(partition_.topic), partition_.number, last_error_);
  }

  void add_to(Stats& stats) const {
    stats.counted += counted_;
    stats.repeated += repeated_;
    stats.commits += commits_;
    stats.stale_commits += stale_commits_;
    stats.failed_commits += failed_commits_;
    stats.has_stopped |= has_stopped_;
  }

 private:
  enum class Ended { kAsAsked, kBookIsElsewhere };

  void run(const std::stop_token& stop) {
    count_until_stopped(stop);
    tell_read_back();
  }

  // Counts until it is stopped. After an error that may pass it starts again from the book's
  // position. Any other error ends it.
  void count_until_stopped(const std::stop_token& stop) {
    auto pause = kRetryFirst;
    // Runs at least once: a tally that ends right after its start still counts the log.
    do {
      const std::uint64_t commits = commits_;
      const auto ended = count_from_the_books_position(stop);
      if (ended) {
        if (*ended == Ended::kAsAsked) return;
        deps_.log.info("the score has another position: counting goes on from there",
                       {{"topic", topic_of(partition_.topic)}, {"partition", partition_.number}});
      } else if (!may_pass(ended.error())) {
        deps_.log.error("counting a partition has stopped", {{"topic", topic_of(partition_.topic)},
                                                             {"partition", partition_.number},
                                                             {"error", ended.error()}});
        set_last_error(ended.error().message());
        has_stopped_ = true;
        return;
      } else {
        ++failed_commits_;
        hold_up(ended.error());
      }
      if (commits_ != commits) pause = kRetryFirst;
      wait(stop, pause);
      pause = std::min<std::chrono::milliseconds>(pause * 2, kRetryLongest);
    } while (!stop.stop_requested());
  }

  // Returns true when a retry may help, as after a repair of a server's settings. A retry does not
  // help when the log is damaged.
  static bool may_pass(const base::Error& error) {
    return error.code() != base::Code::kCorruption && error.code() != base::Code::kInvalidArgument;
  }

  // Turns kCorruption into kFailedPrecondition, which may pass: a damaged score can be deleted and
  // counted again at any time.
  template <class T>
  static base::Result<T> to_be_mended(base::Result<T> outcome) {
    if (outcome || outcome.error().code() != base::Code::kCorruption) return outcome;
    return base::fail(base::Code::kFailedPrecondition, outcome.error().message());
  }

  base::Result<Score> read_score() const {
    ASSIGN_OR_RETURN(Score score, to_be_mended(deps_.scores.read()));
    std::int64_t read = 0;
    for (const Score::Position& each : score.positions) read += each.next_offset;
    if (read == score.total() + score.repeated) return score;
    return base::fail(base::Code::kFailedPrecondition,
                      fmt::format("the score does not add up: its positions cover {} records, but "
                                  "{} are counted or repeated. Another program wrote to the score: "
                                  "delete all of it, and the tally counts it again from the log",
                                  read, score.total() + score.repeated));
  }

  void hold_up(const base::Error& error) {
    // Logged once, not at every attempt.
    if (!set_last_error(error.message())) return;
    deps_.log.warning("counting a partition has failed and will be tried again",
                      {{"topic", topic_of(partition_.topic)},
                       {"partition", partition_.number},
                       {"error", error}});
  }

  // False when the error stays the same.
  bool set_last_error(const std::string& error) {
    const std::scoped_lock lock(mutex_);
    return std::exchange(last_error_, error) != error;
  }

  void go_on() {
    if (!set_last_error({})) return;
    deps_.log.info("counting goes on",
                   {{"topic", topic_of(partition_.topic)}, {"partition", partition_.number}});
  }

  base::Result<Ended> count_from_the_books_position(const std::stop_token& stop) {
    ASSIGN_OR_RETURN(const Score score, read_score());
    ASSIGN_OR_RETURN(incarnation_, deps_.events.incarnation(partition_));
    ASSIGN_OR_RETURN(const auto end, deps_.events.end_offset(partition_));
    const Score::Position* position = score.find(partition_);
    if (position != nullptr && position->incarnation != incarnation_) {
      return base::fail(
          base::Code::kCorruption,
          fmt::format(
              "{}-{} is a new partition, and {} results of the old one are counted: its topic was "
              "deleted and made again. Count it into a new score, or restore the old topic",
              topic_of(partition_.topic), partition_.number, position->next_offset));
    }
    const std::int64_t start = score.position(partition_);
    if (start > end) {
      return base::fail(
          base::Code::kCorruption,
          fmt::format(
              "the score counts {} records of {}-{} and the log holds {}: the log has lost its end",
              start, topic_of(partition_.topic), partition_.number, end));
    }
    ASSIGN_OR_RETURN(auto reader, read_back(start));
    const std::stop_callback wake_reader(stop, [&reader] { reader->wake(); });
    return count(*reader, stop);
  }

  // Returns a reader at `start`, after it has remembered the ids that a retry may repeat.
  base::Result<std::unique_ptr<PartitionReader>> read_back(std::int64_t start) {
    fold_.reset();
    ASSIGN_OR_RETURN(auto reader, deps_.events.read_from(partition_, start));
    std::vector<LoggedRecord> records;
    // The time of the first record to count decides how far back ids matter. Without such a record
    // it is the present time.
    std::int64_t from_ms = deps_.clock.wall_ms();
    ASSIGN_OR_RETURN(const auto end, deps_.events.end_offset(partition_));
    if (start < end) {
      RETURN_IF_ERROR(read_some(*reader, records));
      from_ms = std::min(from_ms, records.front().time_ms);
    }
    ASSIGN_OR_RETURN(
        const auto back,
        deps_.events.offset_before(partition_, from_ms - deps_.window.retention_ms() - 1000));
    RETURN_IF_ERROR(reader->seek(std::min(back, start)));
    while (reader->position() < start) {
      RETURN_IF_ERROR(read_some(*reader, records));
      const auto counted = std::ranges::find_if(
          records, [&](const LoggedRecord& each) { return each.offset >= start; });
      RETURN_IF_ERROR(fold_.remember({records.begin(), counted}, remembered_));
      if (deps_.known != nullptr && !remembered_.empty()) {
        deps_.known->add(remembered_, records.front().time_ms);
      }
    }
    // The judge must also know the ids of records that are not counted yet.
    while (deps_.known != nullptr && reader->position() < end) {
      RETURN_IF_ERROR(read_some(*reader, records));
      RETURN_IF_ERROR(fold_.given_ids(records, remembered_));
      deps_.known->add(remembered_, records.front().time_ms);
    }
    RETURN_IF_ERROR(reader->seek(start));
    position_ = start;
    publish_window();
    tell_read_back();
    return reader;
  }

  // Reads at least one record. REQUIRES: the log has one there.
  // Errors: kUnavailable when none arrives in kReadsOfSome reads.
  static base::Result<void> read_some(PartitionReader& reader, std::vector<LoggedRecord>& records) {
    for (int i = 0; i < kReadsOfSome; ++i) {
      RETURN_IF_ERROR(reader.read(records, kReadPatience));
      if (!records.empty()) return {};
    }
    return base::fail(base::Code::kUnavailable, "the log does not return its records");
  }

  base::Result<Ended> count(PartitionReader& reader, const std::stop_token& stop) {
    std::vector<LoggedRecord> records;
    std::int64_t first = reader.position();
    while (true) {
      const base::Nanos started = deps_.clock.mono();
      // Gather for up to commit_every, so that a commit covers many records when many come.
      while (true) {
        const bool waits = fold_.pending() == 0 && !stop.stop_requested();
        RETURN_IF_ERROR(reader.read(records, waits ? std::chrono::nanoseconds(kReadPatience)
                                                   : std::chrono::nanoseconds(0)));
        RETURN_IF_ERROR(fold_.add(records));
        if (records.empty() || deps_.clock.mono() - started >= options_.commit_every) break;
      }
      if (reader.position() > first) {
        ASSIGN_OR_RETURN(const bool is_applied, commit(first, reader.position()));
        if (!is_applied) return Ended::kBookIsElsewhere;
        first = reader.position();
        position_ = first;
      } else if (!stop.stop_requested()) {
        // Without records there is no commit to show that the book went back.
        ASSIGN_OR_RETURN(const Score score, read_score());
        if (score.position(partition_) != first) return Ended::kBookIsElsewhere;
      }
      go_on();
      publish_window();
      if (stop.stop_requested()) {
        if (ends_at_once_) return Ended::kAsAsked;
        if (stop_deadline_.count() == 0) stop_deadline_ = deps_.clock.mono() + kFinishPatience;
        ASSIGN_OR_RETURN(const auto end, deps_.events.end_offset(partition_));
        if (first >= end || deps_.clock.mono() > stop_deadline_) return Ended::kAsAsked;
        continue;
      }
      const base::Nanos spent = deps_.clock.mono() - started;
      if (spent < options_.commit_every) wait(stop, options_.commit_every - spent);
    }
  }

  // Returns false when the book had another position.
  base::Result<bool> commit(std::int64_t first, std::int64_t next) {
    // The incarnation may be nil before the partition's first record.
    if (incarnation_ == base::Uuid()) {
      ASSIGN_OR_RETURN(incarnation_, deps_.events.incarnation(partition_));
    }
    ScoreCommit commit = fold_.take();
    commit.incarnation = incarnation_;
    commit.first_offset = first;
    commit.next_offset = next;
    ASSIGN_OR_RETURN(const CommitOutcome outcome, to_be_mended(deps_.scores.commit(commit)));
    if (!outcome.is_applied) {
      ++stale_commits_;
      return false;
    }
    ++commits_;
    std::int64_t counted = 0;
    for (const ScoreCommit::Delta& delta : commit.deltas) counted += delta.count;
    counted_ += static_cast<std::uint64_t>(counted);
    repeated_ += static_cast<std::uint64_t>(commit.repeated);
    return true;
  }

  void publish_window() {
    window_ms_ = fold_.recent().window_ms(deps_.clock.wall_ms(), deps_.window.configured_ms());
    deps_.window.set(number_, window_ms_);
  }

  void tell_read_back() {
    if (!std::exchange(has_read_back_, true)) tally_.count_read_back();
  }

  void wait(const std::stop_token& stop, std::chrono::nanoseconds time) {
    std::unique_lock lock(mutex_);
    pause_.wait_for(lock, stop, time, [] { return false; });
  }

  Tally& tally_;
  const Options& options_;
  const Dependencies& deps_;
  const PartitionId partition_;
  const std::size_t number_;
  base::Uuid incarnation_;  // nil while the partition may have no record
  Fold fold_;
  std::vector<base::Uuid> remembered_;
  base::Nanos stop_deadline_{};
  bool has_read_back_ = false;

  mutable std::mutex mutex_;
  std::condition_variable_any pause_;
  std::string last_error_;  // guarded by mutex_; empty while it counts

  std::atomic<std::uint64_t> counted_{0}, repeated_{0}, commits_{0}, stale_commits_{0},
      failed_commits_{0};
  std::atomic<bool> has_stopped_{false};
  std::atomic<bool> ends_at_once_{false};
  std::atomic<std::int64_t> position_{0};
  std::atomic<std::int64_t> window_ms_{-1};

  std::jthread thread_;  // last: it must end before the members that it uses
};

Tally::Tally(const Options& options, const Dependencies& deps) : options_(options), deps_(deps) {}

Tally::~Tally() {
  std::vector<std::unique_ptr<Reader>> readers;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [number, shared] : readers_) readers.push_back(std::move(shared.reader));
    readers_.clear();
  }
  end(readers, Ending::kCounted);
}

std::size_t Tally::number_of(PartitionId partition) const {
  return static_cast<std::size_t>(partition.topic) *
             static_cast<std::size_t>(deps_.events.partitions()) +
         static_cast<std::size_t>(partition.number);
}

void Tally::add(std::span<const PartitionId> partitions) {
  const std::scoped_lock lock(mutex_);
  for (const PartitionId partition : partitions) {
    SharedReader& shared = readers_[number_of(partition)];
    if (shared.times_added++ > 0) continue;
    ++not_read_back_;
    shared.reader = std::make_unique<Reader>(*this, partition);
  }
}

void Tally::remove(std::span<const PartitionId> partitions) {
  std::vector<std::unique_ptr<Reader>> readers;
  {
    const std::scoped_lock lock(mutex_);
    for (const PartitionId partition : partitions) {
      const auto found = readers_.find(number_of(partition));
      if (found == readers_.end() || --found->second.times_added > 0) continue;
      readers.push_back(std::move(found->second.reader));
      readers_.erase(found);
    }
  }
  end(readers, Ending::kAtOnce);
}

void Tally::end(const std::vector<std::unique_ptr<Reader>>& readers, Ending ending) {
  for (const auto& reader : readers) reader->request_stop(ending);
  for (const auto& reader : readers) reader->join();
  const std::scoped_lock lock(mutex_);
  for (const auto& reader : readers) reader->add_to(ended_);
}

void Tally::count_read_back() {
  const std::scoped_lock lock(mutex_);
  if (--not_read_back_ == 0) read_back_.notify_all();
}

void Tally::wait_until_read_back(std::chrono::nanoseconds patience) {
  std::unique_lock lock(mutex_);
  read_back_.wait_for(lock, patience, [this] { return not_read_back_ == 0; });
}

Tally::Stats Tally::stats() const {
  const std::scoped_lock lock(mutex_);
  Stats stats = ended_;
  for (const auto& [number, shared] : readers_) shared.reader->add_to(stats);
  return stats;
}

std::optional<std::string> Tally::unready_reason() const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [number, shared] : readers_) {
    if (std::string error = shared.reader->last_error(); !error.empty()) {
      return "a partition is not counted: " + error;
    }
  }
  return std::nullopt;
}

std::vector<Tally::PartitionStatus> Tally::partition_statuses() const {
  const std::scoped_lock lock(mutex_);
  std::vector<PartitionStatus> statuses;
  statuses.reserve(readers_.size());
  for (const auto& [number, shared] : readers_) statuses.push_back(shared.reader->status());
  return statuses;
}

void write_metrics(base::MetricsWriter& metrics, const Tally::Stats& stats) {
  metrics.counter("estadio_tally_commits_total", "Commits to the score book that were applied.",
                  stats.commits);
  metrics.counter("estadio_tally_stale_commits_total",
                  "Commits that were not applied because the book had another position.",
                  stats.stale_commits);
  metrics.counter("estadio_tally_failed_commits_total",
                  "Times that counting a partition failed and began again.", stats.failed_commits);
  metrics.gauge("estadio_tally_stopped", "1 after a partition was found damaged.",
                stats.has_stopped);
}

}  // namespace estadio
