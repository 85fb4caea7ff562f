// The figures of a run, and its report as text for people and as JSON for programs.
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/histogram.h"

namespace estadio::load {

// The kind of error of an answer that does not fit what was sent (answer_check.h).
inline constexpr std::string_view kWrongAnswer = "answer";

// The figures of one thread, or of several merged. Each due request is either accepted with 2xx or
// one error: requests = accepted requests + the sum of errors.
struct Measurements {
  std::uint64_t requests = 0;          // due requests
  std::uint64_t answered = 0;          // HTTP answers with any status, retries' too
  std::uint64_t accepted_entries = 0;  // entries of the accepted requests
  std::uint64_t repeated_entries = 0;  // of these, entries that the server already knew
  std::uint64_t retries = 0;           // times that a request was sent again
  // "http_503", "connect", "reset", "timeout", "malformed", "tls", "answer", "unsent",
  // "interrupted".
  std::map<std::string, std::uint64_t, std::less<>> errors;
  // The first reason of an error by its kind, also of one that was retried. Not every kind has one.
  // No reason has a character that steers a terminal.
  std::map<std::string, std::string, std::less<>> reasons;

  // Durations of the accepted requests.
  base::Histogram latency;  // from the intended time to the answer
  base::Histogram service;  // from the last sending to the answer
  // The delay of each sending, after the request was due and a connection was free. Open loop only.
  base::Histogram late;

  base::Nanos started{};  // on the clock's mono()
  base::Nanos ended{};    // no request was due or accepted after it
  // The busiest thread's shares, 0 to 1, of the time in which requests fell due. cpu_share: on a
  // processor. busy_share: on a processor or waiting for one.
  double cpu_share = 0;
  double busy_share = 0;

  void merge(const Measurements& other);
};

struct Report {
  // The generator itself may be the limit in two cases. One send in a hundred, and more than
  // kLateSendsMax, was later than kLateMax. Or a thread's busy_share exceeded kBusyShareMax.
  static constexpr std::chrono::nanoseconds kLateMax = std::chrono::milliseconds(1);
  static constexpr std::uint64_t kLateSendsMax = 10;
  static constexpr double kBusyShareMax = 0.95;

  // The run's options.
  std::string url;
  std::optional<std::int64_t> rate;  // entries a second; none: as fast as answers come
  std::int64_t batch = 1;            // entries a request
  std::int64_t connections = 0;
  std::int64_t threads = 1;
  std::int64_t seed = 0;
  bool has_retries = false;
  bool was_interrupted = false;

  Measurements measured;

  [[nodiscard]] std::uint64_t entries() const;
  [[nodiscard]] double duration_seconds() const;
  // Accepted entries a second.
  [[nodiscard]] double rate_reached() const;
  [[nodiscard]] std::uint64_t error_count() const;
  // Returns what was wrong with the answers that did not fit; empty when all did.
  [[nodiscard]] std::string wrong_answers() const;
  // Returns why the generator itself was the limit; empty when it was not.
  [[nodiscard]] std::string saturation() const;
};

// Returns lines for a terminal.
[[nodiscard]] std::string to_text(const Report& report);

// {"requests":n,"entries":n,"accepted":n,"rate":n,"duration_s":n,"errors":{"timeout":n},
//  "reasons":{"timeout":"..."},
//  "latency_ms":{"p50":n,"p90":n,"p99":n,"p999":n,"max":n,"mean":n},"service_ms":{...},
//  "retries":n,"repeated":n,"generator":{"saturated":b,"late_ms_p99":n,"late_ms_max":n,
//  "cpu_share":n,"busy_share":n},"interrupted":b,"asked":{"url":"...","rate":n or "max","batch":n,
//  "connections":n,"threads":n,"seed":n}} on one line.
[[nodiscard]] std::string to_json(const Report& report);

// Returns a whole number with commas: 1,234,567.
[[nodiscard]] std::string with_commas(std::uint64_t number);

}  // namespace estadio::load
