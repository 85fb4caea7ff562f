#include "estadio/faculty/faculty_service.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "base/json.h"
#include "http/problem.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kTimeoutCheckEvery{100};
constexpr std::string_view kRetryAfter = "Retry-After: 1\r\n";

std::optional<BodyFormat> format_of(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  if (http::equals_ignoring_case(type, "application/json")) return BodyFormat::kJson;
  if (http::equals_ignoring_case(type, "application/x-ndjson") ||
      http::equals_ignoring_case(type, "application/jsonl")) {
    return BodyFormat::kNdjson;
  }
  return std::nullopt;
}

bool is_conflict(const Verdict& verdict) {
  return verdict.durability == Verdict::Durability::kConflict;
}

// Returns the durability that all entries of a request share, else kUnknown. Ignores entries in
// conflict and entries that came too late. If there are any, and the log has all the others,
// returns kOver or else kConflict.
Verdict::Durability common_durability(std::span<const Verdict> verdicts,
                                      Verdict::Durability of_batch) {
  using Durability = Verdict::Durability;
  std::optional<Durability> common;
  std::optional<Durability> if_others_are_kept;
  for (const Verdict& verdict : verdicts) {
    if (verdict.durability == Durability::kOver) {
      if_others_are_kept = Durability::kOver;
    } else if (is_conflict(verdict)) {
      if_others_are_kept = if_others_are_kept.value_or(Durability::kConflict);
    } else {
      const Durability durability =
          verdict.durability == Durability::kOfBatch ? of_batch : verdict.durability;
      if (common && *common != durability) return Durability::kUnknown;
      common = durability;
    }
  }
  return if_others_are_kept && common.value_or(Durability::kKept) == Durability::kKept
             ? *if_others_are_kept
             : *common;
}

// Adds the entries of a request that are in the log. Skips entries in conflict.
void add(std::span<const Verdict> verdicts, std::span<const Entry> entries,
         EdgeStats::Accepted& accepted) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (is_conflict(verdicts[i])) continue;
    if (verdicts[i].is_repeated) {
      ++accepted.repeated;
    } else {
      ++accepted.entries;
      if (entries[i].is_id_given && entries[i].id.version() != 7) ++accepted.with_other_ids;
    }
  }
}

}  // namespace

FacultyService::FacultyService(FacultyEdge& edge)
    : edge_(edge), format_(edge.contest), parser_(edge.contest), judge_(edge.make_judge()) {}

FacultyService::~FacultyService() = default;

void FacultyService::install(http::Router& router, net::EventLoop& loop) {
  loop_ = &loop;
  router.add(http::Method::kPost, "/v1/entries",
             [this](const http::Request& request, http::Exchange exchange) {
               handle(request, exchange, edge_.only);
             });
  for (std::size_t i = 0; i < edge_.contest.faculties().size(); ++i) {
    if (edge_.only && *edge_.only != i) continue;
    for (const std::string& slug : edge_.contest.faculties()[i].slugs) {
      router.add(http::Method::kPost, "/" + slug,
                 [this, faculty = static_cast<FacultyIndex>(i)](const http::Request& request,
                                                                http::Exchange exchange) {
                   handle(request, exchange, faculty);
                 });
    }
  }
  loop.at_end_of_round([this] { submit(); });
  check_timeouts();
}

void FacultyService::handle(const http::Request& request, http::Exchange exchange,
                            std::optional<FacultyIndex> faculty) {
  const Moment moment = this_moment();
  if (!moment.judges) return refuse(Refusal::kNoJudge, exchange);
  const auto format = format_of(request.header("content-type"));
  if (!format) return refuse(Refusal::kMediaType, exchange);
  if (edge_.in_flight_bytes.load(std::memory_order_relaxed) >= edge_.limits.in_flight_bytes) {
    return refuse(Refusal::kFull, exchange);
  }
  EntryBatch& entries = gathering().entries;
  const std::size_t first = entries.entries.size();
  const std::size_t text = entries.text.size();
  const auto parsed =
      parser_.parse(request.body, parser_options(*format, faculty, moment), entries);
  if (!parsed) return reject(parsed.error(), exchange);
  // Count the bytes of the records, not of the body: small entries become larger records.
  const std::size_t record_bytes = format_.bytes_max(parsed->count, entries.text.size() - text);
  if (const auto refusal = admit(record_bytes)) {
    entries.entries.resize(first);
    entries.text.resize(text);
    return refuse(*refusal, exchange);
  }
  gathering_->waiting.push_back({.exchange = exchange,
                                 .received = loop_->now(),
                                 .first = static_cast<std::uint32_t>(first),
                                 .count = static_cast<std::uint32_t>(parsed->count),
                                 .record_bytes = record_bytes,
                                 .is_single = parsed->is_single});
}

