// A contest's faculties and disciplines, the partitions of its log, and its end.
//
// Threads: a Contest is immutable after construction and may be shared.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"

namespace estadio {

// Indexes into Contest::faculties() and Contest::disciplines().
using FacultyIndex = std::uint8_t;
using DisciplineIndex = std::uint8_t;

struct Faculty {
  std::string name;                  // canonical, stored and shown: "Ingeniería"
  std::vector<std::string> aliases;  // "engineering"
  // The faculty's names in paths: "ingenieria", "engineering". These are name and aliases, folded,
  // with '-' for each byte that is not an ASCII letter or digit. A slug that is already taken, or
  // that is all '-', is left out. So there may be none.
  std::vector<std::string> slugs;
};

struct Discipline {
  std::int64_t id = 0;
  std::string name;
};

// The ids that clients may choose for their entries.
enum class GivenIds : std::uint8_t { kOfAnyVersion, kOfVersion7 };

// Removes case, accents and other marks: "Ingeniería" gives "ingenieria". Two names are the same
// when they fold to the same text. Uses Unicode case folding after compatibility decomposition.
// Text that is not UTF-8 is returned unchanged.
[[nodiscard]] std::string fold_name(std::string_view name);

class Contest {
 public:
  static constexpr std::size_t kFacultiesMax = 64;
  static constexpr std::size_t kDisciplinesMax = 64;
  static constexpr std::int64_t kDisciplineIdMax = 9999;
  static constexpr int kPartitionsMax = 256;
  static constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;

  // Faculties: Ingeniería and Agronomía. Disciplines: Natación, Atletismo and Boxeo.
  [[nodiscard]] static Contest defaults();

  // Reads contest.toml. Missing top-level keys have the values of defaults(). A faculty needs a
  // name, a discipline an id and a name. Error messages use `name` as the file's name.
  // Errors: kInvalidArgument with file, line, column and what was expected. from_file() also
  // returns the errors of reading the file.
  [[nodiscard]] static base::Result<Contest> from_toml(std::string_view text,
                                                       std::string_view name);
  [[nodiscard]] static base::Result<Contest> from_file(const std::string& path);

  // Checks that a contest that began as `before` can go on as this one. Logged and counted results
  // must keep their meaning. So given_ids() may change: it only decides what the edge refuses. Once
  // the seed was shown the contest cannot open again, because outcomes could be foreseen. Errors:
  // kFailedPrecondition, which names the change.
  [[nodiscard]] base::Result<void> can_follow(const Contest& before, std::int64_t now_ms) const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<Faculty>& faculties() const { return faculties_; }
  [[nodiscard]] const std::vector<Discipline>& disciplines() const { return disciplines_; }
  // The number of partitions of each topic.
  [[nodiscard]] int partitions() const { return partitions_; }
  // When the contest is over and the coin's seed is shown, in ms since 1970. Nothing when the
  // contest has no end.
  [[nodiscard]] std::optional<std::int64_t> closes_at_ms() const { return closes_at_ms_; }
  [[nodiscard]] GivenIds given_ids() const { return given_ids_; }

  // Returns why a client may not choose an id of this version, as a text for the client. Returns
  // nothing when it may.
  [[nodiscard]] std::optional<std::string> why_refused(const base::Uuid& id) const;

  // Finds a faculty by name or alias. Case and accents do not matter.
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
  // `place` and `name_place` are positions in the file, for errors.
  base::Result<void> add(Faculty faculty, std::string_view place);
  base::Result<void> add(Discipline discipline, std::string_view place,
                         std::string_view name_place);

  std::string name_;
  std::vector<Faculty> faculties_;
  std::vector<Discipline> disciplines_;
  int partitions_ = 2;
  std::optional<std::int64_t> closes_at_ms_;
  GivenIds given_ids_ = GivenIds::kOfAnyVersion;
  // From spellings, configured and folded, to faculties.
  std::unordered_map<std::string, FacultyIndex, StringHash, std::equal_to<>> spellings_;
  std::set<std::string> slugs_;      // of all faculties
  std::vector<std::int16_t> by_id_;  // a discipline's id to its index, -1 where there is none
};

}  // namespace estadio
