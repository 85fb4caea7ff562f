#include "estadio/contest/contest.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <toml++/toml.h>
#include <utf8proc.h>

#include "base/check.h"
#include "base/files.h"

namespace estadio {
namespace {

constexpr std::size_t kNameBytesMax = 100;

// The position of a node: "contest.toml:12:8".
std::string place_of(std::string_view file, const toml::node& node) {
  const auto& at = node.source().begin;
  return fmt::format("{}:{}:{}", file, at.line, at.column);
}

base::Failure refuse(std::string_view place, std::string_view what) {
  return base::fail(base::Code::kInvalidArgument, fmt::format("{}: {}", place, what));
}

base::Failure refuse(std::string_view file, const toml::node& node, std::string_view what) {
  return refuse(place_of(file, node), what);
}

std::string slug_of(std::string_view name) {
  std::string slug = fold_name(name);
  std::ranges::replace_if(
      slug,
      [](char c) {
        const bool keeps = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        return !keeps;
      },
      '-');
  return slug;
}

std::int64_t ms_since_epoch(const toml::date_time& when) {
  using namespace std::chrono;
  const sys_days day =
      year(when.date.year) / month(when.date.month) / std::chrono::day(when.date.day);
  const milliseconds time = hours(when.time.hour) + minutes(when.time.minute) +
                            seconds(when.time.second) +
                            milliseconds(when.time.nanosecond / 1'000'000) -
                            minutes(when.offset ? when.offset->minutes : 0);
  return (day.time_since_epoch() + time).count();
}

// Reads one table.
class TableReader {
 public:
  TableReader(std::string_view file, const toml::table& table) : file_(file), table_(table) {}

  base::Result<void> only(std::initializer_list<std::string_view> known) const {
    for (const auto& [key, node] : table_) {
      if (std::ranges::count(known, key.str()) == 0) {
        std::string names;
        for (const auto name : known) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
        return refuse(file_, node,
                      fmt::format("unknown key '{}'; known here are {}", key.str(), names));
      }
    }
    return {};
  }

  base::Result<std::string> name(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return refuse(file_, table_, fmt::format("'{}' is missing", key));
    return as_name(*node, key);
  }

