#include "estadio/load/generator.h"

#include <sys/prctl.h>

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <utility>

#include "base/printable.h"

namespace estadio::load {
namespace {

using base::Nanos;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kReceiveBytes = std::size_t{64} * 1024;
constexpr Nanos kBackoffMin = milliseconds(10);
constexpr Nanos kBackoffMax = seconds(1);
constexpr Nanos kRetryAfterMax = seconds(10);
constexpr Nanos kPublishEvery = milliseconds(100);
constexpr std::size_t kReasonMax = 400;  // characters

// A sweep looks at each connection, so sweep less often with many of them.
Nanos sweep_interval(std::int64_t connections, Nanos timeout) {
  const Nanos affordable = std::max<Nanos>(milliseconds(10), connections * microseconds(10));
  return std::clamp<Nanos>(timeout / 10, milliseconds(1), affordable);
}

// 429 and 503: the server is busy. 504: the result is unknown.
bool is_retryable(int status) { return status == 429 || status == 503 || status == 504; }

// Reads Retry-After in seconds (RFC 9110, section 10.2.3). Ignores dates.
Nanos retry_after_of(const http::ResponseParser& answer) {
  const std::string_view text = answer.header("Retry-After");
  unsigned delay = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), delay).ec != std::errc{}) return {};
  return std::min<Nanos>(seconds(delay), kRetryAfterMax);
}

std::string_view name_of(http::ClientConnection::Failure failure) {
  switch (failure) {
    case http::ClientConnection::Failure::kConnect: return "connect";
    case http::ClientConnection::Failure::kTls: return "tls";
    case http::ClientConnection::Failure::kReset: return "reset";
    case http::ClientConnection::Failure::kMalformed: return "malformed";
  }
  return "reset";
}

}  // namespace

void Generator::FreeSlots::push(Slot& slot) {
  slot.next_free = nullptr;
  (first_ == nullptr ? first_ : last_->next_free) = &slot;
  last_ = &slot;
}

Generator::Slot& Generator::FreeSlots::pop() {
  Slot& slot = *first_;
  first_ = slot.next_free;
  return slot;
}

Generator::Generator(const Options& options, const Dependencies& deps)
    : options_(options),
      schedule_(options.schedule),
      sweep_every_(sweep_interval(options.connections, options.timeout)),
      writer_(deps.writer),
      acks_(deps.acks),
      start_barrier_(deps.start_barrier),
      clock_(deps.clock),
      loop_(deps.clock),
      receive_buffer_(kReceiveBytes),
      check_(options.schedule.batch, options.foreign, deps.answered_ids),
      jitter_(static_cast<std::minstd_rand::result_type>(options.seed)),
      recent_latency_(std::make_unique<base::Histogram>()),
      spare_latency_(std::make_unique<base::Histogram>()) {
  const http::ClientConnection::Dependencies shared{
      .peer = deps.peer, .loop = loop_, .receive_buffer = receive_buffer_, .owner = *this};
  for (std::int64_t i = 0; i < options.connections; ++i) {
    slots_.emplace_back(static_cast<std::size_t>(i), shared);
  }
  loop_.at_end_of_round([this] { send_due(); });
}

Generator::~Generator() = default;

base::Result<Measurements> Generator::run() {
  // Set the timer slack from 50 us to 1 ns, so that this thread's timers fire on time.
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  const Nanos now = clock_.mono();
  opening_ = options_.connections;
  for (Slot& slot : slots_) {
    slot.deadline = now + options_.timeout;
    slot.connection.open();
  }
  loop_.at(now + kOpeningMax, [this] { begin(); });
  sweep();
  loop_.run();

  if (acks_ != nullptr && !error_) {
    if (auto flushed = acks_->flush(); !flushed) error_ = std::move(flushed).error();
  }
  if (error_) return base::fail(*std::move(error_));
  return finish();
}

void Generator::on_open(http::ClientConnection& connection) {
  ++opened_;
  settle_opening(slot_of(connection), Slot::State::kFree);
}

