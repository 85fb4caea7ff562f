// Structured logs: one line per event, as text for people or JSON for machines.
// Lines are those of escape_for_terminal().
//
//   log.info("serving", {{"address", address}, {"threads", 2}});
//   {"time":"2026-11-23T15:04:05.678Z","level":"info","message":"serving","address":"127.0.0.1:8080","threads":2}
//   15:04:05.678 info    serving  address=127.0.0.1:8080  threads=2
//
// A call never waits for the log's reader: a thread of the logger writes the lines (LineWriter has
// the bound). Lines that could not be written are counted, and one line tells about them later.
//
// Threads: a Logger may be used from any thread. It writes whole lines.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/line_writer.h"
#include "base/metrics_writer.h"
#include "base/result.h"

namespace base {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

[[nodiscard]] std::string_view to_string(LogLevel level);

// One named value of a log line.
struct LogField {
  LogField(std::string_view key, std::string_view value)
      : name(key), text(value), is_number(false) {}
  LogField(std::string_view key, const char* value) : LogField(key, std::string_view(value)) {}
  LogField(std::string_view key, const std::string& value)
      : LogField(key, std::string_view(value)) {}
  LogField(std::string_view key, const Error& error) : LogField(key, error.message()) {}
  template <class Number>
    requires std::integral<Number>
  LogField(std::string_view key, Number value)
      : name(key), text(std::to_string(value)), is_number(true) {}
  LogField(std::string_view key, double value);

  std::string_view name;
  std::string text;
  bool is_number;
};

class Logger {
 public:
  struct Options {
    LogLevel level = LogLevel::kInfo;
    LogFormat format = LogFormat::kText;
    int fd = 2;
  };

  // REQUIRES: `clock` and `options.fd` outlive the logger.
  Logger(const Clock& clock, Options options);

  // Waits until the lines are written, at most LineWriter::kPatience. Returns false when some are
  // not. Call it before another writer uses the same descriptor, so that the order is kept.
  bool flush() { return writer_.flush(); }
  // Lines that were not written: the queue was full, or the system refused them.
  [[nodiscard]] std::uint64_t lost_lines() const { return writer_.lost_lines(); }

  using Fields = std::initializer_list<LogField>;
  void debug(std::string_view message, Fields fields = {}) {
    write(LogLevel::kDebug, message, fields);
  }
  void info(std::string_view message, Fields fields = {}) {
    write(LogLevel::kInfo, message, fields);
  }
  void warning(std::string_view message, Fields fields = {}) {
    write(LogLevel::kWarning, message, fields);
  }
  void error(std::string_view message, Fields fields = {}) {
    write(LogLevel::kError, message, fields);
  }

 private:
  void write(LogLevel level, std::string_view message, Fields fields);
  [[nodiscard]] std::string to_line(LogLevel level, std::string_view message, Fields fields) const;

  const Clock& clock_;
  const Options options_;
  LineWriter writer_;  // last: its thread uses the others
};

// The names begin with `program`, as in "estadio_log_lines_dropped_total".
void write_metrics(MetricsWriter& metrics, std::string_view program, const Logger& log);

}  // namespace base
