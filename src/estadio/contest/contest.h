// A contest: which faculties and disciplines take part and how its log is divided.
//
// Threads: immutable after construction; may be shared.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace estadio {

// Positions in Contest::faculties() and Contest::disciplines().
using FacultyIndex = std::uint8_t;
using DisciplineIndex = std::uint8_t;

struct Faculty {
  std::string name;                  // canonical: what is stored and shown, "Ingeniería"
  std::vector<std::string> aliases;  // "engineering"
  // For paths: name and aliases folded, with '-' for what is no ASCII letter or digit:
  // "ingenieria", "engineering". Only those that no faculty before it has, so there may be none.
  std::vector<std::string> slugs;
};

struct Discipline {
  std::int64_t id = 0;
  std::string name;
};

// Text without case, accents and other marks: "Ingeniería" gives "ingenieria". Two names are the
// same when they fold to the same. (Unicode case folding after compatibility decomposition.)
[[nodiscard]] std::string fold_name(std::string_view name);

class Contest {
 public:
  static constexpr std::size_t kFacultiesMax = 64;
  static constexpr std::size_t kDisciplinesMax = 64;
  static constexpr std::int64_t kDisciplineIdMax = 9999;
  static constexpr int kPartitionsMax = 256;
  static constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;

  // Ingeniería and Agronomía; Natación, Atletismo and Boxeo.
  [[nodiscard]] static Contest defaults();

  // Reads contest.toml; what it leaves out is as in defaults(). `name` is what errors call it.
  // Errors: kInvalidArgument with file, line and column, and what was expected.
  [[nodiscard]] static base::Result<Contest> from_toml(std::string_view text,
                                                       std::string_view name);
  [[nodiscard]] static base::Result<Contest> from_file(const std::string& path);

  // Whether a contest that has begun as `before` can go on as this one: what was logged and
  // counted keeps its meaning, and an outcome that could be foreseen is not taken any more.
  // Errors: kFailedPrecondition naming what changed.
  [[nodiscard]] base::Result<void> can_follow(const Contest& before, std::int64_t now_ms) const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<Faculty>& faculties() const { return faculties_; }
  [[nodiscard]] const std::vector<Discipline>& disciplines() const { return disciplines_; }
  // Of each topic.
  [[nodiscard]] int partitions() const { return partitions_; }
  // When entries end and the coin's seed is shown, in ms since 1970; nothing when left open.
  [[nodiscard]] std::optional<std::int64_t> closes_at_ms() const { return closes_at_ms_; }

  // By canonical name, alias, or either in another case or with other accents.
  [[nodiscard]] std::optional<FacultyIndex> find_faculty(std::string_view name) const;
  [[nodiscard]] std::optional<DisciplineIndex> find_discipline(std::int64_t id) const {
    if (id < 0 || id >= static_cast<std::int64_t>(by_id_.size()) ||
        by_id_[static_cast<std::size_t>(id)] < 0) {
      return std::nullopt;
    }
    return static_cast<DisciplineIndex>(by_id_[static_cast<std::size_t>(id)]);
  }

 private:
  struct Definition;
  struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  static base::Result<Contest> build(Definition definition);
  // `place` and `name_place` say where the file has them, for errors.
  base::Result<void> add(Faculty faculty, std::string_view place);
  base::Result<void> add(Discipline discipline, std::string_view place,
                         std::string_view name_place);

  std::string name_;
  std::vector<Faculty> faculties_;
  std::vector<Discipline> disciplines_;
  int partitions_ = 2;
  std::optional<std::int64_t> closes_at_ms_;
  // Spellings as configured and folded, to faculties.
  std::unordered_map<std::string, FacultyIndex, StringHash, std::equal_to<>> spellings_;
  std::set<std::string> slugs_;      // of all faculties
  std::vector<std::int16_t> by_id_;  // a discipline's id to its index, -1 where there is none
};

}  // namespace estadio
