// `estadio repair`: counts the score again from the log, and replaces what differs.
//
//   a contest in a folder:    DiskLog -> Recount -> RocksScoreBook
//   one across machines:      KafkaLog -> Recount -> RedisScoreBook
#include <unistd.h>

#include <fmt/format.h>
#include <memory>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "base/printable.h"
#include "estadio/app/commands.h"
#include "estadio/app/contest_stores.h"
#include "estadio/app/retry_options.h"
#include "estadio/contest/stored_book.h"
#include "estadio/score/rocks_score_book.h"
#include "estadio/verify/recount.h"

namespace estadio {
namespace {

struct RepairOptions {
  ContestStoresOptions stores;
  IdMemoryOptions ids;
  bool applies = false;
  bool is_json = false;
};

struct Repaired {
  std::vector<ValueChange> changes;
  std::int64_t records = 0;  // counted again
};

// The score book as a repair needs it, in either store.
class Book {
 public:
  static base::Result<Book> open(const ContestStores& stores, const RepairOptions& options) {
    Book book;
    if (options.stores.is_folder()) {
      book.folder_ = stores.score_folder();
    } else {
      ASSIGN_OR_RETURN(book.redis_, stores.open_redis());
    }
    return book;
  }

  [[nodiscard]] base::Result<StoredBook> read() const {
    if (redis_) return redis_->read_stored();
    auto stored = RocksScoreBook::read_stored_from(folder_);
    // A missing book is an empty one.
    if (!stored && stored.error().code() == base::Code::kNotFound) return StoredBook();
    return stored;
  }
  [[nodiscard]] StoredValues values_of(const Score& score) const {
    return redis_ ? redis_->values_of(score) : RocksScoreBook::values_of(score);
  }
  [[nodiscard]] base::Result<void> replace(const Score& score) {
    return redis_ ? redis_->replace(score) : RocksScoreBook::replace(folder_, score);
  }

 private:
  std::unique_ptr<RedisScoreBook> redis_;  // null: the book is in folder_
  std::string folder_;
};

base::Result<Repaired> repair(const RepairOptions& options, const base::Clock& clock,
                              base::Logger& log) {
  ASSIGN_OR_RETURN(const auto stores,
                   ContestStores::open(options.stores,
                                       options.applies ? ContestStores::Access::kReplaceScore
                                                       : ContestStores::Access::kRead,
                                       clock, log));
  ASSIGN_OR_RETURN(Book book, Book::open(*stores, options));
  // Read before the log is opened. So the log holds all counted records, unless it lost them.
  ASSIGN_OR_RETURN(const StoredBook stored, book.read());
  ASSIGN_OR_RETURN(const auto events, stores->open_log());
  IdMemory memory(options.ids.to_options());
  const bool shows_progress = ::isatty(STDERR_FILENO) != 0;
  const auto show = [](std::int64_t records) {
    fmt::print(stderr, "\r{} records counted again", records);
  };
  Recount recount(
      {.contest = stores->contest(),
       .events = *events,
       .retry = RetryRule(stores->manifest().retry_window),
       .memory = memory,
       .clock = clock,
       .on_progress = shows_progress ? std::function<void(std::int64_t)>(show) : nullptr});
  const auto counted = recount.count_to(stored.positions);
  if (shows_progress) fmt::print(stderr, "\r\x1b[K");
  if (!counted) return base::fail(counted.error());
  Repaired repaired{.changes = changes_between(stored.values, book.values_of(recount.score())),
                    .records = recount.records()};
  if (!options.applies || repaired.changes.empty()) return repaired;
  // Tallies of a cluster have counted on meanwhile. Their next commits are not applied, and they
  // start again from the new positions, which are as late as possible.
  ASSIGN_OR_RETURN(const StoredBook latest, book.read());
  RETURN_IF_ERROR(recount.count_to(latest.positions));
  RETURN_IF_ERROR(book.replace(recount.score()));
  return repaired;
}

void append_text_or_null(std::string& json, const std::optional<std::string>& text) {
  if (text) {
    base::append_json_lossy(json, *text);
  } else {
    json += "null";
  }
}

std::string to_json(const Repaired& repaired, bool applies) {
  std::string json = fmt::format(R"({{"applied":{},"records":{},"changes":[)",
                                 applies && !repaired.changes.empty(), repaired.records);
  for (const ValueChange& change : repaired.changes) {
    if (json.back() != '[') json += ',';
    json += R"({"value":)";
    base::append_json_lossy(json, change.name);
    json += R"(,"stored":)";
    append_text_or_null(json, change.stored);
    json += R"(,"counted":)";
    append_text_or_null(json, change.wanted);
    json += '}';
  }
  return json + "]}";
}

std::string to_text(const Repaired& repaired, bool applies) {
  std::string text;
  for (const ValueChange& change : repaired.changes) {
    text += fmt::format("{}: stored {}, counted {}\n", base::printable(change.name),
                        change.stored ? base::printable(*change.stored) : "nothing",
                        change.wanted ? base::printable(*change.wanted) : "nothing");
  }
  if (repaired.changes.empty()) {
    return fmt::format(
        "nothing to repair: {} records were counted again, and the score is theirs\n",
        repaired.records);
  }
  const std::size_t count = repaired.changes.size();
  if (applies) {
    return text + fmt::format("\nrepaired: {} {} counted again from the log\n", count,
                              count == 1 ? "value was" : "values were");
  }
  return text +
         fmt::format("\n{}: nothing was changed; --apply replaces the score\n",
                     count == 1 ? "1 value differs" : fmt::format("{} values differ", count));
}

}  // namespace

int run_repair(base::Arguments arguments) {
  RepairOptions options;
  base::Settings settings = program().settings_for(
      "repair",
      "Counts the score again from the log, up to the score's own positions, and shows the values "
      "that\ndiffer. With --apply it replaces the whole score in one step. The exit status is 0 "
      "when "
      "nothing\ndiffers or --apply repaired it, and 1 on a difference without --apply. A contest "
      "in "
      "a folder must not\nrun meanwhile. Tallies of a cluster may run: they go on from the "
      "repaired "
      "score.",
      "  estadio repair --data contest\n"
      "  estadio repair --data contest --apply && estadio verify --data contest\n"
      "  estadio repair --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379/0 --apply\n");
  options.stores.add_to(settings);
  options.ids.add_to(settings);
  settings.add("apply", options.applies, "replace the score; without it nothing is changed");
  settings.add("json", options.is_json, "print the changes as JSON");
  settings.add_check([&options] { return options.stores.check(); });
  if (const auto status = program().load_settings(settings, arguments)) return *status;

  const base::SystemClock clock;
  base::Logger log(clock, {.level = base::LogLevel::kError});
  const auto repaired = repair(options, clock, log);
  log.flush();  // before the changes or the error
  if (!repaired) return program().print_failure(repaired.error());
  if (options.is_json) {
    fmt::print("{}\n", base::json_for(STDOUT_FILENO, to_json(*repaired, options.applies)));
  } else {
    fmt::print("{}", to_text(*repaired, options.applies));
  }
  return options.applies || repaired->changes.empty() ? base::kExitOk : base::kExitFailed;
}

}  // namespace estadio