FacultyService::Moment FacultyService::this_moment() const {
  return {.now_ms = edge_.clock.wall_ms(), .judges = edge_.judges.now()};
}

EntryParser::Options FacultyService::parser_options(BodyFormat format,
                                                    std::optional<FacultyIndex> faculty,
                                                    const Moment& moment) const {
  return {.format = format,
          .faculty = faculty,
          .entries_max = edge_.limits.entries_per_request,
          .now_ms = moment.now_ms,
          .judges = moment.judges};
}

FacultyService::Batch& FacultyService::gathering() {
  if (gathering_ == nullptr) {
    if (spare_.empty()) {
      batches_.push_back(std::make_unique<Batch>());
      spare_.push_back(batches_.back().get());
    }
    gathering_ = spare_.back();
    spare_.pop_back();
  }
  return *gathering_;
}

std::optional<FacultyService::Refusal> FacultyService::admit(std::size_t bytes) {
  const std::size_t bytes_max = edge_.limits.in_flight_bytes;
  const std::size_t before = edge_.in_flight_bytes.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes <= bytes_max) return std::nullopt;
  edge_.in_flight_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  return bytes <= bytes_max ? Refusal::kFull : Refusal::kTooLarge;
}

void FacultyService::refuse(Refusal refusal, http::Exchange exchange) {
  edge_.edge_stats.rejected();
  switch (refusal) {
    case Refusal::kMediaType:
      return http::respond_problem(
          exchange, 415,
          "expected Content-Type: application/json (an entry or an array of them) or "
          "application/x-ndjson (an entry a line)");
    case Refusal::kNoJudge:
      return http::respond_problem(
          exchange, 503, "no judge can be reached yet (/readyz shows the reason): send again later",
          {}, kRetryAfter);
    case Refusal::kContestOver:
      return http::respond_problem(
          exchange, 403,
          "the contest is over, and not all of these entries were accepted before its end");
    case Refusal::kFull:
      return http::respond_problem(
          exchange, 429, "too many entries are in flight: send again later", {}, kRetryAfter);
    case Refusal::kTooLarge:
      return http::respond_problem(
          exchange, 413,
          "the entries are larger than all that may be in flight: send fewer in a request");
  }
}

void FacultyService::reject(const Rejection& rejection, http::Exchange exchange) {
  edge_.edge_stats.rejected();
  std::string members;
  if (rejection.kind == Rejection::Kind::kTooMany) {
    return http::respond_problem(exchange, 413, rejection.detail);
  }
  if (rejection.kind == Rejection::Kind::kMalformed) {
    members = fmt::format("\"offset\":{}", rejection.offset);
    if (rejection.line > 0) members += fmt::format(",\"line\":{}", rejection.line);
    return http::respond_problem(exchange, 400, rejection.detail, members);
  }
  members = "\"errors\":[";
  for (const Rejection::FieldError& error : rejection.errors) {
    if (members.back() == '}') members += ',';
    members += R"({"field":)";
    base::append_json_string(members, error.field);
    members += R"(,"detail":)";
    base::append_json_string(members, error.detail);
    if (error.line > 0) members += fmt::format(",\"line\":{}", error.line);
    if (error.index >= 0) members += fmt::format(",\"index\":{}", error.index);
    members += '}';
  }
  members += ']';
  http::respond_problem(exchange, 422, rejection.detail, members);
}

bool FacultyService::is_judge_busy() const {
  if (edge_.limits.batches_at_judge == SIZE_MAX) return false;
  const base::Nanos since = loop_->now() - edge_.limits.stuck_after;
  const auto at_judge = std::ranges::count_if(
      batches_, [&](const auto& batch) { return batch->is_in_flight && batch->submitted > since; });
  return static_cast<std::size_t>(at_judge) >= edge_.limits.batches_at_judge;
}

