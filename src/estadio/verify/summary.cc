#include "estadio/verify/summary.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>
#include <optional>
#include <simdjson.h>
#include <sodium.h>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "base/files.h"
#include "base/json.h"
#include "base/units.h"

namespace estadio {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kHexDigits = std::size_t{crypto_hash_sha256_BYTES} * 2;

using Digest = std::array<unsigned char, crypto_hash_sha256_BYTES>;

std::string hex_of(const Digest& digest) {
  std::string text(kHexDigits + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
  text.pop_back();
  return text;
}

bool is_sha256(std::string_view text) {
  return text.size() == kHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<Outcome> outcome_of_topic(std::string_view topic) {
  for (const Outcome outcome : {Outcome::kWinner, Outcome::kLoser}) {
    if (topic == topic_name(outcome)) return outcome;
  }
  return std::nullopt;
}

// Reads the members of one object. The first error stays.
class Members {
 public:
  Members(simdjson::dom::object object, std::string where)
      : object_(object), where_(std::move(where)) {}

  template <class Value>
  Members& read(std::string_view name, Value& value) {
    if (!error_.empty()) return *this;
    if constexpr (std::is_same_v<Value, std::string>) {
      std::string_view text;
      if (object_[name].get(text) != simdjson::SUCCESS) return fail(name, "expected a text");
      value = text;
    } else {
      if (object_[name].get(value) != simdjson::SUCCESS || value < 0) {
        return fail(name, "expected a whole number from 0 on");
      }
    }
    return *this;
  }

  template <class Check>
  Members& check(std::string_view name, std::string_view expected, const Check& is_right) {
    if (error_.empty() && !is_right()) fail(name, expected);
    return *this;
  }

  // Returns the name and the fault of the first wrong member; empty when all are right.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  Members& fail(std::string_view name, std::string_view expected) {
    error_ = fmt::format("{}{}: {}", where_, name, expected);
    return *this;
  }

  simdjson::dom::object object_;
  const std::string where_;
  std::string error_;
};

// Reads a member that is an array of objects.
template <class Each, class Read>
std::string read_list(simdjson::dom::object object, std::string_view name, std::vector<Each>& list,
                      const Read& read) {
  simdjson::dom::array array;
  if (object[name].get(array) != simdjson::SUCCESS) {
    return fmt::format("{}: expected an array", name);
  }
  for (const simdjson::dom::element element : array) {
    const std::string where = fmt::format("{}[{}]", name, list.size());
    simdjson::dom::object each;
    if (element.get(each) != simdjson::SUCCESS) return where + ": expected an object";
    Members members(each, where + ".");
    read(members, list.emplace_back());
    if (!members.error().empty()) return members.error();
  }
  return {};
}

void read_count(Members& members, Score::Count& count) {
  std::string outcome;
  members.read("faculty", count.faculty)
      .read("discipline", count.discipline_id)
      .read("outcome", outcome)
      .read("count", count.count)
      .check("outcome", "expected winner or loser", [&] {
        count.outcome = outcome == to_string(Outcome::kLoser) ? Outcome::kLoser : Outcome::kWinner;
        return outcome == to_string(count.outcome);
      });
}

void read_partition(Members& members, Summary::Partition& partition) {
  std::string topic;
  std::int64_t number = 0;
  members.read("topic", topic)
      .read("partition", number)
      .read("next_offset", partition.next_offset)
      .read("sha256", partition.sha256)
      .check("topic", "expected winners or losers",
             [&] {
               const auto outcome = outcome_of_topic(topic);
               partition.id = {.topic = outcome.value_or(Outcome::kWinner),
                               .number = static_cast<int>(number)};
               return outcome.has_value();
             })
      .check("partition", "expected a partition's number",
             [&] { return number < Contest::kPartitionsMax; })
      .check("sha256", "expected 64 hexadecimal digits",
             [&] { return is_sha256(partition.sha256); });
}

// Returns the first fault; empty when there is none.
std::string read_summary(simdjson::dom::object object, Summary& summary) {
  std::int64_t format = 0;
  Members members(object, "");
  members.read("estadio_summary", format)
      .check("estadio_summary", "expected a summary of format 1", [&] { return format == kFormat; })
      .read("program", summary.program)
      .read("proved_at_ms", summary.proved_at_ms)
      .read("contest", summary.contest)
      .read("started_at_ms", summary.started_at_ms)
      .read("retry_window_ms", summary.retry_window_ms)
      .read("coin_commitment", summary.coin_commitment)
      .read("coin_seed", summary.coin_seed)
      .check("coin_commitment", "expected 64 hexadecimal digits",
             [&] { return is_sha256(summary.coin_commitment); });
  for (const NotCountedField& field : kNotCountedFields) {
    members.read(field.name, summary.not_counted.*field.member);
  }
  if (!members.error().empty()) return members.error();
  if (auto error = read_list(object, "counts", summary.counts, read_count); !error.empty()) {
    return error;
  }
  return read_list(object, "partitions", summary.partitions, read_partition);
}

}  // namespace

struct PartitionDigest::State {
  crypto_hash_sha256_state sha256;
};

PartitionDigest::PartitionDigest() : state_(std::make_unique<State>()) {
  CHECK(sodium_init() >= 0);
  crypto_hash_sha256_init(&state_->sha256);
}

PartitionDigest::~PartitionDigest() = default;

void PartitionDigest::add(const LoggedRecord& record) {
  line_.clear();
  fmt::format_to(std::back_inserter(line_), "{} {} {}\n", record.offset, record.time_ms,
                 record.line);
  crypto_hash_sha256_update(&state_->sha256, reinterpret_cast<const unsigned char*>(line_.data()),
                            line_.size());
}

std::string PartitionDigest::hex() const {
  State copy = *state_;
  Digest digest;
  crypto_hash_sha256_final(&copy.sha256, digest.data());
  return hex_of(digest);
}

std::string sha256_of(std::string_view text) {
  Digest digest;
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size());
  return hex_of(digest);
}

