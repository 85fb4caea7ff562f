#include "estadio/verify/summary_proof.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace estadio {

SummaryProof::SummaryProof(const Options& options) : options_(options), counts_(options.contest) {}

void SummaryProof::begin(PartitionId partition, std::int64_t counted_until, std::int64_t end) {
  partition_ = partition;
  counted_until_ = counted_until;
  then_ = options_.against == nullptr ? nullptr : options_.against->find(partition);
  digest_.reset();
  if (!options_.makes_digests && then_ == nullptr) return;
  digest_ = std::make_unique<PartitionDigest>();
  if (then_ != nullptr && then_->next_offset > end) {
    options_.differences.add(
        "records of the summary that the log does not hold",
        fmt::format("{}-{}: the summary has {} records, the log {}", topic_name(partition.topic),
                    partition.number, then_->next_offset, end),
        then_->next_offset - end);
  }
  take_digest(0);
}

void SummaryProof::add(const LoggedRecord& logged) {
  if (digest_ == nullptr) return;
  const std::int64_t then = then_ == nullptr ? 0 : then_->next_offset;
  if (logged.offset >= std::max(then, counted_until_)) return;
  digest_->add(logged);
  take_digest(logged.offset + 1);
}

void SummaryProof::take_digest(std::int64_t next) {
  if (options_.makes_digests && next == counted_until_) {
    options_.report.partitions.push_back(
        {.id = partition_, .next_offset = next, .sha256 = digest_->hex()});
  }
  if (then_ == nullptr || next != then_->next_offset) return;
  if (digest_->hex() == then_->sha256) {
    options_.report.unchanged = options_.report.unchanged.value_or(0) + next;
    return;
  }
  options_.differences.add(
      "partitions whose records are not those of the summary",
      fmt::format("{}-{}: a record before offset {} is another one, or has another time",
                  topic_name(partition_.topic), partition_.number, next));
}

void SummaryProof::add_counted(const Record& record, std::int64_t offset) {
  if (then_ == nullptr || offset >= then_->next_offset) return;
  counts_.add(record.faculty, record.discipline, record.outcome, 1);
}

void SummaryProof::add_not_counted(std::int64_t NotCounted::* counter, std::int64_t offset) {
  if (then_ != nullptr && offset < then_->next_offset) ++(not_counted_.*counter);
}

void SummaryProof::finish() {
  if (options_.against == nullptr) return;
  for (const NotCountedField& field : kNotCountedFields) {
    const std::int64_t then = options_.against->not_counted.*field.member;
    const std::int64_t now = not_counted_.*field.member;
    if (then == now) continue;
    options_.differences.add(
        "numbers in which the summary and its records differ",
        fmt::format("{}: the summary has {}, its records give {}", field.name, then, now));
  }
  const std::vector<Score::Count> counts = counts_.nonzero();
  const auto add_missing = [&](const std::vector<Score::Count>& from,
                               const std::vector<Score::Count>& in, std::string_view who) {
    for (const Score::Count& each : from) {
      if (std::ranges::find(in, each) != in.end()) continue;
      options_.differences.add(
          "counts in which the summary and its records differ",
          fmt::format("{}, discipline {}, {}: {} {}", each.faculty, each.discipline_id,
                      to_string(each.outcome), who, each.count));
    }
  };
  add_missing(options_.against->counts, counts, "the summary has");
  add_missing(counts, options_.against->counts, "its records give");
}

}  // namespace estadio