void Generator::settle_opening(Slot& slot, Slot::State state) {
  slot.state = state;
  --opening_;
  if (phase_ != Phase::kOpening) {
    if (state == Slot::State::kFree) make_free(slot);  // the run has begun without it
    return;
  }
  if (opening_ == 0) begin();
}

void Generator::begin() {
  if (phase_ != Phase::kOpening) return;
  phase_ = Phase::kRunning;
  start_ = start_barrier_.arrive_and_wait();
  end_ = start_ + schedule_.duration();
  backlog_until_ = end_;
  if (!schedule_.is_closed_loop()) {
    backlog_until_ += options_.retries ? options_.retry_for : kBacklogGrace;
  }
  give_up_at_ = options_.retries ? end_ + options_.retry_for : backlog_until_ + options_.timeout;
  planned_ = schedule_.planned();
  published_at_ = last_accepted_ = start_;
  usage_at_start_ = ThreadUsage::now();
  if (opened_ == 0 && !options_.retries && !is_interrupted_) {
    error_ = base::Error(base::Code::kUnavailable,
                         why_not_opened_.empty() ? "connecting: no answer" : why_not_opened_);
    phase_ = Phase::kDone;
    return loop_.stop();
  }
  if (!schedule_.is_closed_loop()) next_intended_ = start_ + schedule_.intended(0);
  if (is_interrupted_) stop_early(start_);
  for (Slot& slot : slots_) {
    if (slot.state == Slot::State::kFree) make_free(slot);
  }
}

void Generator::send_due() {
  if (phase_ != Phase::kRunning || schedule_.is_closed_loop()) return;
  while (next_ < planned_ && !free_.empty()) {
    const Nanos now = clock_.mono();
    if (next_intended_ > now) {
      if (armed_for_ == next_intended_) return;
      armed_for_ = next_intended_;
      return loop_.at(next_intended_, [] {});  // the hook of that round sends it
    }
    if (now >= backlog_until_) return;
    Slot& slot = free_.pop();
    const Nanos intended = next_intended_;
    measured_.late.record(now - std::max(intended, slot.free_since));
    start_request(slot, intended);
  }
}

void Generator::start_request(Slot& slot, Nanos intended) {
  ++next_;
  ++in_hand_;
  if (!schedule_.is_closed_loop()) next_intended_ = start_ + schedule_.intended(next_);
  slot.intended = intended;
  slot.request = writer_.next(slot.room, slot.sent_entries);
  send(slot);
}

void Generator::send(Slot& slot) {
  slot.state = Slot::State::kBusy;
  slot.sent = clock_.mono();
  slot.deadline = slot.sent + options_.timeout;
  slot.connection.send(slot.request);
}

void Generator::on_answer(http::ClientConnection& connection, const http::ResponseParser& answer) {
  Slot& slot = slot_of(connection);
  ++measured_.answered;
  const int status = answer.status();
  if (status >= 200 && status < 300) return accept(slot, answer.body(), clock_.mono());
  const std::string kind = fmt::format("http_{}", status);
  // A refusal says what is wrong with the entry, such as clocks that disagree.
  std::string why;
  if (!is_retryable(status) && !measured_.reasons.contains(kind)) {
    why = json_.read_problem(answer.body());
  }
  give_back(slot, {.kind = kind,
                   .why = why,
                   .may_retry = is_retryable(status),
                   .retry_after = retry_after_of(answer)});
}

void Generator::accept(Slot& slot, std::string_view body, Nanos now) {
  const Answer answer = json_.read_answer(body);
  if (const auto difference = check_.difference(answer, body, slot.sent_entries)) {
    const std::string why = "the server answered " + *difference;
    return give_back(slot, {.kind = kWrongAnswer, .why = why});
  }
  measured_.repeated_entries += answer.repeated;
  if (acks_ != nullptr) acknowledge(slot, answer);
  const Nanos latency = now - slot.intended;
  measured_.latency.record(latency);
  recent_latency_->record(latency);
  measured_.service.record(now - slot.sent);
  measured_.accepted_entries += static_cast<std::uint64_t>(options_.schedule.batch);
  last_accepted_ = now;
  slot.failures = 0;
  end_request(slot);
  make_free(slot);
}