std::string Summary::to_json() const {
  std::string json;
  base::JsonObject object(json);
  object.add("estadio_summary", kFormat);
  object.add("program", program);
  object.add("proved_at", base::format_time(proved_at_ms));
  object.add("proved_at_ms", proved_at_ms);
  object.add("contest", contest);
  object.add("started_at_ms", started_at_ms);
  object.add("retry_window_ms", retry_window_ms);
  object.add("coin_commitment", coin_commitment);
  object.add("coin_seed", coin_seed);
  for (const NotCountedField& field : kNotCountedFields) {
    object.add(field.name, not_counted.*field.member);
  }
  std::string_view separator = "[\n";
  object.key("counts");
  for (const Score::Count& each : counts) {
    json += std::exchange(separator, ",\n");
    base::JsonObject count(json);
    count.add("faculty", each.faculty);
    count.add("discipline", each.discipline_id);
    count.add("outcome", to_string(each.outcome));
    count.add("count", each.count);
    count.close();
  }
  json += counts.empty() ? "[]" : "]";
  separator = "[\n";
  object.key("partitions");
  for (const Partition& each : partitions) {
    json += std::exchange(separator, ",\n");
    base::JsonObject partition(json);
    partition.add("topic", topic_name(each.id.topic));
    partition.add("partition", each.id.number);
    partition.add("next_offset", each.next_offset);
    partition.add("sha256", each.sha256);
    partition.close();
  }
  json += partitions.empty() ? "[]" : "]";
  object.close();
  return json + '\n';
}

base::Result<Summary> Summary::from_file(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, base::read_file(path, kFileBytesMax));
  const auto refuse = [&](std::string_view why) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("{}: not a summary of `estadio verify --export`: {}", path, why));
  };
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  const auto error = parser.parse(text).get(object);
  if (error != simdjson::SUCCESS) return refuse(simdjson::error_message(error));
  Summary summary;
  if (const std::string fault = read_summary(object, summary); !fault.empty()) {
    return refuse(fault);
  }
  return summary;
}

std::int64_t Summary::records() const {
  std::int64_t sum = 0;
  for (const Partition& each : partitions) sum += each.next_offset;
  return sum;
}

const Summary::Partition* Summary::find(PartitionId id) const {
  const auto found = std::ranges::find(partitions, id, &Partition::id);
  return found == partitions.end() ? nullptr : &*found;
}

}  // namespace estadio
