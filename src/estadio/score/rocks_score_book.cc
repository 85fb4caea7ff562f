#include "estadio/score/rocks_score_book.h"

#include <cstring>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <optional>
#include <utility>

#include "base/files.h"
#include "base/units.h"
#include "estadio/score/score_encoding.h"

namespace estadio {
namespace {

using Values = std::map<std::string, std::int64_t>;

constexpr std::string_view kCount = "count/";
constexpr std::string_view kPosition = "position/";
constexpr std::string_view kRepeated = "not_counted/repeated";
constexpr std::string_view kNotInTime = "not_counted/not_in_time";

std::string count_key(std::int64_t discipline_id, Outcome outcome, std::string_view faculty) {
  return fmt::format("{}{}/{}/{}", kCount, discipline_id, to_string(outcome), faculty);
}

std::string position_key(PartitionId partition, const base::Uuid& incarnation) {
  return fmt::format("{}{}/{}/{}", kPosition, topic_name(partition.topic), partition.number,
                     incarnation.to_string());
}

std::string encode(std::int64_t value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

base::Error from_rocksdb(std::string_view what, const rocksdb::Status& status) {
  base::Code code = base::Code::kUnavailable;
  if (status.IsCorruption()) code = base::Code::kCorruption;
  if (status.IsNoSpace()) code = base::Code::kResourceExhausted;
  return {code, fmt::format("{}: {}", what, status.ToString())};
}

// A score is a few hundred bytes: everything is kept small.
rocksdb::Options small_options() {
  rocksdb::Options options;
  options.write_buffer_size = std::size_t{1} << 20;
  options.max_write_buffer_number = 2;
  options.max_background_jobs = 1;
  options.max_open_files = 32;
  options.keep_log_file_num = 2;
  options.max_total_wal_size = std::uint64_t{4} << 20;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.compression = rocksdb::kNoCompression;
  options.stats_dump_period_sec = 0;
  return options;
}

// More than a commit may need: of the write-ahead log, a table and the manifest.
constexpr std::uint64_t kRoomBytes = std::uint64_t{8} << 20;

base::Result<void> expect_room(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::uint64_t bytes, base::free_bytes(folder));
  if (bytes >= kRoomBytes) return {};
  return base::fail(base::Code::kResourceExhausted,
                    fmt::format("the score book in {} needs {} of room, and the disk has {}",
                                folder, base::format_bytes(kRoomBytes), base::format_bytes(bytes)));
}

base::Result<Values> load_values(rocksdb::DB& database) {
  Values values;
  const std::unique_ptr<rocksdb::Iterator> each(database.NewIterator(rocksdb::ReadOptions()));
  for (each->SeekToFirst(); each->Valid(); each->Next()) {
    std::int64_t value = 0;
    if (each->value().size() != sizeof value) {
      return base::fail(base::Code::kCorruption,
                        fmt::format("the score book's {} is damaged", each->key().ToString()));
    }
    std::memcpy(&value, each->value().data(), sizeof value);
    values.emplace(each->key().ToString(), value);
  }
  if (!each->status().ok()) {
    return base::fail(from_rocksdb("reading the score book", each->status()));
  }
  return values;
}

// The parts of a key after its kind, at most `most`; the last takes the rest.
std::vector<std::string_view> split(std::string_view key, std::size_t most) {
  std::vector<std::string_view> parts;
  while (parts.size() + 1 < most) {
    const auto slash = key.find('/');
    if (slash == std::string_view::npos) break;
    parts.push_back(key.substr(0, slash));
    key.remove_prefix(slash + 1);
  }
  parts.push_back(key);
  return parts;
}

Outcome outcome_of(std::string_view text, std::string_view winner) {
  return text == winner ? Outcome::kWinner : Outcome::kLoser;
}

base::Result<Score> score_of(const Values& values) {
  Score score;
  for (const auto& [key, value] : values) {
    const std::string_view name = key;
    if (name.starts_with(kCount)) {
      const auto parts = split(name.substr(kCount.size()), 3);
      const auto id = number_of(parts[0]);
      if (parts.size() == 3 && id) {
        score.counts.push_back({.faculty = std::string(parts[2]),
                                .discipline_id = *id,
                                .outcome = outcome_of(parts[1], "winner"),
                                .count = value});
        continue;
      }
    } else if (name.starts_with(kPosition)) {
      const auto parts = split(name.substr(kPosition.size()), 3);
      const auto incarnation = base::Uuid::parse(parts.back());
      const auto number = parts.size() == 3 ? number_of(parts[1]) : std::nullopt;
      if (incarnation && number) {
        score.positions.push_back({.partition = {.topic = outcome_of(parts[0], "winners"),
                                                 .number = static_cast<int>(*number)},
                                   .incarnation = *incarnation,
                                   .next_offset = value});
        continue;
      }
    } else if (name == kRepeated || name == kNotInTime) {
      (name == kRepeated ? score.repeated : score.not_in_time) = value;
      continue;
    }
    return base::fail(base::Code::kCorruption,
                      fmt::format("the score book holds an unknown key {}", key));
  }
  return score;
}

}  // namespace

struct RocksScoreBook::Database {
  std::unique_ptr<rocksdb::DB> rocks;
};

RocksScoreBook::RocksScoreBook(std::string folder, const Contest& contest)
    : folder_(std::move(folder)), contest_(contest) {}

RocksScoreBook::~RocksScoreBook() = default;

base::Result<std::unique_ptr<RocksScoreBook>> RocksScoreBook::open(const std::string& folder,
                                                                   const Contest& contest) {
  RETURN_IF_ERROR(base::make_folder(folder));
  auto book = std::unique_ptr<RocksScoreBook>(new RocksScoreBook(folder, contest));
  RETURN_IF_ERROR(book->open_database());
  return book;
}

base::Result<void> RocksScoreBook::open_database() {
  RETURN_IF_ERROR(expect_room(folder_));
  rocksdb::Options options = small_options();
  options.create_if_missing = true;
  rocksdb::DB* raw = nullptr;
  if (const auto status = rocksdb::DB::Open(options, folder_, &raw); !status.ok()) {
    return base::fail(from_rocksdb("opening the score book in " + folder_, status));
  }
  auto database = std::make_unique<Database>();
  database->rocks.reset(raw);
  ASSIGN_OR_RETURN(Values values, load_values(*raw));
  RETURN_IF_ERROR(score_of(values));
  values_ = std::move(values);
  database_ = std::move(database);
  return {};
}

base::Result<Score> RocksScoreBook::read_from(const std::string& folder) {
  // The process that writes may remove a file between the listing and the opening: try again.
  constexpr int kLooks = 5;
  rocksdb::Status status;
  for (int look = 0; look < kLooks; ++look) {
    rocksdb::Options options = small_options();
    options.info_log_level = rocksdb::FATAL_LEVEL;
    rocksdb::DB* raw = nullptr;
    status = rocksdb::DB::OpenForReadOnly(options, folder, &raw);
    if (!status.ok()) continue;
    const std::unique_ptr<rocksdb::DB> database(raw);
    ASSIGN_OR_RETURN(const Values values, load_values(*database));
    return score_of(values);
  }
  if (status.IsNotFound() || status.IsPathNotFound()) {
    return base::fail(base::Code::kNotFound, "there is no score book in " + folder);
  }
  return base::fail(from_rocksdb("reading the score book in " + folder, status));
}

base::Result<CommitOutcome> RocksScoreBook::commit(const ScoreCommit& commit) {
  const std::string position = position_key(commit.partition, commit.incarnation);
  const std::scoped_lock lock(mutex_);
  if (!database_) RETURN_IF_ERROR(open_database());
  // There is one position a partition. The incarnation follows the number.
  const std::string start = position.substr(0, position.rfind('/') + 1);
  const auto stored = values_.lower_bound(start);
  const bool has_position = stored != values_.end() && stored->first.starts_with(start);
  const std::int64_t at = has_position ? stored->second : 0;
  if (at != commit.first_offset || (has_position && stored->first != position)) {
    return CommitOutcome{.is_applied = false, .position = at};
  }

  Values changed;
  changed[position] = commit.next_offset;
  const auto add = [&](const std::string& key, std::int64_t by) {
    const auto old = values_.find(key);
    changed[key] = (old == values_.end() ? 0 : old->second) + by;
  };
  for (const ScoreCommit::Delta& delta : commit.deltas) {
    add(count_key(contest_.disciplines()[delta.discipline].id, commit.partition.topic,
                  contest_.faculties()[delta.faculty].name),
        delta.count);
  }
  if (commit.repeated != 0) add(std::string(kRepeated), commit.repeated);
  if (commit.not_in_time != 0) add(std::string(kNotInTime), commit.not_in_time);
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : changed) batch.Put(key, encode(value));
  RETURN_IF_ERROR(expect_room(folder_));
  if (const auto status = database_->rocks->Write(rocksdb::WriteOptions(), &batch); !status.ok()) {
    database_.reset();
    return base::fail(from_rocksdb("writing the score book", status));
  }
  for (const auto& [key, value] : changed) values_[key] = value;
  return CommitOutcome{.is_applied = true, .position = commit.next_offset};
}

base::Result<Score> RocksScoreBook::read() const {
  const std::scoped_lock lock(mutex_);
  return score_of(values_);
}

}  // namespace estadio