void FacultyService::submit() {
  if (gathering_ == nullptr || gathering_->waiting.empty()) return;
  if (is_judge_busy()) return;  // a round after complete() or check_timeouts() submits
  if (gathering_->waiting.size() < last_requests_) {
    const base::Nanos until = gathering_->waiting.front().received + edge_.limits.batch_linger;
    if (loop_->now() < until) {
      // Set one timer for each batch. The round after it submits.
      if (std::exchange(linger_until_, until) != until) loop_->at(until, [] {});
      return;
    }
  }
  Batch& batch = *gathering_;
  gathering_ = nullptr;
  batch.submitted = loop_->now();
  batch.is_in_flight = true;
  batch.has_timed_out = false;
  batch.verdicts.assign(batch.entries.entries.size(), Verdict());
  judge_->judge(batch.entries, batch.verdicts, [this, &batch](base::Result<void> judged) {
    loop_->post([this, &batch, judged = std::move(judged)] { complete(batch, judged); });
  });
}

void FacultyService::complete(Batch& batch, const base::Result<void>& judged) {
  if (!batch.has_timed_out) {
    EdgeStats::Accepted accepted;
    latencies_.clear();
    const base::Nanos now = edge_.clock.mono();
    const Verdict::Durability of_batch = durability_of_batch(judged);
    for (const Waiting& waiting : batch.waiting) {
      const auto verdicts = std::span(batch.verdicts).subspan(waiting.first, waiting.count);
      const Verdict::Durability durability = common_durability(verdicts, of_batch);
      if (durability == Verdict::Durability::kConflict) {
        refuse_conflict(batch, waiting);
      } else if (durability == Verdict::Durability::kKept) {
        answer(batch, waiting);
        latencies_.push_back(now - waiting.received);
      } else {
        answer_not_kept(batch, waiting, durability, judged);
        continue;
      }
      add(verdicts, std::span(batch.entries.entries).subspan(waiting.first, waiting.count),
          accepted);
    }
    edge_.edge_stats.accepted(latencies_, accepted);
  }
  std::size_t bytes = 0;
  for (const Waiting& waiting : batch.waiting) bytes += waiting.record_bytes;
  edge_.in_flight_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  batch.is_in_flight = false;
  last_requests_ = batch.waiting.size();
  batch.entries.clear();
  batch.waiting.clear();
  spare_.push_back(&batch);
}

void FacultyService::answer(const Batch& batch, const Waiting& waiting) {
  body_.clear();
  if (waiting.is_single) {
    const Verdict& verdict = batch.verdicts[waiting.first];
    body_ += R"({"id":")";
    body_.resize(body_.size() + base::Uuid::kTextSize);
    batch.entries.entries[waiting.first].id.format_to(body_.data() + body_.size() -
                                                      base::Uuid::kTextSize);
    body_ += R"(","outcome":")";
    body_ += to_string(verdict.outcome);
    body_ += verdict.is_repeated ? R"(","repeated":true})" : R"("})";
  } else {
    std::int64_t winners = 0;
    std::int64_t repeated = 0;
    for (std::uint32_t i = waiting.first; i < waiting.first + waiting.count; ++i) {
      winners += batch.verdicts[i].outcome == Outcome::kWinner ? 1 : 0;
      repeated += batch.verdicts[i].is_repeated ? 1 : 0;
    }
    body_ += R"({"accepted":)";
    base::append_json_number(body_, std::int64_t{waiting.count});
    body_ += R"(,"winners":)";
    base::append_json_number(body_, winners);
    body_ += R"(,"losers":)";
    base::append_json_number(body_, waiting.count - winners);
    body_ += R"(,"repeated":)";
    base::append_json_number(body_, repeated);
    body_ += '}';
  }
  waiting.exchange.respond(
      {.status = 200, .content_type = "application/json", .body = body_, .extra_headers = {}});
}

