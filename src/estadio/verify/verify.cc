#include "estadio/verify/verify.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <simdjson.h>
#include <tuple>
#include <utility>

#include "base/json.h"
#include "base/printable.h"
#include "estadio/contest/record.h"
#include "estadio/dedup/repeat_filter.h"
#include "estadio/dedup/seen_ids.h"

namespace estadio {
namespace {

constexpr std::int64_t kProgressEvery = 100'000;

// Gathers differences by kind. Each kind has a count, and its first difference as an example.
class Differences {
 public:
  void add(std::string_view what, std::string example, std::int64_t count = 1) {
    for (Difference& known : all_) {
      if (known.what == what) {
        known.count += count;
        return;
      }
    }
    all_.push_back({.what = std::string(what), .count = count, .example = std::move(example)});
  }
  [[nodiscard]] std::vector<Difference> take() { return std::move(all_); }

 private:
  std::vector<Difference> all_;
};

// Reads the lines of an acks file.
class AckParser {
 public:
  explicit AckParser(const Contest& contest) : contest_(contest) {}

  // Reads an object with an `id` and optional members. Ignores others. Returns nothing when the
  // line is not such an object.
  std::optional<Acks::Ack> parse(const std::string& line) {
    simdjson::dom::object object;
    if (parser_.parse(line).get(object) != simdjson::SUCCESS) return std::nullopt;
    Acks::Ack ack;
    unsigned seen = 0;
    for (const auto& [key, value] : object) {
      const auto member = std::ranges::find(kMembers, key);
      if (member == std::end(kMembers)) continue;
      const auto place = static_cast<unsigned>(member - std::begin(kMembers));
      if ((seen & 1U << place) != 0 || !take(place, value, ack)) return std::nullopt;
      seen |= 1U << place;
    }
    if ((seen & 1U << kId) == 0) return std::nullopt;
    return ack;
  }

 private:
  enum Member : unsigned { kId, kOutcome, kFaculty, kDiscipline };
  static constexpr std::string_view kMembers[] = {"id", "outcome", "faculty", "discipline"};

  bool take(unsigned member, simdjson::dom::element value, Acks::Ack& ack) const {
    if (member == kDiscipline) {
      std::int64_t id = 0;
      if (value.get(id) != simdjson::SUCCESS) return false;
      const auto found = contest_.find_discipline(id);
      ack.discipline = found ? std::int16_t{*found} : Acks::Ack::kNotOfContest;
      return true;
    }
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return false;
    if (member == kFaculty) {
      const auto found = contest_.find_faculty(text);
      ack.faculty = found ? std::int16_t{*found} : Acks::Ack::kNotOfContest;
      return true;
    }
    if (member == kId) {
      const auto id = base::Uuid::parse(text);
      if (id) ack.id = *id;
      return id.has_value();
    }
    ack.outcome = text == "winner" ? 0 : 1;
    return text == "winner" || text == "loser";
  }

  const Contest& contest_;
  simdjson::dom::parser parser_;
};

// Adds what `other`, an ack of the same id, says. Returns false, and changes nothing, when they
// contradict each other.
bool merge(Acks::Ack& ack, const Acks::Ack& other) {
  const auto agree = [](auto one, auto another) {
    return one == another || one == Acks::Ack::kNotSaid || another == Acks::Ack::kNotSaid;
  };
  if (!agree(ack.outcome, other.outcome) || !agree(ack.faculty, other.faculty) ||
      !agree(ack.discipline, other.discipline)) {
    return false;
  }
  const auto add = [](auto& one, auto another) {
    if (one == Acks::Ack::kNotSaid) one = another;
  };
  add(ack.outcome, other.outcome);
  add(ack.faculty, other.faculty);
  add(ack.discipline, other.discipline);
  return true;
}

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
        disciplines_(input.contest.disciplines().size()),
        counts_(input.contest.faculties().size() * disciplines_ * 2) {}

