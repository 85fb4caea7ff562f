#include "estadio/tally/tally.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fmt/format.h>
#include <string>
#include <thread>
#include <utility>

#include "estadio/tally/partition_counter.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kRetryFirst{10};
constexpr std::chrono::milliseconds kRetryLongest{1000};

}  // namespace

// The thread that counts one partition. It stops when it is asked, tries again after an error that
// may pass, and reports the others.
class Tally::Reader {
 public:
  Reader(Tally& tally, PartitionId partition)
      : tally_(tally),
        deps_(tally.deps_),
        partition_(partition),
        counter_(tally.options_, tally.deps_, partition, [this] { return is_out_of_time(); }) {
    thread_ = std::jthread([this](const std::stop_token& stop) { count_until_stopped(stop); });
  }

  void request_stop(Ending ending) {
    ends_at_once_ = ending == Ending::kAtOnce;
    is_stopping_ = true;
    thread_.request_stop();
  }
  void join() { thread_.join(); }

  [[nodiscard]] PartitionStatus status() const { return counter_.status(); }

  // Returns the error that keeps the reader from counting. Empty when it counts.
  [[nodiscard]] std::string last_error() const {
    const std::scoped_lock lock(mutex_);
    if (last_error_.empty()) return {};
    return fmt::format("{}-{}: {}", topic_name(partition_.topic), partition_.number, last_error_);
  }

  void add_to(Stats& stats) const {
    counter_.add_to(stats);
    stats.failed_commits += failed_commits_;
    stats.has_stopped |= has_stopped_;
  }

 private:
  enum class Ended { kAsAsked, kBookIsElsewhere };

  // Counts until it is asked to stop. After an error it starts again from the book's state. It also
  // tries again after damage: an operator may repair log or score.
  void count_until_stopped(const std::stop_token& stop) {
    auto pause = kRetryFirst;
    // Runs at least once: a tally that ends right after its start still counts the log.
    do {
      const std::uint64_t commits = counter_.commits();
      const auto ended = count_from_the_books_position(stop);
      if (ended) {
        if (*ended == Ended::kAsAsked) return;
        deps_.log.info("the score has another state: counting goes on from there",
                       {{"topic", topic_name(partition_.topic)}, {"partition", partition_.number}});
      } else if (ended.error().code() == base::Code::kCancelled) {
        return;  // it was reading back when it had to end
      } else if (!may_pass(ended.error())) {
        report_stop(ended.error());
        pause = kRetryLongest;
      } else {
        ++failed_commits_;
        has_stopped_ = false;
        hold_up(ended.error());
      }
      if (counter_.commits() != commits) pause = kRetryFirst;
      wait(stop, pause);
      pause = std::min<std::chrono::milliseconds>(pause * 2, kRetryLongest);
    } while (!stop.stop_requested());
  }

  // Returns true when a retry may help, as after a repair of a server's settings. Only a repair of
  // the log or the score helps when the log is damaged.
  static bool may_pass(const base::Error& error) {
    return error.code() != base::Code::kCorruption && error.code() != base::Code::kInvalidArgument;
  }

  void report_stop(const base::Error& error) {
    if (set_last_error(error.message())) {
      deps_.log.error("counting a partition has stopped", {{"topic", topic_name(partition_.topic)},
                                                           {"partition", partition_.number},
                                                           {"error", error}});
    }
    has_stopped_ = true;  // behind the line that says why
  }

  void hold_up(const base::Error& error) {
    // Logged once, not at every attempt.
    if (!set_last_error(error.message())) return;
    deps_.log.warning("counting a partition has failed and will be tried again",
                      {{"topic", topic_name(partition_.topic)},
                       {"partition", partition_.number},
                       {"error", error}});
  }

  // False when the error stays the same.
  bool set_last_error(const std::string& error) {
    const std::scoped_lock lock(mutex_);
    return std::exchange(last_error_, error) != error;
  }

