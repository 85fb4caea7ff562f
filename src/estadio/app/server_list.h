// Settings that list names with commas between them.
//
// Threads: functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace estadio {

// Splits "a,b" into a and b.
[[nodiscard]] std::vector<std::string> split_list(std::string_view list);

// Checks that `list` names servers, as in "kafka-0:9092,[::1]:9092". Errors: kInvalidArgument,
// naming the setting.
[[nodiscard]] base::Result<void> check_servers(std::string_view setting, std::string_view list);

}  // namespace estadio