  base::Result<VerifyReport> run() {
    for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
      for (int number = 0; number < input_.events.partitions(); ++number) {
        RETURN_IF_ERROR(count_partition({.topic = topic, .number = number}));
      }
    }
    compare_scores();
    compare_not_counted();
    compare_sums();
    compare_acks();
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
    EndOfPartition end;
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
    ASSIGN_OR_RETURN(const auto reader, input_.events.read_from(partition, 0));
    std::vector<LoggedRecord> records;
    while (reader->position() < end) {
      RETURN_IF_ERROR(reader->read(records, input_.read_patience));
      if (records.empty()) {
        return base::fail(
            base::Code::kUnavailable,
            fmt::format("{} has records up to offset {}, but returns none from offset {}", name,
                        reader->position(), end));
      }
      for (const LoggedRecord& record : records) {
        add_to_chain(counting, record);
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
        "partitions of which the score counted other records than the log holds",
        partition.is_last_record_same
            ? fmt::format("{}: another record was counted before offset {}", partition.name, last)
            : fmt::format("{}: another record was counted at offset {}", partition.name, last));
  }

  base::Result<void> check(Partition& partition, const LoggedRecord& logged) {
    if (++report_.records % kProgressEvery == 0 && input_.on_progress) {
      input_.on_progress(report_.records);
    }
    if (partition.end.is_behind(partition.name, logged, report_)) {
      if (logged.offset < partition.counted_until) ++not_counted_.after_end;
      return {};
    }
    const auto record = format_.parse(logged.line);
    if (!record) {
      differences_.add("records that are not results of this contest",
                       fmt::format("{} at offset {}", partition.name, logged.offset));
      return {};
    }
    const auto place = [&] {
      return fmt::format("{} in {} at offset {}", record->id.to_string(), partition.name,
                         logged.offset);
    };
    check_coin(partition.id, *record, place);
    ASSIGN_OR_RETURN(const auto decision, partition.filter.decide(*record, logged));
    const bool is_covered = logged.offset < partition.counted_until;
    if (decision == Decision::kRepeat) {
      ++report_.repeated;
      if (is_covered) ++not_counted_.repeated;
    }
    if (decision == Decision::kNotInTime) {
      ++report_.not_in_time;
      if (is_covered) ++not_counted_.not_in_time;
      differences_.add("records that no server wrote: their ids are not in time", place());
    }
    if (!record->is_id_given) {
      ASSIGN_OR_RETURN(const bool is_new,
                       partition.server_ids.add(minute_of(record->id.first_48_bits()), record->id));
      if (!is_new) differences_.add("ids of servers that the log holds twice", place());
    }
    if (decision == Decision::kCounts && is_covered) {
      ++counts_[(static_cast<std::size_t>(record->faculty) * disciplines_ + record->discipline) *
                    2 +
                static_cast<std::size_t>(record->outcome)];
    }
    if (input_.acks != nullptr && decision != Decision::kNotInTime) {
      check_ack(*record, decision, place);
    }
    return {};
  }

  template <class Place>
  void check_coin(PartitionId partition, const Record& record, const Place& place) {
    const Coin::Toss toss = input_.coin.toss(record.id);
    ++report_.coins;
    if (toss.outcome != record.outcome || record.outcome != partition.topic) {
      differences_.add("outcomes that are not the coin's", place());
    } else if (toss.partition(input_.events.partitions()) != partition.number) {
      differences_.add("records in another partition than their id's", place());
    }
  }

  template <class Place>
  void check_ack(const Record& record, Decision decision, const Place& place) {
    const bool is_repeat = decision == Decision::kRepeat;
    Acks::Ack* ack = input_.acks->find(record.id);
    if (ack == nullptr) {
      if (is_repeat) return;
      ++report_.unacknowledged;
      if (input_.are_acks_complete) {
        differences_.add("results in the log without an ack", place());
      }
      return;
    }
    if (ack->outcome >= 0 && static_cast<Outcome>(ack->outcome) != record.outcome) {
      differences_.add("acknowledged outcomes that the log does not hold", record.id.to_string());
    }
    if (!is_repeat) compare_place(*ack, record, place);
    if (ack->is_in_log && !is_repeat) {
      differences_.add("acknowledged entries counted twice", place());
    }
    ack->is_in_log = true;
  }