  base::Result<std::string> as_name(const toml::node& node, std::string_view key) const {
    const auto* text = node.as_string();
    if (text == nullptr || text->get().empty() || text->get().size() > kNameBytesMax ||
        std::ranges::any_of(text->get(),
                            [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
      return refuse(file_, node,
                    fmt::format("{}: expected a text of 1 to {} bytes", key, kNameBytesMax));
    }
    return text->get();
  }

  base::Result<std::int64_t> integer(std::string_view key, std::int64_t least,
                                     std::int64_t most) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return refuse(file_, table_, fmt::format("'{}' is missing", key));
    const auto* number = node->as_integer();
    if (number == nullptr || number->get() < least || number->get() > most) {
      return refuse(file_, *node,
                    fmt::format("{}: expected a whole number from {} to {}", key, least, most));
    }
    return number->get();
  }

  [[nodiscard]] std::string_view file() const { return file_; }
  [[nodiscard]] std::string place(std::string_view key) const {
    return place_of(file_, *table_.get(key));
  }
  [[nodiscard]] const toml::node* get(std::string_view key) const { return table_.get(key); }

 private:
  std::string_view file_;
  const toml::table& table_;
};

// A faculty or discipline with its positions in the file, for errors that are found later.
template <class Item>
struct Placed {
  Item item;
  std::string place;       // of a faculty's name, or of a discipline's id
  std::string name_place;  // of the name
};

base::Result<Placed<Faculty>> read_faculty(const TableReader& table) {
  RETURN_IF_ERROR(table.only({"name", "aliases"}));
  Faculty faculty;
  ASSIGN_OR_RETURN(faculty.name, table.name("name"));
  if (const toml::node* aliases = table.get("aliases")) {
    if (!aliases->is_array()) {
      return refuse(table.file(), *aliases, "aliases: expected an array of texts");
    }
    for (const toml::node& alias : *aliases->as_array()) {
      ASSIGN_OR_RETURN(auto text, table.as_name(alias, "aliases"));
      faculty.aliases.push_back(std::move(text));
    }
  }
  return Placed<Faculty>{
      .item = std::move(faculty), .place = table.place("name"), .name_place = table.place("name")};
}

base::Result<Placed<Discipline>> read_discipline(const TableReader& table) {
  RETURN_IF_ERROR(table.only({"id", "name"}));
  Discipline discipline;
  ASSIGN_OR_RETURN(discipline.id, table.integer("id", 0, Contest::kDisciplineIdMax));
  ASSIGN_OR_RETURN(discipline.name, table.name("name"));
  return Placed<Discipline>{
      .item = std::move(discipline), .place = table.place("id"), .name_place = table.place("name")};
}

base::Result<GivenIds> read_given_ids(std::string_view file, const toml::node& ids) {
  const std::string text = ids.value_or(std::string());
  if (text == "any") return GivenIds::kOfAnyVersion;
  if (text == "v7") return GivenIds::kOfVersion7;
  return refuse(file, ids, "ids: expected \"any\" or \"v7\"");
}

// Reads the tables of `[[key]]`. Returns an empty vector when the file has none.
template <class Item, class Read>
base::Result<std::vector<Placed<Item>>> read_tables(const TableReader& file, std::string_view key,
                                                    Read read) {
  std::vector<Placed<Item>> items;
  const toml::node* node = file.get(key);
  if (node == nullptr) return items;
  if (!node->is_array_of_tables()) {
    return refuse(file.file(), *node, fmt::format("{0}: expected tables, each under [[{0}]]", key));
  }
  for (const toml::node& table : *node->as_array()) {
    ASSIGN_OR_RETURN(auto item, read(TableReader(file.file(), *table.as_table())));
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace

struct Contest::Definition {
  std::string name = "Olimpiadas";
  int partitions = 2;
  std::optional<std::int64_t> closes_at_ms;
  GivenIds given_ids = GivenIds::kOfAnyVersion;
  std::vector<Placed<Faculty>> faculties;
  std::vector<Placed<Discipline>> disciplines;
};

std::string fold_name(std::string_view name) {
  utf8proc_uint8_t* folded = nullptr;
  const auto size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(name.data()),
      static_cast<utf8proc_ssize_t>(name.size()), &folded,
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT |
                                     UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD));
  if (size < 0) return std::string(name);  // not UTF-8: equal only to itself
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(folded, &std::free);
  return {reinterpret_cast<const char*>(folded), static_cast<std::size_t>(size)};
}

Contest Contest::defaults() {
  auto contest = build({});
  CHECK(contest.has_value());
  return *std::move(contest);
}

base::Result<Contest> Contest::build(Definition definition) {
  if (definition.faculties.empty()) {
    definition.faculties = {
        {.item = {.name = "Ingeniería", .aliases = {"engineering"}, .slugs = {}},
         .place = {},
         .name_place = {}},
        {.item = {.name = "Agronomía", .aliases = {"agronomy"}, .slugs = {}},
         .place = {},
         .name_place = {}}};
  }
  if (definition.disciplines.empty()) {
    definition.disciplines = {
        {.item = {.id = 1, .name = "Natación"}, .place = {}, .name_place = {}},
        {.item = {.id = 2, .name = "Atletismo"}, .place = {}, .name_place = {}},
        {.item = {.id = 3, .name = "Boxeo"}, .place = {}, .name_place = {}}};
  }
  if (definition.faculties.size() > kFacultiesMax) {
    return refuse(definition.faculties[kFacultiesMax].place,
                  fmt::format("faculty: expected at most {}", kFacultiesMax));
  }
  if (definition.disciplines.size() > kDisciplinesMax) {
    return refuse(definition.disciplines[kDisciplinesMax].place,
                  fmt::format("discipline: expected at most {}", kDisciplinesMax));
  }
  Contest contest;
  contest.name_ = std::move(definition.name);
  contest.partitions_ = definition.partitions;
  contest.closes_at_ms_ = definition.closes_at_ms;
  contest.given_ids_ = definition.given_ids;
  for (auto& [faculty, place, name_place] : definition.faculties) {
    RETURN_IF_ERROR(contest.add(std::move(faculty), place));
  }
  for (auto& [discipline, place, name_place] : definition.disciplines) {
    RETURN_IF_ERROR(contest.add(std::move(discipline), place, name_place));
  }
  return contest;
}

base::Result<void> Contest::add(Faculty faculty, std::string_view place) {
  const auto index = static_cast<FacultyIndex>(faculties_.size());
  std::vector<std::string> names = {faculty.name};
  names.insert(names.end(), faculty.aliases.begin(), faculty.aliases.end());
  for (const std::string& name : names) {
    const auto [taken, is_new] = spellings_.emplace(fold_name(name), index);
    if (!is_new && taken->second != index) {
      return refuse(
          place,
          fmt::format(
              "name: '{}' is also {}: expected names that differ in more than case and accents",
              name, faculties_[taken->second].name));
    }
    spellings_.emplace(name, index);
    const std::string slug = slug_of(name);
    const bool is_path = std::ranges::any_of(slug, [](char c) { return c != '-'; });
    if (is_path && slugs_.insert(slug).second) faculty.slugs.push_back(slug);
  }
  faculties_.push_back(std::move(faculty));
  return {};
}

base::Result<void> Contest::add(Discipline discipline, std::string_view place,
                                std::string_view name_place) {
  const auto id = static_cast<std::size_t>(discipline.id);
  if (id >= by_id_.size()) by_id_.resize(id + 1, -1);
  if (by_id_[id] >= 0) {
    return refuse(place, fmt::format("id: {} is taken: expected another number", id));
  }
  if (std::ranges::count(disciplines_, discipline.name, &Discipline::name) > 0) {
    return refuse(name_place,
                  fmt::format("name: '{}' is taken: expected another name", discipline.name));
  }
  by_id_[id] = static_cast<std::int16_t>(disciplines_.size());
  disciplines_.push_back(std::move(discipline));
  return {};
}

base::Result<Contest> Contest::from_toml(std::string_view text, std::string_view name) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("{}:{}:{}: {}", name, at.line, at.column, error.description()));
  }
  const TableReader file(name, root);
  RETURN_IF_ERROR(file.only({"name", "partitions", "closes_at", "ids", "faculty", "discipline"}));
  Definition definition;
  if (file.get("name") != nullptr) {
    ASSIGN_OR_RETURN(definition.name, file.name("name"));
  }
  if (file.get("partitions") != nullptr) {
    ASSIGN_OR_RETURN(const auto partitions, file.integer("partitions", 1, kPartitionsMax));
    definition.partitions = static_cast<int>(partitions);
  }
  if (const toml::node* closes_at = file.get("closes_at")) {
    const auto* when = closes_at->as_date_time();
    if (when == nullptr || !when->get().offset) {
      return refuse(name, *closes_at,
                    "closes_at: expected a time with its offset, such as 2026-12-01T18:00:00Z");
    }
    definition.closes_at_ms = ms_since_epoch(when->get());
  }
  if (const toml::node* ids = file.get("ids")) {
    ASSIGN_OR_RETURN(definition.given_ids, read_given_ids(name, *ids));
  }
  ASSIGN_OR_RETURN(definition.faculties, read_tables<Faculty>(file, "faculty", read_faculty));
  ASSIGN_OR_RETURN(definition.disciplines,
                   read_tables<Discipline>(file, "discipline", read_discipline));
  return build(std::move(definition));
}

