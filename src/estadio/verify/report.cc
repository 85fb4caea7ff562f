#include "estadio/verify/report.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/json.h"
#include "base/printable.h"

namespace estadio {

namespace {

// A line for each row, and the sums.
std::string table_of(const std::vector<VerifyReport::Row>& rows) {
  // Widths count characters, not bytes: names have accents.
  const auto width = [](std::string_view name) {
    return std::ranges::count_if(
        name, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  };
  std::ptrdiff_t widest = 7;
  for (const VerifyReport::Row& row : rows) {
    widest = std::max(widest, width(base::printable(row.faculty)));
  }
  std::string text = fmt::format("{:<{}}  discipline  outcome  {:>14}  {:>14}\n", "faculty", widest,
                                 "log", "score");
  for (const VerifyReport::Row& row : rows) {
    const std::string faculty = base::printable(row.faculty);
    text += fmt::format("{}{}  {:>10}  {:<7}  {:>14}  {:>14}{}\n", faculty,
                        std::string(static_cast<std::size_t>(widest - width(faculty)), ' '),
                        row.discipline_id, to_string(row.outcome), row.in_log, row.in_score,
                        row.in_log == row.in_score ? "" : "  DIFFERENT");
  }
  for (const Outcome outcome : {Outcome::kWinner, Outcome::kLoser}) {
    std::int64_t in_log = 0;
    std::int64_t in_score = 0;
    for (const VerifyReport::Row& row : rows) {
      if (row.outcome != outcome) continue;
      in_log += row.in_log;
      in_score += row.in_score;
    }
    text += fmt::format("{:<{}}  {:>10}  {:<7}  {:>14}  {:>14}\n", "all", widest, "all",
                        to_string(outcome), in_log, in_score);
  }
  return text;
}

}  // namespace

std::string RecordPlace::text() const {
  return fmt::format("{} in {} at offset {}", id.to_string(), partition, offset);
}

std::string VerifyReport::to_text() const {
  std::string text = table_of(rows);
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
  if (unchanged) text += fmt::format("same as in the summary{:>13}\n", *unchanged);
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
  if (unchanged) json += fmt::format(R"(,"unchanged":{})", *unchanged);
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
