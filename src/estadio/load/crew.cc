#include "estadio/load/crew.h"

#include <utility>

#include "estadio/load/schedule.h"

namespace estadio::load {

Crew::Crew(const LoadOptions& options, const Parts& parts)
    : start_line_(options.threads, parts.clock) {
  for (std::int64_t i = 0; i < options.threads; ++i) add_member(options, parts, i);
  running_ = members_.size();
  for (auto& member : members_) {
    member->thread = std::jthread([this, &member = *member] { run(member); });
  }
}

void Crew::add_member(const LoadOptions& options, const Parts& parts, std::int64_t index) {
  // The answer to a batch has no ids: to acknowledge its entries, they must be ours.
  const bool gives_ids = options.retry || (parts.acks != nullptr && options.batch > 1);
  const RequestWriter::Options writing{.batch = options.batch,
                                       .gives_ids = gives_ids,
                                       .seed = parts.seed,
                                       .thread = index,
                                       .threads = options.threads};
  const bool has_spare = index < options.connections % options.threads;
  const Generator::Options generating{
      .schedule = {.rate = options.rate,
                   .batch = options.batch,
                   .duration = options.duration,
                   .thread = index,
                   .threads = options.threads},
      .connections = options.connections / options.threads + (has_spare ? 1 : 0),
      .timeout = options.timeout,
      .retries = options.retry,
      .retry_for = options.retry_for,
      .reads_answers = gives_ids || parts.acks != nullptr || parts.entries.have_ids(),
      .seed = parts.seed + static_cast<std::uint64_t>(index)};

  Member& member = *members_.emplace_back(std::make_unique<Member>());
  member.writer.emplace(parts.entries, parts.target, writing, parts.clock);
  if (parts.acks != nullptr) member.acks.emplace(*parts.acks);
  member.generator.emplace(generating,
                           Generator::Parts{.peer = parts.peer,
                                            .writer = *member.writer,
                                            .acks = member.acks ? &*member.acks : nullptr,
                                            .start_line = start_line_,
                                            .clock = parts.clock});
}

void Crew::run(Member& member) {
  member.result = member.generator->run();
  {
    const std::scoped_lock lock(mutex_);
    --running_;
    has_failed_ |= !member.result;
  }
  changed_.notify_all();
}

Crew::State Crew::wait(std::chrono::nanoseconds patience, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, patience, [this] { return running_ == 0 || has_failed_; });
  if (has_failed_) return State::kFailed;
  return running_ == 0 ? State::kDone : State::kRunning;
}

void Crew::interrupt() {
  for (auto& member : members_) member->generator->interrupt();
}

Progress Crew::take_progress(base::Histogram& recent) {
  Progress sum;
  for (auto& member : members_) {
    const Progress progress = member->generator->take_progress(recent);
    sum.sent += progress.sent;
    sum.accepted_entries += progress.accepted_entries;
    sum.errors += progress.errors;
    sum.retries += progress.retries;
    sum.waiting += progress.waiting;
  }
  return sum;
}

base::Result<Measurements> Crew::join() {
  for (auto& member : members_) member->thread.join();
  Measurements sum;
  for (auto& member : members_) {
    RETURN_IF_ERROR(member->result);
    sum.merge(*member->result);
  }
  return sum;
}

}  // namespace estadio::load
