#include "service/log_settings.h"

namespace service {

void add_log_settings(base::Settings& settings, base::Logger::Options& options) {
  settings.add_choice("log-level", options.level,
                      {{"debug", base::LogLevel::kDebug},
                       {"info", base::LogLevel::kInfo},
                       {"warning", base::LogLevel::kWarning},
                       {"error", base::LogLevel::kError}},
                      "lowest level that is logged");
  settings.add_choice("log-format", options.format,
                      {{"text", base::LogFormat::kText}, {"json", base::LogFormat::kJson}},
                      "format of a log line");
}

}  // namespace service
