#include "estadio/score/redis_score_book.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <utility>

#include "estadio/score/score_encoding.h"

namespace estadio {
namespace {

constexpr std::string_view kOpening = "looking at the settings";
constexpr std::string_view kLoading = "loading a script, which needs Redis 7";
constexpr std::string_view kCommitting = "adding to the score";
constexpr std::string_view kReading = "reading the score";
constexpr std::string_view kReplacing = "replacing the score";

// Places of the keys in KEYS, from 1 as in Lua.
enum Key : int { kPositions = 1, kBreakdown, kByFaculty, kByDiscipline, kByOutcome, kNotCounted };
constexpr std::size_t kKeys = 6;

std::vector<std::string> keys_in(const RedisKeyspace& keyspace) {
  std::vector<std::string> keys;
  for (const char* name :
       {"positions", "breakdown", "by_faculty", "by_discipline", "by_outcome", "not_counted"}) {
    keys.push_back(keyspace.key(name));
  }
  return keys;
}

// "#!lua" makes Redis check before it starts a script what else it would check at each write: that
// there is memory, that this is no replica, that enough replicas follow, that the disk takes it.
constexpr std::string_view kReadsOnly = "#!lua flags=no-writes\n";
constexpr std::string_view kWrites = "#!lua\n";

// A script that refuses returns "type", "torn", "foreign" or "right", and then the explanation
// (refusal_of()).

// Checks the types of the keys.
constexpr std::string_view kChecksTypes = R"lua(
local positions, breakdown, not_counted = KEYS[1], KEYS[2], KEYS[6]
local is_there = {}
for i, key in ipairs(KEYS) do
  local found = redis.call('TYPE', key).ok
  is_there[i] = found ~= 'none'
  if is_there[i] and found ~= 'hash' then return {'type', key, found} end
end
)lua";

// Checks that no key is missing. Counts and positions come and go together. A book that lacks one
// of them would be counted on as if it were whole.
constexpr std::string_view kChecksKeys = R"lua(
local function refusal()
  for i = 3, 5 do
    if is_there[i] and not is_there[2] then return {'torn', breakdown, KEYS[i]} end
    if is_there[2] and not is_there[i] then return {'torn', KEYS[i], breakdown} end
  end
  if is_there[2] and not is_there[1] then return {'torn', positions, breakdown} end
  if is_there[1] and not is_there[2] and not is_there[6] then
    return {'torn', breakdown, positions}
  end
  if is_there[6] and not is_there[1] then return {'torn', positions, not_counted} end
end

local bad = refusal()
if bad then return bad end
)lua";

// ARGV: partition, state before, state after, first offset, next offset; then for each count the
// key's number, the field and how many. A state has the form of text_of(). There is one text for
// each state, so the script compares texts.
constexpr std::string_view kCommit = R"lua(
local partition, before, after, first, next_offset = unpack(ARGV, 1, 5)

local function is_number(text)
  return #text <= 18 and (text == '0' or string.find(text, '^[1-9][0-9]*$') ~= nil)
end

local stored = redis.call('HGET', positions, partition)
if stored then
  local of, at, last, all, mark =
    string.match(stored, '^([0-9a-f%-]+) ([0-9]+) ([0-9a-f]+) ([0-9a-f]+)(.*)$')
  if not of or #of ~= 36 or not is_number(at) or #last ~= 16 or #all ~= 16
    or mark ~= '' and (string.sub(mark, 1, 1) ~= ' ' or not is_number(string.sub(mark, 2))) then
    return {'foreign', positions, partition, stored}
  end
  if stored ~= before then return {'elsewhere', at} end
elseif first ~= '0' then
  return {'elsewhere', '0'}
end

for i = 6, #ARGV, 3 do
  local key, field = KEYS[tonumber(ARGV[i])], ARGV[i + 1]
  local count = redis.call('HGET', key, field)
  if count and not is_number(count) then return {'foreign', key, field, count} end
  if not redis.acl_check_cmd('HINCRBY', key, field, '1') then return {'right', 'HINCRBY', key} end
end
if not redis.acl_check_cmd('HSET', positions, partition, '') then
  return {'right', 'HSET', positions}
end

-- From here on nothing can fail.
for i = 6, #ARGV, 3 do
  redis.call('HINCRBY', KEYS[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2])