  // Compares the faculty and the discipline of an ack with those of its record.
  template <class Place>
  void compare_place(const Acks::Ack& ack, const Record& record, const Place& place) {
    const auto differs = [](std::int16_t said, std::int16_t logged) {
      return said != Acks::Ack::kNotSaid && said != logged;
    };
    const auto add = [&](std::string_view what, const std::string& said,
                         const std::string& logged) {
      differences_.add(what,
                       fmt::format("{}: acknowledged {}, the log has {}", place(), said, logged));
    };
    if (differs(ack.faculty, record.faculty)) {
      add("acknowledged faculties that the log does not hold", faculty_name(ack.faculty),
          faculty_name(record.faculty));
    }
    if (differs(ack.discipline, record.discipline)) {
      add("acknowledged disciplines that the log does not hold", discipline_name(ack.discipline),
          discipline_name(record.discipline));
    }
  }

  [[nodiscard]] std::string faculty_name(std::int16_t index) const {
    if (index < 0) return "a faculty that the contest does not have";
    return input_.contest.faculties()[static_cast<std::size_t>(index)].name;
  }
  [[nodiscard]] std::string discipline_name(std::int16_t index) const {
    if (index < 0) return "a discipline that the contest does not have";
    return fmt::format("discipline {}",
                       input_.contest.disciplines()[static_cast<std::size_t>(index)].id);
  }