base::Result<Contest> Contest::from_file(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, base::read_file(path, kFileBytesMax));
  return from_toml(text, path);
}

base::Result<void> Contest::can_follow(const Contest& before, std::int64_t now_ms) const {
  const auto refuse = [](std::string message) {
    return base::fail(base::Code::kFailedPrecondition, std::move(message));
  };
  if (partitions_ != before.partitions_) {
    return refuse(
        fmt::format("the contest began with {} partitions and cannot continue with {}: ids would "
                    "get other partitions",
                    before.partitions_, partitions_));
  }
  for (const Faculty& faculty : before.faculties_) {
    if (std::ranges::find(faculties_, faculty.name, &Faculty::name) == faculties_.end()) {
      return refuse(
          fmt::format("the contest began with the faculty '{}', which is missing: a faculty can be "
                      "added or get aliases, but not be removed or renamed",
                      faculty.name));
    }
  }
  for (const Discipline& discipline : before.disciplines_) {
    if (!find_discipline(discipline.id)) {
      return refuse(
          fmt::format("the contest began with the discipline {} ({}), which is missing: a "
                      "discipline can be added, but not be removed",
                      discipline.id, discipline.name));
    }
  }
  const bool is_over = before.closes_at_ms_ && now_ms >= *before.closes_at_ms_;
  if (is_over && closes_at_ms_ != before.closes_at_ms_) {
    return refuse("the contest is over and its coin's seed was shown: it cannot be opened again");
  }
  return {};
}

std::optional<std::string> Contest::why_refused(const base::Uuid& id) const {
  if (given_ids_ == GivenIds::kOfAnyVersion || id.version() == 7) return std::nullopt;
  return fmt::format(
      "expected an id of version 7 (RFC 9562), got version {}: take one from uuid.uuid7() of "
      "Python 3.14 or from uuidgen --time-v7 of util-linux 2.41, or make one: 48 bits of ms since "
      "1970, then 0111, 12 random bits, 10 and 62 random bits",
      id.version());
}

std::optional<FacultyIndex> Contest::find_faculty(std::string_view name) const {
  if (const auto found = spellings_.find(name); found != spellings_.end()) return found->second;
  if (name.size() > 4 * kNameBytesMax) return std::nullopt;
  if (const auto found = spellings_.find(fold_name(name)); found != spellings_.end()) {
    return found->second;
  }
  return std::nullopt;
}

}  // namespace estadio
