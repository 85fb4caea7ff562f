// The generators of a run. Each worker has a generator, a thread, a RequestWriter and an AckWriter.
//
// Threads: belongs to the thread that made it. It starts the workers' threads; join() joins them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/result.h"
#include "estadio/load/acks.h"
#include "estadio/load/answered_ids.h"
#include "estadio/load/entries.h"
#include "estadio/load/generator.h"
#include "estadio/load/options.h"
#include "estadio/load/report.h"
#include "estadio/load/request_writer.h"
#include "estadio/load/target.h"
#include "http/client_connection.h"

namespace estadio::load {

class GeneratorPool {
 public:
  // Objects that the generators share. They must outlive the pool.
  struct Dependencies {
    const Entries& entries;
    const Target& target;
    const http::ClientConnection::Peer& peer;
    AckFile* acks = nullptr;  // none when null
    const base::Clock& clock;
    std::uint64_t seed = 0;
  };

  // Starts the workers. REQUIRES: `options` passed check_load_options().
  GeneratorPool(const LoadOptions& options, const Dependencies& deps);

  enum class State { kRunning, kFailed, kDone };
  // Waits until all generators ended, one failed, `patience` passed, or `stop` was requested.
  State wait(std::chrono::nanoseconds patience, const std::stop_token& stop);

  // Ends the run early. join() returns the figures so far.
  void interrupt();

  // Returns the sum over all generators. Adds their latest latencies to `recent`.
  [[nodiscard]] Progress take_progress(base::Histogram& recent);

  // Waits until all generators ended. Returns their merged figures. Call once.
  // Errors: that of the first generator, by index, that failed.
  [[nodiscard]] base::Result<Measurements> join();

 private:
  struct Worker {
    std::optional<RequestWriter> writer;
    std::optional<AckWriter> acks;
    std::optional<Generator> generator;
    base::Result<Measurements> result;
    std::jthread thread;  // last: joined before the other members are destroyed
  };

  void add_worker(const LoadOptions& options, const Dependencies& deps, std::int64_t index);
  void run(Worker& worker);

  AnsweredIds answered_ids_;
  StartBarrier start_barrier_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::size_t running_ = 0;                       // guarded by mutex_
  bool has_failed_ = false;                       // guarded by mutex_
  std::vector<std::unique_ptr<Worker>> workers_;  // last: their threads use the rest
};

}  // namespace estadio::load
