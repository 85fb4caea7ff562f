#include "base/log.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "base/json.h"
#include "base/printable.h"
#include "base/units.h"

namespace base {
namespace {

// Quotes text that is not plain, so that a client cannot forge log lines.
void append_plain(std::string& line, const std::string& text) {
  const bool plain = !text.empty() && text.find_first_of(" \"=\\") == std::string::npos;
  for (const char c : text) {
    if (!plain || static_cast<unsigned char>(c) < 0x20) {
      append_json_lossy(line, text);
      return;
    }
  }
  line += plain ? std::string_view(text) : "\"\"";
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "error";
}

LogField::LogField(std::string_view key, double value)
    : name(key),
      text(std::isfinite(value) ? fmt::format("{:.6g}", value) : "null"),
      is_number(true) {}

Logger::Logger(const Clock& clock, Options options)
    : clock_(clock), options_(options), writer_(options.fd, [this](std::uint64_t count) {
        return to_line(LogLevel::kWarning, fmt::format("{} log lines were dropped", count), {});
      }) {}

void Logger::write(LogLevel level, std::string_view message, Fields fields) {
  if (level < options_.level) return;
  writer_.write(to_line(level, message, fields));
}

std::string Logger::to_line(LogLevel level, std::string_view message, Fields fields) const {
  const std::string time = format_time(clock_.wall_ms());
  std::string line;
  if (options_.format == LogFormat::kJson) {
    line += R"({"time":")" + time + R"(","level":")";
    line += to_string(level);
    line += R"(","message":)";
    append_json_lossy(line, message);
    for (const auto& field : fields) {
      line += ',';
      append_json_string(line, field.name);
      line += ':';
      if (field.is_number) {
        line += field.text;
      } else {
        append_json_lossy(line, field.text);
      }
    }
    line += "}\n";
  } else {
    line += fmt::format("{} {:<7} ", std::string_view(time).substr(11, 12), to_string(level));
    if (std::ranges::any_of(message, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
      append_json_lossy(line, message);
    } else {
      line += message;
    }
    for (const auto& field : fields) {
      line += fmt::format("  {}=", field.name);
      append_plain(line, field.text);
    }
    line += '\n';
  }
  return escape_for_terminal(std::move(line));
}

void write_metrics(MetricsWriter& metrics, std::string_view program, const Logger& log) {
  metrics.counter(fmt::format("{}_log_lines_dropped_total", program),
                  "Lines of the process' own log that could not be written.", log.lost_lines());
}

}  // namespace base