// Answers a request whose entries are not all in the log.
void FacultyService::answer_not_kept(const Batch& batch, const Waiting& waiting,
                                     Verdict::Durability durability,
                                     const base::Result<void>& judged) {
  using Durability = Verdict::Durability;
  if (durability == Durability::kNotInTime) return refuse_not_in_time(batch, waiting);
  if (durability == Durability::kOver) return refuse(Refusal::kContestOver, waiting.exchange);
  fail(waiting, durability, judged ? std::string_view() : judged.error().message());
}

// The judge's clock is further from the ids than its last reading was.
void FacultyService::refuse_not_in_time(const Batch& batch, const Waiting& waiting) {
  edge_.edge_stats.rejected();
  std::string why = "the judge refused this id: its time is too far from the judge's clock";
  if (const auto times = edge_.judges.now()) {
    const base::Uuid& id = batch.entries.entries[waiting.first].id;
    if (auto detail = why_refused(id, *times)) why = *std::move(detail);
  }
  http::respond_problem(waiting.exchange, 422, why);
}

// The log has the request's other entries.
void FacultyService::refuse_conflict(const Batch& batch, const Waiting& waiting) {
  edge_.edge_stats.rejected();
  std::string members = "\"errors\":[";
  std::uint32_t conflicts = 0;
  for (std::uint32_t i = 0; i < waiting.count; ++i) {
    const Verdict& verdict = batch.verdicts[waiting.first + i];
    if (!is_conflict(verdict) || ++conflicts > Rejection::kErrorsMax) continue;
    const std::string_view field = to_string(verdict.conflict);
    if (conflicts > 1) members += ',';
    members += fmt::format(
        R"({{"field":"{}","detail":"an entry with the id {} was accepted, and its {} differs")",
        field, batch.entries.entries[waiting.first + i].id.to_string(), field);
    if (!waiting.is_single) members += fmt::format(",\"index\":{}", i);
    members += '}';
  }
  members += ']';
  const std::string detail =
      waiting.is_single
          ? fmt::format(
                "an entry with this id was accepted, and its {} differs: send this entry "
                "with a new id",
                to_string(batch.verdicts[waiting.first].conflict))
          : fmt::format(
                "{} of {} entries have ids that were accepted with another content; all "
                "others are accepted: send the listed ones again with new ids",
                conflicts, waiting.count);
  http::respond_problem(waiting.exchange, 409, detail, members);
}

void FacultyService::fail(const Waiting& waiting, Verdict::Durability durability,
                          std::string_view why) {
  edge_.edge_stats.rejected();
  if (durability == Verdict::Durability::kRefused) {
    return http::respond_problem(waiting.exchange, 503, why, {}, kRetryAfter);
  }
  http::respond_problem(waiting.exchange, 504,
                        "the entries may be in the log or not: send them again with the same ids");
}

void FacultyService::check_timeouts() {
  for (const auto& batch : batches_) {
    if (batch->is_in_flight && !batch->has_timed_out &&
        loop_->now() - batch->submitted > edge_.limits.durability_timeout) {
      batch->has_timed_out = true;
      for (const Waiting& waiting : batch->waiting) {
        edge_.edge_stats.rejected();
        http::respond_problem(waiting.exchange, 504,
                              "the entries were not durable in time, but may be later: send them "
                              "again with the same ids");
      }
    }
  }
  if (gathering_ != nullptr && !gathering_->waiting.empty() &&
      loop_->now() - gathering_->waiting.front().received > edge_.limits.durability_timeout) {
    give_up_gathering();
  }
  loop_->at(loop_->clock().mono() + kTimeoutCheckEvery, [this] { check_timeouts(); });
}

// Refuses the requests of the gathering batch, which the judge never got.
void FacultyService::give_up_gathering() {
  std::size_t bytes = 0;
  for (const Waiting& waiting : gathering_->waiting) {
    fail(waiting, Verdict::Durability::kRefused, "the judges do not answer: send again later");
    bytes += waiting.record_bytes;
  }
  edge_.in_flight_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  gathering_->entries.clear();
  gathering_->waiting.clear();
}

void write_metrics(base::MetricsWriter& metrics, const FacultyEdge& edge) {
  write_metrics(metrics, edge.edge_stats);
  metrics.gauge("estadio_entries_in_flight_bytes",
                "Bytes of results that are not durable yet, at most.",
                edge.in_flight_bytes.load(std::memory_order_relaxed));
}

}  // namespace estadio
