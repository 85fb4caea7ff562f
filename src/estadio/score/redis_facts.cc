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
constexpr std::string_view kWindow = "retry_window_ms/";

constexpr std::size_t kCommitmentDigits = 64;
constexpr std::size_t kSeedDigits = 32;
// Both topics' partitions, with two fields each, and the three that there are once.
constexpr std::size_t kEndsMax = std::size_t{2} * Contest::kPartitionsMax;
constexpr std::size_t kFieldsMax = 2 * kEndsMax + 3;

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
    for (const std::string_view kind : {kEnd, kWindow}) {
      if (!field.starts_with(kind)) continue;
      const auto partition = partition_of(field.substr(kind.size()));
      if (!partition) return false;
      Partition& found = partitions_[{partition->topic, partition->number}];
      return keep(kind == kEnd ? found.end : found.window_ms, stored_number(value));
    }
    return false;
  }

  // Errors: kCorruption, naming a field that is missing.
  base::Result<ContestFacts> facts() && {
    if (!started_at_ms_) return missing(kStartedAt);
    if (!commitment_) return missing(kCommitment);
    ContestFacts facts{.started_at_ms = *started_at_ms_,
                       .coin_commitment = *std::move(commitment_),
                       .coin_seed = std::move(seed_),
                       .retry_window_ms = std::nullopt,
                       .ends = {}};
    bool is_window_known = !partitions_.empty();
    for (const auto& [id, found] : partitions_) {
      const PartitionId partition{.topic = id.first, .number = id.second};
      if (!found.end) return missing(fmt::format("{}{}", kEnd, name_of(partition)));
      facts.ends.push_back(
          {.partition = partition, .offset = *found.end, .retry_window_ms = found.window_ms});
      is_window_known = is_window_known && found.window_ms;
    }
    if (is_window_known) {
      facts.retry_window_ms =
          std::ranges::min_element(facts.ends, {}, &ContestFacts::End::retry_window_ms)
              ->retry_window_ms;
    }
    return facts;
  }

 private:
  struct Partition {
    std::optional<std::int64_t> end;
    std::optional<std::int64_t> window_ms;
  };

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
  std::optional<std::string> commitment_;
  std::optional<std::string> seed_;
  std::map<std::pair<Outcome, int>, Partition> partitions_;
};

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields fields_of(const ContestFacts& facts) {
  Fields fields = {{std::string(kStartedAt), std::to_string(facts.started_at_ms)},
                   {std::string(kCommitment), facts.coin_commitment}};
  if (facts.coin_seed) fields.emplace_back(kSeed, *facts.coin_seed);
  for (const ContestFacts::End& end : facts.ends) {
    const std::string name = name_of(end.partition);
    fields.emplace_back(fmt::format("{}{}", kEnd, name), std::to_string(end.offset));
    if (end.retry_window_ms) {
      fields.emplace_back(fmt::format("{}{}", kWindow, name), std::to_string(*end.retry_window_ms));
    }
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
