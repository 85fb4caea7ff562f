// Shows the progress of a run: on a terminal one line, rewritten each second; else a line of the
// log every five seconds.
//
//    3 s of 10s  10,001/s  p99 0.412 ms  accepted 30,012  errors 0
//
// Threads: belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/log.h"
#include "estadio/load/generator.h"

namespace estadio::load {

class ProgressLine {
 public:
  struct Options {
    std::chrono::nanoseconds duration{};  // the whole run's
    int fd = 2;                           // used only when it is a terminal
  };

  // `clock` and `log` must outlive the line. The run's time starts now.
  ProgressLine(const Options& options, const base::Clock& clock, base::Logger& log);
  // Clears the line on a terminal.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // The time between two calls of show().
  [[nodiscard]] std::chrono::seconds interval() const;

  // Shows the progress. `recent` holds the latencies since the last call.
  void show(const Progress& progress, const base::Histogram& recent);

 private:
  void write(std::string_view text) const;

  const Options options_;
  const base::Clock& clock_;
  base::Logger& log_;
  const bool is_terminal_;
  const base::Nanos started_;
  base::Nanos reported_at_;
  std::uint64_t accepted_ = 0;
};

}  // namespace estadio::load
