// What a score book stores, value by value, under the names by which people find the values. Verify
// and repair compare it with what the book should store.
//
// Threads: values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "estadio/contest/score_book.h"

namespace estadio {

// "{estadio}:by_faculty, field Ingeniería" -> "20".
using StoredValues = std::map<std::string, std::string>;

struct StoredBook {
  StoredValues values;
  // Those that a score book wrote. A foreign value is in `values` alone.
  std::vector<Score::Position> positions;
};

struct ValueChange {
  std::string name;
  std::optional<std::string> stored;  // nothing: the value is missing
  std::optional<std::string> wanted;  // nothing: the value does not belong into the book

  friend bool operator==(const ValueChange&, const ValueChange&) = default;
};

// Returns what must change so that `stored` becomes `wanted`, by name.
[[nodiscard]] inline std::vector<ValueChange> changes_between(const StoredValues& stored,
                                                              const StoredValues& wanted) {
  std::vector<ValueChange> changes;
  const auto find = [](const StoredValues& values, const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
  StoredValues all = stored;
  all.insert(wanted.begin(), wanted.end());
  for (const auto& [name, value] : all) {
    ValueChange change{.name = name, .stored = find(stored, name), .wanted = find(wanted, name)};
    if (change.stored != change.wanted) changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace estadio
