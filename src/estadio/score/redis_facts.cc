#include "estadio/score/redis_facts.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "estadio/contest/contest.h"
#include "estadio/score/score_encoding.h"

namespace estadio {
namespace {

constexpr std::string_view kStartedAt = "started_at_ms";
constexpr std::string_view kCommitment = "coin_commitment";
constexpr std::string_view kSeed = "coin_seed";
constexpr std::string_view kEnd = "end/";
constexpr std::string_view kWindow = "retry_window_ms";

constexpr std::size_t kCommitmentDigits = 64;
constexpr std::size_t kSeedDigits = 32;
// Both topics' partitions, and the four fields that there are once.
constexpr std::size_t kEndsMax = std::size_t{2} * Contest::kPartitionsMax;
constexpr std::size_t kFieldsMax = kEndsMax + 4;

bool is_hexadecimal(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](char each) {
           return (each >= '0' && each <= '9') || (each >= 'a' && each <= 'f');
         });
}

// Facts as they are put together from the fields of the hash.
class Gathered {
 public:
  // Returns whether publish() writes such a field and value.
  bool add(std::string_view field, const std::string& value) {
    if (field == kStartedAt) return keep(started_at_ms_, stored_number(value));
    if (field == kCommitment) return keep_digits(commitment_, value, kCommitmentDigits);
    if (field == kSeed) return keep_digits(seed_, value, kSeedDigits);
    if (field == kWindow) return keep(window_ms_, stored_number(value));
    if (!field.starts_with(kEnd)) return false;
    const auto partition = partition_of(field.substr(kEnd.size()));
    if (!partition) return false;
    return keep(ends_[{partition->topic, partition->number}], stored_number(value));
  }

  // Errors: kCorruption, naming a field that is missing.
  base::Result<ContestFacts> facts() && {
    if (!started_at_ms_) return missing(kStartedAt);
    if (!commitment_) return missing(kCommitment);
    if (!window_ms_) return missing(kWindow);
    ContestFacts facts{.started_at_ms = *started_at_ms_,
                       .coin_commitment = *std::move(commitment_),
                       .retry_window_ms = *window_ms_,
                       .coin_seed = std::move(seed_),
                       .ends = {}};
    for (const auto& [id, end] : ends_) {
      facts.ends.push_back(
          {.partition = {.topic = id.first, .number = id.second}, .offset = end.value_or(0)});
    }
    return facts;
  }

 private:
  static base::Failure missing(std::string_view field) {
    return base::fail(base::Code::kCorruption, fmt::format("the field {} is missing", field));
  }
  static bool keep(std::optional<std::int64_t>& number, std::optional<std::int64_t> value) {
    number = value;
    return value.has_value();
  }
  static bool keep_digits(std::optional<std::string>& text, const std::string& value,
                          std::size_t digits) {
    text = value;
    return is_hexadecimal(value, digits);
  }

  std::optional<std::int64_t> started_at_ms_;
  std::optional<std::int64_t> window_ms_;
  std::optional<std::string> commitment_;
  std::optional<std::string> seed_;
  std::map<std::pair<Outcome, int>, std::optional<std::int64_t>> ends_;
};

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields fields_of(const ContestFacts& facts) {
  Fields fields = {{std::string(kStartedAt), std::to_string(facts.started_at_ms)},
                   {std::string(kCommitment), facts.coin_commitment},
                   {std::string(kWindow), std::to_string(facts.retry_window_ms)}};
  if (facts.coin_seed) fields.emplace_back(kSeed, *facts.coin_seed);
  for (const ContestFacts::End& end : facts.ends) {
    fields.emplace_back(fmt::format("{}{}", kEnd, name_of(end.partition)),
                        std::to_string(end.offset));
  }
  return fields;
}

base::Result<void> check(const Fields& fields) {
  if (fields.size() > kFieldsMax) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("facts of a contest have at most {} partitions", kEndsMax));
  }
  Gathered gathered;
  for (const auto& [field, value] : fields) {
    if (!gathered.add(field, value)) {
      return base::fail(base::Code::kInvalidArgument, fmt::format("the {} is no contest's", field));
    }
  }
  return {};
}

}  // namespace

RedisFacts::RedisFacts(std::unique_ptr<RedisClient> client, std::string key)
    : client_(std::move(client)),
      key_(std::move(key)),
      writing_(fmt::format("writing {}", key_)),
      reading_(fmt::format("reading {}", key_)) {}

base::Result<std::unique_ptr<RedisFacts>> RedisFacts::open(const Options& options,
                                                           const base::Clock& clock) {
  ASSIGN_OR_RETURN(auto client, options.connect(clock));
  return std::unique_ptr<RedisFacts>(new RedisFacts(std::move(client), options.key("contest")));
}

base::Result<void> RedisFacts::publish(const ContestFacts& facts) {
  const Fields fields = fields_of(facts);
  RETURN_IF_ERROR(check(fields));
  std::vector<std::string_view> command = {"HSET", key_};
  for (const auto& [field, value] : fields) {
    command.emplace_back(field);
    command.emplace_back(value);
  }
  RETURN_IF_ERROR(client_->call(writing_, command));
  return {};
}

base::Result<ContestFacts> RedisFacts::read() const {
  ASSIGN_OR_RETURN(const RedisReply reply,
                   client_->call(reading_, std::array<std::string_view, 2>{"HGETALL", key_}));
  const auto refuse = [this](base::Error error) {
    return base::fail(client_->located(reading_, std::move(error)));
  };
  if (reply.list.empty()) {
    return refuse({base::Code::kNotFound, "no tally has reported to this Redis yet"});
  }
  if (reply.list.size() > 2 * kFieldsMax) {
    return refuse({base::Code::kCorruption,
                   fmt::format("it has more than the {} fields of a contest", kFieldsMax)});
  }
  // Every second one is a field's value.
  Gathered gathered;
  for (std::size_t i = 0; i + 1 < reply.list.size(); i += 2) {
    const std::string& field = reply.list[i].text;
    const std::string& value = reply.list[i + 1].text;
    if (!gathered.add(field, value)) return refuse(foreign_value(key_, field, value));
  }
  auto facts = std::move(gathered).facts();
  if (!facts) return refuse(std::move(facts).error());
  return facts;
}

}  // namespace estadio