  void compare_scores() {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      report_.rows.push_back(
          {.faculty = input_.contest.faculties()[i / 2 / disciplines_].name,
           .discipline_id = input_.contest.disciplines()[i / 2 % disciplines_].id,
           .outcome = i % 2 == 0 ? Outcome::kWinner : Outcome::kLoser,
           .in_log = counts_[i],
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
          "numbers of records that do not count in which score and log differ",
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

  void compare_acks() {
    if (input_.acks == nullptr) return;
    report_.has_acks = true;
    report_.are_acks_complete = input_.are_acks_complete;
    report_.acknowledged = static_cast<std::int64_t>(input_.acks->size());
    for (const Acks::Ack& ack : input_.acks->all()) {
      if (!ack.is_in_log) {
        differences_.add("acknowledged entries that the log does not hold", ack.id.to_string());
      }
    }
  }

  const VerifyInput& input_;
  const RecordFormat format_;
  const std::size_t disciplines_;
  std::vector<std::int64_t> counts_;
  NotCounted not_counted_;  // of the records that the score covers
  Differences differences_;
  VerifyReport report_;
};

}  // namespace

base::Result<Acks> Acks::from_file(const std::string& path, const Contest& contest) {
  std::ifstream file(path);
  if (!file) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("cannot open the acks file {}", path));
  }
  Acks acks;
  AckParser parser(contest);
  std::string line;
  for (std::int64_t number = 1; std::getline(file, line); ++number) {
    if (line.empty()) continue;
    const auto ack = parser.parse(line);
    if (!ack && file.eof() && !line.ends_with('}') && !acks.acks_.empty()) {
      acks.is_cut_ = true;
      break;
    }
    if (!ack) {
      return base::fail(
          base::Code::kInvalidArgument,
          fmt::format("{}:{}: expected {{\"id\":\"UUID\",\"outcome\":\"winner\" or \"loser\","
                      "\"faculty\":\"NAME\",\"discipline\":NUMBER}}",
                      path, number));
    }
    acks.acks_.push_back(*ack);
  }
  if (!file.eof()) {
    return base::fail(base::Code::kInvalidArgument, fmt::format("cannot read {}", path));
  }
  const auto key = [](const Ack& ack) {
    return std::tie(ack.id.bytes, ack.outcome, ack.faculty, ack.discipline);
  };
  std::ranges::sort(acks.acks_, {}, key);
  // Acks of one id that agree become one. An ack that does not say something, which sorts first,
  // agrees with one that does. Acks that contradict each other stay two: one of them is wrong.
  std::vector<Ack> each;
  for (const Ack& ack : acks.acks_) {
    const bool is_known = !each.empty() && each.back().id == ack.id && merge(each.back(), ack);
    if (!is_known) each.push_back(ack);
  }
  acks.acks_ = std::move(each);
  return acks;
}

Acks::Ack* Acks::find(const base::Uuid& id) {
  const auto found =
      std::ranges::lower_bound(acks_, id.bytes, {}, [](const Ack& ack) { return ack.id.bytes; });
  return found == acks_.end() || found->id != id ? nullptr : &*found;
}

base::Result<VerifyReport> verify(const VerifyInput& input) { return Proof(input).run(); }

std::string VerifyReport::to_text() const {
  // Widths count characters, not bytes: names have accents.
  const auto width = [](std::string_view name) {
    return std::ranges::count_if(
        name, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  };
  std::ptrdiff_t widest = 7;
  for (const Row& row : rows) widest = std::max(widest, width(base::printable(row.faculty)));
  std::string text = fmt::format("{:<{}}  discipline  outcome  {:>14}  {:>14}\n", "faculty", widest,
                                 "log", "score");
  for (const Row& row : rows) {
    const std::string faculty = base::printable(row.faculty);
    text += fmt::format("{}{}  {:>10}  {:<7}  {:>14}  {:>14}{}\n", faculty,
                        std::string(static_cast<std::size_t>(widest - width(faculty)), ' '),
                        row.discipline_id, to_string(row.outcome), row.in_log, row.in_score,
                        row.in_log == row.in_score ? "" : "  DIFFERENT");
  }
  for (const Outcome outcome : {Outcome::kWinner, Outcome::kLoser}) {
    std::int64_t in_log = 0;
    std::int64_t in_score = 0;
    for (const Row& row : rows) {
      if (row.outcome != outcome) continue;
      in_log += row.in_log;
      in_score += row.in_score;
    }
    text += fmt::format("{:<{}}  {:>10}  {:<7}  {:>14}  {:>14}\n", "all", widest, "all",
                        to_string(outcome), in_log, in_score);
  }
  text += fmt::format(
      "\nrecords in the log    {:>14}\nrepeats among them    {:>14}\nnot yet counted       "
      "{:>14}\ncounted in the score  {:>14}\ncoins recomputed      {:>14}\n",
      records, repeated, lag, counted, coins);
  if (not_in_time > 0) text += fmt::format("ids not in time       {:>14}\n", not_in_time);
  if (after_end > 0) {
    text += fmt::format("behind the end mark   {:>14}, such as {}\n", after_end, after_end_example);
  }
  if (has_acks) {
    text += fmt::format("acknowledged          {:>14}\nin the log without ack{:>14}\n",
                        acknowledged, unacknowledged);
  }
  for (const Difference& difference : differences) {
    text += fmt::format("\nDIFFERENT: {} {}, such as: {}\n", difference.count, difference.what,
                        base::printable(difference.example));
  }
  if (lag > 0) {
    text += fmt::format(
        "\n{} records are not counted yet: the score covers the records before them\n", lag);
  }
  if (!is_proven()) {
    text += "\nNOT verified\n";
  } else if (!has_acks) {
    text += "\nverified: log = score, and every coin is right\n";
  } else if (are_acks_complete) {
    text += "\nverified: acknowledged = log = score, and every coin is right\n";
  } else {
    text +=
        "\nverified: every acknowledged entry is in the log, log = score, and every coin is "
        "right\n";
  }
  return text;
}

std::string VerifyReport::to_json() const {
  std::string json = fmt::format(
      R"({{"verified":{},"records":{},"repeated":{},"not_in_time":{},"after_end":{},"lag":{},)"
      R"("counted":{},"coins":{})",
      is_proven(), records, repeated, not_in_time, after_end, lag, counted, coins);
  if (has_acks) {
    json += fmt::format(R"(,"acknowledged":{},"unacknowledged":{})", acknowledged, unacknowledged);
  }
  json += R"(,"counts":[)";
  for (const Row& row : rows) {
    if (json.back() != '[') json += ',';
    json += R"({"faculty":)";
    base::append_json_string(json, row.faculty);
    json += fmt::format(R"(,"discipline":{},"outcome":"{}","log":{},"score":{}}})",
                        row.discipline_id, to_string(row.outcome), row.in_log, row.in_score);
  }
  json += R"(],"differences":[)";
  for (const Difference& difference : differences) {
    if (json.back() != '[') json += ',';
    json += R"({"what":)";
    base::append_json_string(json, difference.what);
    json += fmt::format(R"(,"count":{},"example":)", difference.count);
    base::append_json_lossy(json, difference.example);
    json += '}';
  }
  return json + "]}";
}

}  // namespace estadio
