#include "estadio/score/rocks_score_book.h"

#include <algorithm>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <optional>
#include <utility>

#include "base/files.h"
#include "base/printable.h"
#include "base/units.h"
#include "estadio/score/score_encoding.h"

namespace estadio {
namespace {

constexpr std::string_view kCount = "count/";
constexpr std::string_view kPosition = "position/";
constexpr std::string_view kNotCounted = "not_counted/";

std::string count_key(std::int64_t discipline_id, Outcome outcome, std::string_view faculty) {
  return fmt::format("{}{}/{}/{}", kCount, discipline_id, to_string(outcome), faculty);
}

std::string position_key(PartitionId partition) {
  return fmt::format("{}{}", kPosition, name_of(partition));
}

std::string not_counted_key(std::string_view field) {
  return fmt::format("{}{}", kNotCounted, field);
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

base::Result<StoredValues> load_values(rocksdb::DB& database) {
  StoredValues values;
  const std::unique_ptr<rocksdb::Iterator> each(database.NewIterator(rocksdb::ReadOptions()));
  for (each->SeekToFirst(); each->Valid(); each->Next()) {
    values.emplace(each->key().ToString(), each->value().ToString());
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

// "count/<discipline id>/<outcome>/<faculty>", and how many.
std::optional<Score::Count> count_of(std::string_view name, std::string_view value) {
  const auto parts = split(name.substr(kCount.size()), 3);
  const auto id = number_of(parts[0]);
  const auto count = number_of(value);
  if (parts.size() != 3 || !id || !count) return std::nullopt;
  if (parts[1] != to_string(Outcome::kWinner) && parts[1] != to_string(Outcome::kLoser)) {
    return std::nullopt;
  }
  return Score::Count{
      .faculty = std::string(parts[2]),
      .discipline_id = *id,
      .outcome = parts[1] == to_string(Outcome::kWinner) ? Outcome::kWinner : Outcome::kLoser,
      .count = *count};
}

// "position/<topic>/<partition>", and its state.
std::optional<Score::Position> position_of(std::string_view name, std::string_view value) {
  const auto partition = partition_of(name.substr(kPosition.size()));
  const auto state = state_of(value);
  if (!partition || !state) return std::nullopt;
  return Score::Position{.partition = *partition, .state = *state};
}

// Adds a value to the score. Returns false when no score book wrote it.
bool add(std::string_view name, std::string_view value, Score& score) {
  if (name.starts_with(kCount)) {
    const auto count = count_of(name, value);
    if (count) score.counts.push_back(*count);
    return count.has_value();
  }
  if (name.starts_with(kPosition)) {
    const auto position = position_of(name, value);
    if (position) score.positions.push_back(*position);
    return position.has_value();
  }
  if (!name.starts_with(kNotCounted)) return false;
  const auto count = number_of(value);
  const auto field =
      std::ranges::find(kNotCountedFields, name.substr(kNotCounted.size()), &NotCountedField::name);
  if (!count || field == kNotCountedFields.end()) return false;
  score.not_counted.*field->member = *count;
  return true;
}

base::Result<Score> score_of(const StoredValues& values) {
  Score score;
  for (const auto& [name, value] : values) {
    if (add(name, value, score)) continue;
    return base::fail(base::Code::kCorruption,
                      fmt::format("the score book's {} holds '{}', which estadio did not write: "
                                  "`estadio repair` counts the book again from the log",
                                  base::printable(name), base::printable(value)));
  }
  return score;
}

// Opens the database that another process may have open.
base::Result<StoredValues> load_read_only(const std::string& folder) {
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
    return load_values(*database);
  }
  if (status.IsNotFound() || status.IsPathNotFound()) {
    return base::fail(base::Code::kNotFound, "there is no score book in " + folder);
  }
  return base::fail(from_rocksdb("reading the score book in " + folder, status));
}

base::Result<std::unique_ptr<rocksdb::DB>> open_to_write(const std::string& folder) {
  RETURN_IF_ERROR(expect_room(folder));
  rocksdb::Options options = small_options();
  options.create_if_missing = true;
  rocksdb::DB* raw = nullptr;
  if (const auto status = rocksdb::DB::Open(options, folder, &raw); !status.ok()) {
    return base::fail(from_rocksdb("opening the score book in " + folder, status));
  }
  return std::unique_ptr<rocksdb::DB>(raw);
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
  auto database = std::make_unique<Database>();
  ASSIGN_OR_RETURN(database->rocks, open_to_write(folder_));
  ASSIGN_OR_RETURN(StoredValues values, load_values(*database->rocks));
  RETURN_IF_ERROR(score_of(values));
  values_ = std::move(values);
  database_ = std::move(database);
  return {};
}

base::Result<Score> RocksScoreBook::read_from(const std::string& folder) {
  ASSIGN_OR_RETURN(const StoredValues values, load_read_only(folder));
  return score_of(values);
}

base::Result<CommitOutcome> RocksScoreBook::commit(const ScoreCommit& commit) {
  const std::string position = position_key(commit.partition);
  const std::scoped_lock lock(mutex_);
  if (!database_) RETURN_IF_ERROR(open_database());
  // open_database() has read the value.
  const auto stored = values_.find(position);
  const PartitionState before =
      stored == values_.end() ? PartitionState() : state_of(stored->second).value();
  const bool is_expected =
      stored == values_.end() ? commit.before.next_offset == 0 : commit.before == before;
  if (!is_expected) return CommitOutcome{.is_applied = false, .position = before.next_offset};

  StoredValues changed;
  changed[position] = text_of(commit.after);
  const auto add = [&](const std::string& key, std::int64_t by) {
    const auto old = values_.find(key);
    const std::int64_t count = old == values_.end() ? 0 : number_of(old->second).value();
    changed[key] = std::to_string(count + by);
  };
  for (const ScoreCommit::Delta& delta : commit.deltas) {
    add(count_key(contest_.disciplines()[delta.discipline].id, commit.partition.topic,
                  contest_.faculties()[delta.faculty].name),
        delta.count);
  }
  for (const NotCountedField& field : kNotCountedFields) {
    const std::int64_t by = commit.not_counted.*field.member;
    if (by != 0) add(not_counted_key(field.name), by);
  }
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : changed) batch.Put(key, value);
  RETURN_IF_ERROR(expect_room(folder_));
  if (const auto status = database_->rocks->Write(rocksdb::WriteOptions(), &batch); !status.ok()) {
    database_.reset();
    return base::fail(from_rocksdb("writing the score book", status));
  }
  for (const auto& [key, value] : changed) values_[key] = value;
  return CommitOutcome{.is_applied = true, .position = commit.after.next_offset};
}

base::Result<Score> RocksScoreBook::read() const {
  const std::scoped_lock lock(mutex_);
  return score_of(values_);
}

base::Result<StoredBook> RocksScoreBook::read_stored_from(const std::string& folder) {
  StoredBook book;
  ASSIGN_OR_RETURN(book.values, load_read_only(folder));
  for (const auto& [name, value] : book.values) {
    const auto position =
        name.starts_with(kPosition) ? position_of(name, value) : std::optional<Score::Position>();
    if (position) book.positions.push_back(*position);
  }
  return book;
}

StoredValues RocksScoreBook::values_of(const Score& score) {
  StoredValues values;
  for (const Score::Count& each : score.counts) {
    if (each.count == 0) continue;
    values.emplace(count_key(each.discipline_id, each.outcome, each.faculty),
                   std::to_string(each.count));
  }
  for (const NotCountedField& field : kNotCountedFields) {
    const std::int64_t count = score.not_counted.*field.member;
    if (count != 0) values.emplace(not_counted_key(field.name), std::to_string(count));
  }
  for (const Score::Position& each : score.positions) {
    values.emplace(position_key(each.partition), text_of(each.state));
  }
  return values;
}

base::Result<void> RocksScoreBook::replace(const std::string& folder, const Score& score) {
  RETURN_IF_ERROR(base::make_folder(folder));
  ASSIGN_OR_RETURN(const auto database, open_to_write(folder));
  ASSIGN_OR_RETURN(const StoredValues old, load_values(*database));
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : old) batch.Delete(key);
  for (const auto& [key, value] : values_of(score)) batch.Put(key, value);
  rocksdb::WriteOptions durable;
  durable.sync = true;
  if (const auto status = database->Write(durable, &batch); !status.ok()) {
    return base::fail(from_rocksdb("replacing the score book", status));
  }
  return {};
}

}  // namespace estadio
