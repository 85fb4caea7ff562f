#include "estadio/load/entries.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <unordered_map>

#include "base/check.h"
#include "base/json.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "estadio/load/json_reader.h"

namespace estadio::load {
namespace {

constexpr std::size_t kBadLinesNamed = 5;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;

base::Failure bad(std::string message) {
  return base::fail(base::Code::kInvalidArgument, std::move(message));
}

// Reads a regular file, a pipe or any other file that has an end.
base::Result<std::string> read_all(const std::string& path) {
  const auto failure = [&path] {
    return bad(base::Error::from_errno("reading " + path, errno).message());
  };
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return failure();
  std::string text;
  const auto expected = static_cast<std::size_t>(std::max<off_t>(0, status.st_size));
  text.reserve(std::min(expected, Entries::kFileBytesMax) + kReadBytes + JsonReader::kPadding);
  while (text.size() <= Entries::kFileBytesMax) {
    const std::size_t size = text.size();
    text.resize(size + kReadBytes);
    const ssize_t count = ::read(fd.get(), text.data() + size, kReadBytes);
    if (count < 0 && errno != EINTR) return failure();
    text.resize(size + static_cast<std::size_t>(std::max<ssize_t>(0, count)));
    if (count == 0) return text;
  }
  return bad(fmt::format("{} is larger than {}, the limit of a file", path,
                         base::format_bytes(Entries::kFileBytesMax)));
}

// Gives each different text of facts an index.
class FactsIndex {
 public:
  explicit FactsIndex(std::vector<std::string>& texts) : texts_(texts) {}

  std::uint32_t index_of(const std::string& text) {
    if (text.empty()) return 0;
    const auto known = known_.find(text);
    if (known != known_.end()) return known->second;
    if (texts_.size() > Entries::kFactsMax) return 0;
    const auto index = static_cast<std::uint32_t>(texts_.size());
    texts_.push_back(text);
    known_.emplace(text, index);
    return index;
  }

 private:
  std::vector<std::string>& texts_;
  std::unordered_map<std::string, std::uint32_t> known_;
};

std::string_view without_white_space(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t first = line.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

base::Result<Entries> Entries::from_file(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, read_all(path));
  return from_text(std::move(text), path);
}

base::Result<Entries> Entries::from_text(std::string text, std::string_view name) {
  Entries entries(std::move(text), Order::kInTurn);
  RETURN_IF_ERROR(entries.index_lines(name));
  return entries;
}

Entries Entries::of_contest(const std::vector<std::string>& faculties,
                            const std::vector<std::int64_t>& disciplines) {
  CHECK(!faculties.empty() && !disciplines.empty());
  std::string text;
  for (const std::string& faculty : faculties) {
    for (const std::int64_t discipline : disciplines) {
      text += R"({"faculty":)";
      base::append_json_string(text, faculty);
      text += R"(,"discipline":)";
      base::append_json_number(text, discipline);
      text += "}\n";
    }
  }
  Entries entries(std::move(text), Order::kAtRandom);
  CHECK(entries.index_lines("contest"));
  return entries;
}

base::Result<void> Entries::index_lines(std::string_view name) {
  const std::size_t size = text_.size();
  text_.resize(size + JsonReader::kPadding);
  const std::string_view text(text_.data(), size);

  JsonReader reader;
  FactsIndex facts_index(facts_);
  std::string bad_lines;
  std::size_t bad_count = 0;
  std::size_t number = 0;
  for (std::size_t at = 0; at < size;) {
    const std::size_t end = std::min(text.find('\n', at), size);
    const std::string_view line = without_white_space(text.substr(at, end - at));
    at = end + 1;
    ++number;
    if (line.empty()) continue;
    if (lines_.size() == kEntriesMax) {
      return bad(fmt::format("{} has more than {} entries", name, kEntriesMax));
    }
    auto facts = line.size() > kEntryBytesMax
                     ? bad("longer than " + base::format_bytes(kEntryBytesMax))
                     : reader.read_entry(line);
    if (!facts) {
      if (++bad_count <= kBadLinesNamed) {
        bad_lines += fmt::format("{}line {}: {}", bad_count == 1 ? "" : "; ", number,
                                 facts.error().message());
      }
      continue;
    }
    const auto offset = [&](std::string_view part) {
      return static_cast<std::uint32_t>(part.data() - text.data());
    };
    lines_.push_back({.at = offset(line),
                      .size = static_cast<std::uint32_t>(line.size()) & 0x7FFF'FFFF,
                      .has_id = facts->has_id,
                      .id_at = facts->id.empty() ? kNoId : offset(facts->id),
                      .facts = facts_index.index_of(facts->facts)});
    longest_bytes_ = std::max(longest_bytes_, line.size());
  }
  if (bad_count > kBadLinesNamed) {
    bad_lines += fmt::format("; and {} more", bad_count - kBadLinesNamed);
  }
  if (bad_count > 0) return bad(fmt::format("{}: {}", name, bad_lines));
  if (lines_.empty()) return bad(fmt::format("{} has no entries", name));
  return {};
}

}  // namespace estadio::load
