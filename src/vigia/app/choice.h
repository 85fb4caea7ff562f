// A setting that takes one of a few words.
//
// Threads: none; used at the start of a process.
#pragma once

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/settings.h"

namespace vigia {

// `target` and `choices` are used as long as the settings are.
template <class Value>
void add_choice(base::Settings& settings, std::string name, Value& target,
                const std::map<std::string_view, Value>& choices, std::string help) {
  std::string words;
  for (const auto& [word, value] : choices) words += (words.empty() ? "" : "|") + std::string(word);
  settings.add_parsed(
      std::move(name), words, std::move(help),
      [&target, &choices, words](std::string_view text) -> base::Result<void> {
        const auto chosen = choices.find(text);
        if (chosen == choices.end()) {
          return base::fail(base::Code::kInvalidArgument,
                            fmt::format("expected one of {}, got '{}'", words, text));
        }
        target = chosen->second;
        return {};
      },
      [&target, &choices] {
        return std::string(std::ranges::find_if(choices, [&](const auto& each) {
                             return each.second == target;
                           })->first);
      });
}

}  // namespace vigia