  void go_on() {
    has_stopped_ = false;
    if (!set_last_error({})) return;
    deps_.log.info("counting goes on",
                   {{"topic", topic_name(partition_.topic)}, {"partition", partition_.number}});
  }

  base::Result<Ended> count_from_the_books_position(const std::stop_token& stop) {
    ASSIGN_OR_RETURN(const auto reader, counter_.start());
    const std::stop_callback wake_reader(stop, [&reader] { reader->wake(); });
    return count(*reader, stop);
  }

  base::Result<Ended> count(PartitionReader& reader, const std::stop_token& stop) {
    while (true) {
      const base::Nanos started = deps_.clock.mono();
      RETURN_IF_ERROR(counter_.gather(reader, stop));
      if (reader.position() > counter_.position()) {
        ASSIGN_OR_RETURN(const bool is_applied, counter_.commit(reader.position()));
        if (!is_applied) return Ended::kBookIsElsewhere;
      } else if (!stop.stop_requested()) {
        // Without records there is no commit to show that the book went back.
        ASSIGN_OR_RETURN(const bool is_here, counter_.is_at_books_position());
        if (!is_here) return Ended::kBookIsElsewhere;
      }
      go_on();
      if (stop.stop_requested()) {
        ASSIGN_OR_RETURN(const bool is_finished, has_finished());
        if (is_finished) return Ended::kAsAsked;
        continue;
      }
      const base::Nanos spent = deps_.clock.mono() - started;
      if (spent < tally_.options_.commit_every) wait(stop, tally_.options_.commit_every - spent);
    }
  }

  // Returns whether a reader that is to stop may end now.
  base::Result<bool> has_finished() {
    if (is_out_of_time()) return true;
    ASSIGN_OR_RETURN(const auto end, deps_.events.end_offset(partition_));
    return counter_.position() >= end;
  }

  // Returns whether a reader that is to stop must end now.
  bool is_out_of_time() {
    if (!is_stopping_) return false;
    if (ends_at_once_) return true;
    if (stop_deadline_.count() == 0) stop_deadline_ = deps_.clock.mono() + kFinishPatience;
    return deps_.clock.mono() > stop_deadline_;
  }

  void wait(const std::stop_token& stop, std::chrono::nanoseconds time) {
    std::unique_lock lock(mutex_);
    pause_.wait_for(lock, stop, time, [] { return false; });
  }

  Tally& tally_;
  const Dependencies& deps_;
  const PartitionId partition_;
  PartitionCounter counter_;
  base::Nanos stop_deadline_{};

  mutable std::mutex mutex_;
  std::condition_variable_any pause_;
  std::string last_error_;  // guarded by mutex_; empty while it counts

  std::atomic<std::uint64_t> failed_commits_{0};
  std::atomic<bool> has_stopped_{false};
  std::atomic<bool> ends_at_once_{false};
  std::atomic<bool> is_stopping_{false};

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
  return index_of(partition, deps_.events.partitions());
}

void Tally::add(std::span<const PartitionId> partitions) {
  const std::scoped_lock lock(mutex_);
  for (const PartitionId partition : partitions) {
    SharedReader& shared = readers_[number_of(partition)];
    if (shared.times_added++ > 0) continue;
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
  metrics.counter(
      "estadio_tally_stale_commits_total",
      "Commits that were not applied, or not tried, because the book had another state.",
      stats.stale_commits);
  metrics.counter("estadio_tally_failed_commits_total",
                  "Times that counting a partition failed and began again.", stats.failed_commits);
  metrics.gauge("estadio_tally_stopped",
                "1 while a partition is not counted because log or score are damaged.",
                stats.has_stopped);
  metrics.gauge("estadio_tally_log_went_back",
                "1 while a partition is not counted because the score counts records that the log "
                "does not hold.",
                stats.has_log_gone_back);
}

}  // namespace estadio