// Adds the entries of an accepted request to the acks.
void Generator::acknowledge(const Slot& slot, const Answer& answer) {
  const SentEntries& sent = slot.sent_entries;
  base::Result<void> added;
  if (options_.schedule.batch == 1) {
    added = acks_->add({.id = answer.id,
                        .outcome = answer.outcome,
                        .facts = writer_.facts_of(sent.entries.front())});
  } else {
    std::string_view ids = sent.ids;
    for (const std::uint32_t entry : sent.entries) {
      if (!added) break;
      added = acks_->add({.id = ids.substr(0, base::Uuid::kTextSize),
                          .outcome = {},
                          .facts = writer_.facts_of(entry)});
      ids.remove_prefix(base::Uuid::kTextSize);
    }
  }
  if (added) return;
  error_ = std::move(added).error();
  phase_ = Phase::kDone;
  loop_.stop();
}

void Generator::on_failure(http::ClientConnection& connection,
                           http::ClientConnection::Failure failure, std::string_view why) {
  Slot& slot = slot_of(connection);
  if (slot.state == Slot::State::kOpening) {
    if (why_not_opened_.empty()) why_not_opened_ = why;
    ++slot.failures;
    rest(slot, Slot::State::kResting, backoff(slot));
    return settle_opening(slot, Slot::State::kResting);
  }
  give_back(slot,
            {.kind = name_of(failure), .why = why, .may_retry = true, .is_of_connection = true});
}

void Generator::note_reason(const Fault& fault) {
  if (fault.why.empty() || measured_.reasons.contains(fault.kind)) return;
  measured_.reasons.emplace(fault.kind, base::printable(fault.why, kReasonMax));
}

void Generator::give_back(Slot& slot, const Fault& fault) {
  note_reason(fault);
  slot.failures = fault.may_retry ? slot.failures + 1 : 0;
  if (options_.retries && fault.may_retry && !is_interrupted_) {
    slot.last_error = fault.kind;
    return rest(slot, Slot::State::kRetrying, std::max(fault.retry_after, backoff(slot)));
  }
  ++measured_.errors[std::string(fault.kind)];
  ++error_count_;
  end_request(slot);
  if (fault.is_of_connection) return rest(slot, Slot::State::kResting, backoff(slot));
  make_free(slot);
}

void Generator::end_request(Slot& slot) {
  slot.request = {};
  --in_hand_;
}

void Generator::make_free(Slot& slot) {
  const Nanos now = clock_.mono();
  if (phase_ != Phase::kRunning || is_over(now)) {
    slot.state = Slot::State::kRetired;
    return stop_if_done(now);
  }
  if (schedule_.is_closed_loop()) return start_request(slot, now);
  slot.state = Slot::State::kFree;
  slot.free_since = now;
  free_.push(slot);
  if (next_intended_ <= now) send_due();
}

void Generator::rest(Slot& slot, Slot::State state, Nanos delay) {
  slot.state = state;
  slot.deadline = clock_.mono() + delay;
}

// Returns a delay that doubles with every failure in a row. Half of it is random, so that the
// connections do not all come back at once.
Nanos Generator::backoff(const Slot& slot) {
  const unsigned doublings = std::clamp(slot.failures, 1U, 10U) - 1;
  const Nanos most = std::min(kBackoffMin * (1 << doublings), kBackoffMax);
  return most / 2 +
         Nanos(std::uniform_int_distribution<std::int64_t>(0, most.count() / 2)(jitter_));
}

bool Generator::is_over(Nanos now) const { return next_ >= planned_ || now >= backlog_until_; }

void Generator::sweep() {
  const Nanos now = clock_.mono();
  if (phase_ == Phase::kDone) return;
  for (Slot& slot : slots_) check(slot, now);
  if (phase_ == Phase::kRunning) {
    if (now >= end_) note_usage(now);
    if (now - published_at_ >= kPublishEvery) publish(now);
    stop_if_done(now);
  }
  loop_.at(now + sweep_every_, [this] { sweep(); });
}