end
redis.call('HSET', positions, partition, after)
return {'applied', next_offset}
)lua";

constexpr std::string_view kRead = R"lua(
local all = {'score'}
for i, key in ipairs(KEYS) do all[i + 1] = redis.call('HGETALL', key) end
return all
)lua";

// ARGV: for each value the key's number, the field and the value.
constexpr std::string_view kReplace = R"lua(
for i, key in ipairs(KEYS) do
  for _, command in ipairs({'DEL', 'HSET'}) do
    local may = command == 'DEL' and redis.acl_check_cmd('DEL', key)
      or command == 'HSET' and redis.acl_check_cmd('HSET', key, 'field', 'value')
    if not may then return {'right', command, key} end
  end
end

-- From here on nothing can fail.
for i, key in ipairs(KEYS) do redis.call('DEL', key) end
for i = 1, #ARGV, 3 do
  redis.call('HSET', KEYS[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2])
end
return {'replaced'}
)lua";

template <class... Bodies>
std::string script_of(std::string_view access, Bodies... bodies) {
  std::string script(access);
  ((script += bodies), ...);
  return script;
}

std::optional<Outcome> outcome_of(std::string_view text) {
  if (text == to_string(Outcome::kWinner)) return Outcome::kWinner;
  if (text == to_string(Outcome::kLoser)) return Outcome::kLoser;
  return std::nullopt;
}

// Splits the text at the first `separator`.
struct Halves {
  std::string_view before;
  std::string_view after;
};
std::optional<Halves> split(std::string_view text, char separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  return Halves{.before = text.substr(0, at), .after = text.substr(at + 1)};
}

// "winner/1/Ingeniería", and how many. The faculty comes last, since '/' may be in its name.
std::optional<Score::Count> count_of(std::string_view field, std::string_view value) {
  const auto outer = split(field, '/');
  const auto inner = outer ? split(outer->after, '/') : std::nullopt;
  if (!inner) return std::nullopt;
  const auto outcome = outcome_of(outer->before);
  const auto discipline = stored_number(inner->before);
  const auto count = stored_number(value);
  if (!outcome || !discipline || !count) return std::nullopt;
  return Score::Count{.faculty = std::string(inner->after),
                      .discipline_id = *discipline,
                      .outcome = *outcome,
                      .count = *count};
}

// "winners/0", and the text of its state.
std::optional<Score::Position> position_of(std::string_view field, std::string_view value) {
  const auto partition = partition_of(field);
  const auto state = state_of(value);
  if (!partition || !state || state->next_offset > RedisKeyspace::kNumberMax) return std::nullopt;
  return Score::Position{.partition = *partition, .state = *state};
}

std::string_view text_at(const std::vector<RedisReply>& list, std::size_t index) {
  return index < list.size() ? std::string_view(list[index].text) : std::string_view();
}

// Returns the error that a script's answer means; nothing when it is no error.
std::optional<base::Error> refusal_of(const RedisReply& reply) {
  const std::vector<RedisReply>& said = reply.list;
  const std::string_view kind = text_at(said, 0);
  if (kind == "type") {
    return base::Error(base::Code::kFailedPrecondition,
                       fmt::format("{} is a {}, not the hash of a score book: another program uses "
                                   "this key, or redis-prefix is wrong",
                                   text_at(said, 1), text_at(said, 2)));
  }
  if (kind == "torn") {
    return base::Error(
        base::Code::kCorruption,
        fmt::format("{} is missing beside {}: `estadio repair --apply` replaces the score "
                    "by the log's",
                    text_at(said, 1), text_at(said, 2)));
  }
  if (kind == "foreign") {
    return foreign_value(text_at(said, 1), text_at(said, 2), text_at(said, 3));
  }
  if (kind == "right") {
    return base::Error(
        base::Code::kFailedPrecondition,
        fmt::format("the user may not {} {} (NOPERM)", text_at(said, 1), text_at(said, 2)));
  }
  return std::nullopt;
}

base::Error strange(std::string_view what) {
  return {base::Code::kInternal, fmt::format("{} returned an answer of unknown form", what)};
}

