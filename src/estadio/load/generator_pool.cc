#include "estadio/load/generator_pool.h"

#include <utility>

#include "estadio/load/schedule.h"

namespace estadio::load {

GeneratorPool::GeneratorPool(const LoadOptions& options, const Dependencies& deps)
    : start_barrier_(options.threads, deps.clock) {
  for (std::int64_t i = 0; i < options.threads; ++i) add_worker(options, deps, i);
  running_ = workers_.size();
  for (auto& worker : workers_) {
    worker->thread = std::jthread([this, &worker = *worker] { run(worker); });
  }
}

void GeneratorPool::add_worker(const LoadOptions& options, const Dependencies& deps,
                               std::int64_t index) {
  // The answer to a batch has no ids. To write acks for its entries, the generator gives the ids.
  const bool gives_ids = options.retry || (deps.acks != nullptr && options.batch > 1);
  const RequestWriter::Options writing{.batch = options.batch,
                                       .gives_ids = gives_ids,
                                       .seed = deps.seed,
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
      .foreign = deps.acks == nullptr ? ForeignBody::kFits : ForeignBody::kIsWrong,
      .seed = deps.seed + static_cast<std::uint64_t>(index)};

  Worker& worker = *workers_.emplace_back(std::make_unique<Worker>());
  worker.writer.emplace(deps.entries, deps.target, writing, deps.clock);
  if (deps.acks != nullptr) worker.acks.emplace(*deps.acks, deps.clock);
  worker.generator.emplace(generating,
                           Generator::Dependencies{.peer = deps.peer,
                                                   .writer = *worker.writer,
                                                   .acks = worker.acks ? &*worker.acks : nullptr,
                                                   .answered_ids = answered_ids_,
                                                   .start_barrier = start_barrier_,
                                                   .clock = deps.clock});
}

void GeneratorPool::run(Worker& worker) {
  worker.result = worker.generator->run();
  {
    const std::scoped_lock lock(mutex_);
    --running_;
    has_failed_ |= !worker.result;
  }
  changed_.notify_all();
}

GeneratorPool::State GeneratorPool::wait(std::chrono::nanoseconds patience,
                                         const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, patience, [this] { return running_ == 0 || has_failed_; });
  if (has_failed_) return State::kFailed;
  return running_ == 0 ? State::kDone : State::kRunning;
}

void GeneratorPool::interrupt() {
  for (auto& worker : workers_) worker->generator->interrupt();
}

Progress GeneratorPool::take_progress(base::Histogram& recent) {
  Progress sum;
  for (auto& worker : workers_) {
    const Progress progress = worker->generator->take_progress(recent);
    sum.sent += progress.sent;
    sum.accepted_entries += progress.accepted_entries;
    sum.errors += progress.errors;
    sum.retries += progress.retries;
    sum.waiting += progress.waiting;
  }
  return sum;
}

base::Result<Measurements> GeneratorPool::join() {
  for (auto& worker : workers_) worker->thread.join();
  Measurements sum;
  for (auto& worker : workers_) {
    RETURN_IF_ERROR(worker->result);
    sum.merge(*worker->result);
  }
  return sum;
}

}  // namespace estadio::load
