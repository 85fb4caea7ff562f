#include "estadio/verify/verify.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "estadio/contest/record.h"
#include "estadio/dedup/repeat_filter.h"
#include "estadio/dedup/seen_ids.h"
#include "estadio/verify/ack_proof.h"
#include "estadio/verify/contest_counts.h"
#include "estadio/verify/summary_proof.h"

namespace estadio {
namespace {

constexpr std::int64_t kProgressEvery = 100'000;

// Returns where the control log has the partition's first end mark.
std::optional<std::int64_t> closed_offset(const VerifyInput& input, PartitionId partition) {
  if (!input.closed_offsets) return std::nullopt;
  return (*input.closed_offsets)[index_of(partition, input.events.partitions())];
}

// The first end mark of a partition.
class EndOfPartition {
 public:
  // Takes the partition's next record. Returns whether it is the first end mark, or behind it. Then
  // it does not count.
  bool is_behind(const std::string& name, const LoggedRecord& logged, VerifyReport& report) {
    const bool is_mark = RecordFormat::is_end_mark(logged.line);
    if (!mark_ && is_mark) mark_ = logged.offset;
    // Several judges write marks. An entry may come behind one, and is then not acknowledged.
    if (mark_ && !is_mark && ++report.after_end == 1) {
      report.after_end_example = fmt::format("{} at offset {}", name, logged.offset);
    }
    return mark_.has_value();
  }

  // Compares the mark with the score's. Compares it with that of the control log too, when the
  // contest is closed there. A contest in one process has no control log.
  void compare(const std::string& name, const PartitionState* state,
               std::optional<std::int64_t> closed_at, Differences& differences) const {
    if (state != nullptr && state->end_mark && state->end_mark != mark_) {
      differences.add("end marks that the score has at another place than the log",
                      fmt::format("{}: at offset {}", name, *state->end_mark));
    }
    if (!closed_at || mark_ == closed_at) return;
    differences.add(
        "partitions whose first end mark is not where the contest was closed",
        mark_ ? fmt::format("{}: it is at offset {}, the topic contest says {}", name, *mark_,
                            *closed_at)
              : fmt::format("{}: there is none, the topic contest says {}", name, *closed_at));
  }

 private:
  std::optional<std::int64_t> mark_;
};

// Counts the log again and compares it with coin, score and acks.
class Proof {
 public:
  explicit Proof(const VerifyInput& input)
      : input_(input),
        format_(input.contest),
        counts_(input.contest),
        acks_({.contest = input.contest,
               .acks = input.acks,
               .are_acks_complete = input.are_acks_complete,
               .report = report_,
               .differences = differences_}),
        summaries_({.contest = input.contest,
                    .makes_digests = input.makes_digests,
                    .against = input.against,
                    .report = report_,
                    .differences = differences_}) {}

  base::Result<VerifyReport> run() {
    for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
      for (int number = 0; number < input_.events.partitions(); ++number) {
        RETURN_IF_ERROR(count_partition({.topic = topic, .number = number}));
      }
    }
    compare_scores();
    compare_not_counted();
    compare_sums();
    acks_.finish();
    summaries_.finish();
    report_.differences = differences_.take();
    return std::move(report_);
  }

 private:
  using Decision = RepeatFilter::Decision;

  struct Partition {
    PartitionId id;
    std::string name;
    std::int64_t counted_until = 0;
    const PartitionState* state;  // the score's; null when it has none
    RepeatFilter filter;
    SeenIds server_ids;
    EndOfPartition end = {};
    RecordChain chain = {};            // of the records before counted_until
    bool is_last_record_same = false;  // the last of these is the last one that the score counted
  };