void Generator::check(Slot& slot, Nanos now) {
  switch (slot.state) {
    case Slot::State::kBusy:
      if (now < std::min(slot.deadline, give_up_at_)) return;
      slot.connection.close();
      return give_back(slot, {.kind = is_interrupted_ ? "interrupted" : "timeout",
                              .why = is_interrupted_ ? "" : "no whole answer in time",
                              .may_retry = now < give_up_at_,
                              .is_of_connection = true});
    case Slot::State::kRetrying:
      if (now >= give_up_at_) return give_back(slot, {.kind = slot.last_error, .why = {}});
      if (now < slot.deadline) return;
      ++measured_.retries;
      return send(slot);
    case Slot::State::kResting:
      if (now >= slot.deadline) make_free(slot);
      return;
    case Slot::State::kOpening:
      if (now < slot.deadline) return;
      slot.connection.close();
      return on_failure(slot.connection, http::ClientConnection::Failure::kConnect,
                        "connecting: no answer");
    case Slot::State::kFree:
    case Slot::State::kRetired: return;
  }
}

void Generator::stop_if_done(Nanos now) {
  if (phase_ != Phase::kRunning || in_hand_ > 0 || !is_over(now)) return;
  phase_ = Phase::kDone;
  loop_.stop();
}

void Generator::interrupt() {
  is_interrupted_ = true;  // before begin(), so that no request is sent
  loop_.post([this] {
    if (phase_ == Phase::kOpening) return begin();
    if (phase_ == Phase::kRunning) stop_early(clock_.mono());
  });
}

void Generator::stop_early(Nanos now) {
  end_ = std::min(end_, now);
  planned_ = std::clamp(schedule_.due_within(now - start_), next_, planned_);
  backlog_until_ = std::min(backlog_until_, now);
  give_up_at_ = std::min(give_up_at_, now + kInterruptGrace);
}

void Generator::note_usage(Nanos now) {
  if (measured_.busy_share > 0 || now <= start_) return;
  const ThreadUsage usage = ThreadUsage::now();
  const auto share = [elapsed = now - start_](Nanos part) {
    return static_cast<double>(part.count()) / static_cast<double>(elapsed.count());
  };
  const Nanos ran = usage.ran - usage_at_start_.ran;
  measured_.cpu_share = share(ran);
  measured_.busy_share = share(ran + usage.waited - usage_at_start_.waited);
}

Measurements Generator::finish() {
  note_usage(clock_.mono());
  measured_.requests = static_cast<std::uint64_t>(next_);
  if (!schedule_.is_closed_loop() && planned_ > next_) {
    const auto unsent = static_cast<std::uint64_t>(planned_ - next_);
    measured_.requests += unsent;
    measured_.errors["unsent"] = unsent;
    error_count_ += unsent;
  }
  measured_.started = start_;
  measured_.ended = std::max(end_, last_accepted_);
  return std::move(measured_);
}

void Generator::publish(Nanos now) {
  // Do not block the loop: if the reader holds the lock, publish in the next sweep.
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;
  published_at_ = now;
  published_.sent = static_cast<std::uint64_t>(next_);
  published_.accepted_entries = measured_.accepted_entries;
  published_.errors = error_count_;
  published_.retries = measured_.retries;
  published_.waiting = 0;
  if (!schedule_.is_closed_loop()) {
    const std::int64_t due = std::min(planned_, schedule_.due_within(now - start_));
    published_.waiting = static_cast<std::uint64_t>(std::max<std::int64_t>(0, due - next_));
  }
  if (!spare_latency_) return;
  filled_latency_ = std::exchange(recent_latency_, std::move(spare_latency_));
}

Progress Generator::take_progress(base::Histogram& recent) {
  Progress progress;
  std::unique_ptr<base::Histogram> latency;
  {
    const std::scoped_lock lock(mutex_);
    progress = published_;
    latency = std::move(filled_latency_);
  }
  if (!latency) return progress;
  recent.merge(*latency);
  latency->clear();
  const std::scoped_lock lock(mutex_);
  spare_latency_ = std::move(latency);
  return progress;
}

}  // namespace estadio::load