// Every second one is a field's value.
base::Result<void> add_counts(const RedisReply& reply, const std::string& key, Score& score) {
  std::map<std::string_view, const RedisReply*> sorted;
  for (std::size_t i = 0; i + 1 < reply.list.size(); i += 2) {
    sorted.emplace(reply.list[i].text, &reply.list[i + 1]);
  }
  for (const auto& [field, value] : sorted) {
    const auto count = count_of(field, value->text);
    if (!count) return base::fail(foreign_value(key, field, value->text));
    score.counts.push_back(*count);
  }
  return {};
}

base::Result<void> add_positions(const RedisReply& reply, const std::string& key, Score& score) {
  for (std::size_t i = 0; i + 1 < reply.list.size(); i += 2) {
    const auto position = position_of(reply.list[i].text, reply.list[i + 1].text);
    if (!position) {
      return base::fail(foreign_value(key, reply.list[i].text, reply.list[i + 1].text));
    }
    score.positions.push_back(*position);
  }
  return {};
}

base::Result<void> add_not_counted(const RedisReply& reply, const std::string& key, Score& score) {
  for (std::size_t i = 0; i + 1 < reply.list.size(); i += 2) {
    const std::string& name = reply.list[i].text;
    const auto count = stored_number(reply.list[i + 1].text);
    const auto field = std::ranges::find(kNotCountedFields, name, &NotCountedField::name);
    if (!count || field == kNotCountedFields.end()) {
      return base::fail(foreign_value(key, name, reply.list[i + 1].text));
    }
    score.not_counted.*field->member = *count;
  }
  return {};
}

// The name of a value for people.
std::string value_name(const std::string& key, std::string_view field) {
  return fmt::format("{}, field {}", key, field);
}

// Every second one is a field's value.
void add_values(const RedisReply& reply, const std::string& key, StoredValues& values) {
  for (std::size_t i = 0; i + 1 < reply.list.size(); i += 2) {
    values.emplace(value_name(key, reply.list[i].text), reply.list[i + 1].text);
  }
}

// Adds up what a commit adds to each field of each key.
class Increments {
 public:
  void add(Key key, std::string field, std::int64_t count) {
    counts_[{key, std::move(field)}] += count;
  }
  void add(Outcome outcome, std::int64_t discipline_id, const std::string& faculty,
           std::int64_t count) {
    const std::string discipline = std::to_string(discipline_id);
    add(kBreakdown, fmt::format("{}/{}/{}", to_string(outcome), discipline, faculty), count);
    add(kByFaculty, faculty, count);
    add(kByDiscipline, discipline, count);
    add(kByOutcome, std::string(to_string(outcome)), count);
  }
  void add(const NotCounted& not_counted) {
    for (const NotCountedField& field : kNotCountedFields) {
      add(kNotCounted, std::string(field.name), not_counted.*field.member);
    }
  }
  // Errors: kInvalidArgument for a number that the book cannot hold.
  base::Result<void> append_to(std::vector<std::string>& arguments) const {
    for (const auto& [place, count] : counts_) {
      if (count < 0 || count > RedisKeyspace::kNumberMax) {
        return base::fail(base::Code::kInvalidArgument,
                          fmt::format("a count of {} cannot be added to {}", count, place.second));
      }
      if (count == 0) continue;
      arguments.push_back(std::to_string(place.first));
      arguments.push_back(place.second);
      arguments.push_back(std::to_string(count));
    }
    return {};
  }
  [[nodiscard]] const std::map<std::pair<int, std::string>, std::int64_t>& counts() const {
    return counts_;
  }

 private:
  std::map<std::pair<int, std::string>, std::int64_t> counts_;
};

Increments increments_of(const Score& score) {
  Increments increments;
  for (const Score::Count& each : score.counts) {
    increments.add(each.outcome, each.discipline_id, each.faculty, each.count);
  }
  increments.add(score.not_counted);
  return increments;
}