  base::Result<void> count_partition(PartitionId partition) {
    const std::string name = fmt::format("{}-{}", topic_name(partition.topic), partition.number);
    ASSIGN_OR_RETURN(const std::int64_t end, input_.events.end_offset(partition));
    const std::int64_t counted_until = input_.score.position(partition);
    ASSIGN_OR_RETURN(const base::Uuid incarnation, input_.events.incarnation(partition));
    const PartitionState* state = input_.score.find(partition);
    const bool is_made_again = state != nullptr && state->incarnation != incarnation;
    if (is_made_again) {
      differences_.add("partitions that were made again after they were counted",
                       fmt::format("{}: its topic was deleted and made again", name));
    }
    if (counted_until > end) {
      differences_.add(
          "results in the score that the log does not hold",
          fmt::format("the score counts {} up to {}, the log ends at {}", name, counted_until, end),
          counted_until - end);
    } else {
      report_.lag += end - counted_until;
    }
    Partition counting{.id = partition,
                       .name = name,
                       .counted_until = counted_until,
                       .state = state,
                       .filter = RepeatFilter(input_.retry, partition,
                                              {.events = input_.events,
                                               .format = format_,
                                               .memory = input_.memory,
                                               .clock = input_.clock}),
                       .server_ids = SeenIds(input_.memory)};
    counting.filter.restart(0);
    summaries_.begin(partition, counted_until, end);
    ASSIGN_OR_RETURN(const auto reader, input_.events.read_from(partition, 0));
    std::vector<LoggedRecord> records;
    while (reader->position() < end) {
      RETURN_IF_ERROR(reader->read(records, input_.read_patience));
      if (records.empty()) {
        return base::fail(
            base::Code::kUnavailable,
            fmt::format("{} has records up to offset {}, but returns none from offset {}", name,
                        end, reader->position()));
      }
      for (const LoggedRecord& record : records) {
        add_to_chain(counting, record);
        summaries_.add(record);
        RETURN_IF_ERROR(check(counting, record));
      }
      counting.filter.forget_old();
    }
    counting.end.compare(name, state, closed_offset(input_, partition), differences_);
    if (!is_made_again && counted_until <= end) compare_chain(counting);
    return {};
  }

  static void add_to_chain(Partition& partition, const LoggedRecord& record) {
    if (record.offset >= partition.counted_until) return;
    partition.chain.add(record);
    if (record.offset + 1 < partition.counted_until) return;
    partition.is_last_record_same = partition.state->chain.ends_with(record);
  }

  void compare_chain(const Partition& partition) {
    if (partition.state == nullptr || partition.chain == partition.state->chain) return;
    const std::int64_t last = partition.counted_until - 1;
    differences_.add(
        "partitions in which the score counted records that the log does not hold",
        partition.is_last_record_same
            ? fmt::format("{}: another record was counted before offset {}", partition.name, last)
            : fmt::format("{}: another record was counted at offset {}", partition.name, last));
  }

  base::Result<void> check(Partition& partition, const LoggedRecord& logged) {
    if (++report_.records % kProgressEvery == 0 && input_.on_progress) {
      input_.on_progress(report_.records);
    }
    if (partition.end.is_behind(partition.name, logged, report_)) {
      add_not_counted(partition, logged, &NotCounted::after_end);
      return {};
    }
    const auto record = format_.parse(logged.line);
    if (!record) {
      differences_.add("records that are not results of this contest",
                       fmt::format("{} at offset {}", partition.name, logged.offset));
      return {};
    }
    const RecordPlace place{.id = record->id, .partition = partition.name, .offset = logged.offset};
    check_coin(partition.id, *record, place);
    ASSIGN_OR_RETURN(const auto decision, partition.filter.decide(*record, logged));
    if (decision == Decision::kRepeat) {
      ++report_.repeated;
      add_not_counted(partition, logged, &NotCounted::repeated);
    }
    if (decision == Decision::kNotInTime) {
      ++report_.not_in_time;
      add_not_counted(partition, logged, &NotCounted::not_in_time);
      differences_.add("records that no server wrote: their ids are not in time", place.text());
    }
    if (!record->is_id_given) {
      ASSIGN_OR_RETURN(const bool is_new,
                       partition.server_ids.add(minute_of(record->id.first_48_bits()), record->id));
      if (!is_new) differences_.add("ids of servers that the log holds twice", place.text());
    }
    if (decision == Decision::kCounts) {
      summaries_.add_counted(*record, logged.offset);
      if (logged.offset < partition.counted_until) {
        counts_.add(record->faculty, record->discipline, record->outcome, 1);
      }
    }
    if (decision != Decision::kNotInTime) {
      acks_.add(*record, decision == Decision::kRepeat, place);
    }
    return {};
  }

  void add_not_counted(const Partition& partition, const LoggedRecord& logged,
                       std::int64_t NotCounted::* counter) {
    if (logged.offset < partition.counted_until) ++(not_counted_.*counter);
    summaries_.add_not_counted(counter, logged.offset);
  }

  void check_coin(PartitionId partition, const Record& record, const RecordPlace& place) {
    const Coin::Toss toss = input_.coin.toss(record.id);
    ++report_.coins;
    if (toss.outcome != record.outcome || record.outcome != partition.topic) {
      differences_.add("outcomes that are not the coin's", place.text());
    } else if (toss.partition(input_.events.partitions()) != partition.number) {
      differences_.add("records in another partition than their id's", place.text());
    }
  }

  void compare_scores() {
    for (const Score::Count& count : counts_.all()) {
      report_.rows.push_back({.faculty = count.faculty,
                              .discipline_id = count.discipline_id,
                              .outcome = count.outcome,
                              .in_log = count.count,
                              .in_score = 0});
    }
    for (const Score::Count& count : input_.score.counts) {
      const auto row = std::ranges::find_if(report_.rows, [&](const VerifyReport::Row& each) {
        return each.faculty == count.faculty && each.discipline_id == count.discipline_id &&
               each.outcome == count.outcome;
      });
      if (row != report_.rows.end()) {
        row->in_score += count.count;
      } else {
        report_.rows.push_back({.faculty = count.faculty,
                                .discipline_id = count.discipline_id,
                                .outcome = count.outcome,
                                .in_log = 0,
                                .in_score = count.count});
      }
    }
    for (const VerifyReport::Row& row : report_.rows) {
      report_.counted += row.in_score;
      if (row.in_log == row.in_score) continue;
      differences_.add(
          "counts in which score and log differ",
          fmt::format("{}, discipline {}, {}: the log has {}, the score {}", row.faculty,
                      row.discipline_id, to_string(row.outcome), row.in_log, row.in_score),
          std::abs(row.in_log - row.in_score));
    }
  }

  void compare_not_counted() {
    for (const NotCountedField& field : kNotCountedFields) {
      const std::int64_t in_log = not_counted_.*field.member;
      const std::int64_t in_score = input_.score.not_counted.*field.member;
      if (in_log == in_score) continue;
      differences_.add(
          "repeats and records not in time: score and log differ",
          fmt::format("{}: the log has {}, the score {}", field.name, in_log, in_score));
    }
  }

  void compare_sums() {
    if (input_.sums == nullptr) return;
    Score counted;
    for (const VerifyReport::Row& row : report_.rows) {
      counted.counts.push_back({.faculty = row.faculty,
                                .discipline_id = row.discipline_id,
                                .outcome = row.outcome,
                                .count = row.in_log});
    }
    for (const ValueChange& change : changes_between(*input_.sums, input_.sums_of(counted))) {
      differences_.add("sums in which score and log differ",
                       fmt::format("{}: the log gives {}, the score has {}", change.name,
                                   change.wanted.value_or("none"), change.stored.value_or("none")));
    }
  }

  const VerifyInput& input_;
  const RecordFormat format_;
  ContestCounts counts_;
  NotCounted not_counted_;  // of the records that the score covers
  Differences differences_;
  VerifyReport report_;
  AckProof acks_;           // after the members that it uses
  SummaryProof summaries_;  // the same
};

}  // namespace

base::Result<VerifyReport> verify(const VerifyInput& input) { return Proof(input).run(); }

}  // namespace estadio