base::Result<std::vector<std::string>> arguments_of(const ScoreCommit& commit,
                                                    const Contest& contest) {
  // A first offset of any kind is only compared.
  if (commit.after.next_offset < 0 || commit.after.next_offset > RedisKeyspace::kNumberMax) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("{} is out of the range of offsets", commit.after.next_offset));
  }
  std::vector<std::string> arguments = {
      name_of(commit.partition), text_of(commit.before), text_of(commit.after),
      std::to_string(commit.before.next_offset), std::to_string(commit.after.next_offset)};
  Increments increments;
  for (const ScoreCommit::Delta& delta : commit.deltas) {
    increments.add(commit.partition.topic, contest.disciplines()[delta.discipline].id,
                   contest.faculties()[delta.faculty].name, delta.count);
  }
  increments.add(commit.not_counted);
  RETURN_IF_ERROR(increments.append_to(arguments));
  return arguments;
}

// A server that is short of memory may be set to delete keys, and would do so silently.
base::Result<void> check_eviction(RedisClient& client, base::Logger& log) {
  const auto reply = client.call(
      kOpening, std::array<std::string_view, 4>{"CONFIG", "GET", "maxmemory", "maxmemory-policy"});
  if (!reply && reply.error().code() == base::Code::kUnavailable) {
    return base::fail(reply.error());
  }
  std::map<std::string, std::string> settings;
  for (std::size_t i = 0; reply && i + 1 < reply->list.size(); i += 2) {
    settings[reply->list[i].text] = reply->list[i + 1].text;
  }
  const std::string& policy = settings["maxmemory-policy"];
  const std::string& limit = settings["maxmemory"];
  if (policy.empty() || limit.empty()) {
    log.warning(
        "Redis does not show its settings: make sure that maxmemory-policy is noeviction, else "
        "Redis may delete the score",
        {{"server", client.server()},
         {"reason", reply ? "no such settings" : reply.error().message()}});
    return {};
  }
  if (limit == "0" || policy == "noeviction") return {};
  return base::fail(client.located(
      kOpening,
      {base::Code::kFailedPrecondition,
       fmt::format("maxmemory-policy is {}: with maxmemory {} Redis may delete the score when "
                   "memory is short. Set it to noeviction, in redis.conf and by `redis-cli CONFIG "
                   "SET maxmemory-policy noeviction`",
                   policy, limit)}));
}

}  // namespace

RedisScoreBook::RedisScoreBook(std::unique_ptr<RedisClient> client, const Contest& contest,
                               const Options& options)
    : client_(std::move(client)), contest_(contest), keys_(keys_in(options)) {}

base::Result<std::unique_ptr<RedisScoreBook>> RedisScoreBook::open(const Options& options,
                                                                   const Contest& contest,
                                                                   const base::Clock& clock,
                                                                   base::Logger& log) {
  ASSIGN_OR_RETURN(auto client, options.connect(clock));
  std::unique_ptr<RedisScoreBook> book(new RedisScoreBook(std::move(client), contest, options));
  RETURN_IF_ERROR(book->load_scripts());
  // Last, so that a caller that retries open() causes one warning.
  RETURN_IF_ERROR(check_eviction(*book->client_, log));
  return book;
}

base::Result<void> RedisScoreBook::load_scripts() {
  ASSIGN_OR_RETURN(commit_script_,
                   client_->load(kLoading, RedisScript::Access::kWrites,
                                 script_of(kWrites, kChecksTypes, kChecksKeys, kCommit)));
  ASSIGN_OR_RETURN(read_script_,
                   client_->load(kLoading, RedisScript::Access::kReads,
                                 script_of(kReadsOnly, kChecksTypes, kChecksKeys, kRead)));
  return {};
}

base::Result<CommitOutcome> RedisScoreBook::commit(const ScoreCommit& commit) {
  ASSIGN_OR_RETURN(const std::vector<std::string> arguments, arguments_of(commit, contest_));
  ASSIGN_OR_RETURN(const RedisReply reply,
                   client_->run(kCommitting, commit_script_, keys_, arguments));
  if (auto refusal = refusal_of(reply)) {
    return base::fail(client_->located(kCommitting, *std::move(refusal)));
  }
  const std::string_view verdict = text_at(reply.list, 0);
  const auto position = stored_number(text_at(reply.list, 1));
  if (!position || (verdict != "applied" && verdict != "elsewhere")) {
    return base::fail(client_->located(kCommitting, strange("the script")));
  }
  return CommitOutcome{.is_applied = verdict == "applied", .position = *position};
}

base::Result<Score> RedisScoreBook::read() const {
  ASSIGN_OR_RETURN(WithSums read, read_with_sums());
  return std::move(read.score);
}

base::Result<RedisReply> RedisScoreBook::read_keys(const RedisScript& script) const {
  ASSIGN_OR_RETURN(RedisReply reply, client_->run(kReading, script, keys_, {}));
  if (auto refusal = refusal_of(reply)) {
    return base::fail(client_->located(kReading, *std::move(refusal)));
  }
  if (reply.list.size() != kKeys + 1 || text_at(reply.list, 0) != "score") {
    return base::fail(client_->located(kReading, strange("the script")));
  }
  return reply;
}

base::Result<RedisScoreBook::WithSums> RedisScoreBook::read_with_sums() const {
  ASSIGN_OR_RETURN(const RedisReply reply, read_keys(read_script_));
  WithSums read;
  const auto fill = [&]() -> base::Result<void> {
    RETURN_IF_ERROR(add_counts(reply.list[kBreakdown], keys_[kBreakdown - 1], read.score));
    RETURN_IF_ERROR(add_positions(reply.list[kPositions], keys_[kPositions - 1], read.score));
    return add_not_counted(reply.list[kNotCounted], keys_[kNotCounted - 1], read.score);
  };
  if (auto filled = fill(); !filled) {
    return base::fail(client_->located(kReading, std::move(filled).error()));
  }
  for (std::size_t key = kByFaculty; key <= kByOutcome; ++key) {
    add_values(reply.list[key], keys_[key - 1], read.sums);
  }
  return read;
}

StoredValues RedisScoreBook::sums_of(const Score& score) const {
  StoredValues sums;
  const Increments increments = increments_of(score);
  for (const auto& [place, count] : increments.counts()) {
    const auto& [key, field] = place;
    if (key < kByFaculty || key > kByOutcome || count == 0) continue;
    sums.emplace(value_name(keys_[static_cast<std::size_t>(key) - 1], field),
                 std::to_string(count));
  }
  return sums;
}

base::Result<StoredBook> RedisScoreBook::read_stored() const {
  ASSIGN_OR_RETURN(const RedisScript script,
                   client_->load(kLoading, RedisScript::Access::kReads,
                                 script_of(kReadsOnly, kChecksTypes, kRead)));
  ASSIGN_OR_RETURN(const RedisReply reply, read_keys(script));
  StoredBook book;
  for (std::size_t key = 1; key <= kKeys; ++key) {
    add_values(reply.list[key], keys_[key - 1], book.values);
  }
  const std::vector<RedisReply>& positions = reply.list[kPositions].list;
  for (std::size_t i = 0; i + 1 < positions.size(); i += 2) {
    const auto position = position_of(positions[i].text, positions[i + 1].text);
    if (position) book.positions.push_back(*position);
  }
  return book;
}

StoredValues RedisScoreBook::values_of(const Score& score) const {
  StoredValues values;
  const Increments increments = increments_of(score);
  for (const auto& [place, count] : increments.counts()) {
    if (count == 0) continue;
    values.emplace(value_name(keys_[static_cast<std::size_t>(place.first) - 1], place.second),
                   std::to_string(count));
  }
  for (const Score::Position& each : score.positions) {
    values.emplace(value_name(keys_[kPositions - 1], name_of(each.partition)), text_of(each.state));
  }
  return values;
}

base::Result<void> RedisScoreBook::replace(const Score& score) {
  ASSIGN_OR_RETURN(const RedisScript script,
                   client_->load(kLoading, RedisScript::Access::kWrites,
                                 script_of(kWrites, kChecksTypes, kReplace)));
  std::vector<std::string> arguments;
  RETURN_IF_ERROR(increments_of(score).append_to(arguments));
  for (const Score::Position& each : score.positions) {
    arguments.push_back(std::to_string(kPositions));
    arguments.push_back(name_of(each.partition));
    arguments.push_back(text_of(each.state));
  }
  ASSIGN_OR_RETURN(const RedisReply reply, client_->run(kReplacing, script, keys_, arguments));
  if (auto refusal = refusal_of(reply)) {
    return base::fail(client_->located(kReplacing, *std::move(refusal)));
  }
  if (text_at(reply.list, 0) != "replaced") {
    return base::fail(client_->located(kReplacing, strange("the script")));
  }
  return {};
}

}  // namespace estadio
