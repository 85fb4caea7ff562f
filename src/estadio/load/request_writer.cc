#include "estadio/load/request_writer.h"

#include <array>
#include <charconv>
#include <cstring>
#include <fmt/format.h>

#include "base/check.h"

namespace estadio::load {
namespace {

constexpr std::size_t kPreparedMax = 4096;  // requests kept ready
constexpr std::size_t kLengthDigitsMax = 8;
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kIdStart = R"({"id":")";

std::string head_start_of(const Target& target, bool is_batch) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\nContent-Length: ", target.path,
      target.authority, is_batch ? "application/x-ndjson" : "application/json");
}

}  // namespace

RequestWriter::RequestWriter(const Entries& entries, const Target& target, const Options& options,
                             const base::Clock& clock)
    : entries_(entries),
      options_(options),
      clock_(clock),
      head_start_(head_start_of(target, options.batch > 1)),
      body_at_(head_start_.size() + kLengthDigitsMax + kHeadEnd.size()),
      random_(options.seed + static_cast<std::uint64_t>(options.thread)) {
  CHECK(entries.longest_bytes() * static_cast<std::size_t>(options.batch) <= kBodyBytesMax);
  next_in_turn_ = static_cast<std::size_t>(options.thread * options.batch) % entries.size();
  if (options.batch > 1 || options.gives_ids || entries.size() > kPreparedMax) return;
  std::string room;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    room.assign(body_at_, ' ');
    room += entries.at(i).json;
    prepared_.push_back(room.substr(write_head(room, body_at_)));
  }
}

std::size_t RequestWriter::next_entry() {
  if (entries_.order() == Entries::Order::kAtRandom) {
    // Scale the upper 32 random bits to the count. The bias is at most count / 2^32.
    return static_cast<std::size_t>((random_() >> 32) * entries_.size() >> 32);
  }
  const std::size_t index = next_in_turn_;
  if (++next_in_turn_ == entries_.size()) next_in_turn_ = 0;
  return index;
}

void RequestWriter::skip_turns_of_others() {
  if (options_.threads == 1) return;
  const auto skipped = static_cast<std::size_t>((options_.threads - 1) * options_.batch);
  next_in_turn_ = (next_in_turn_ + skipped) % entries_.size();
}

std::string_view RequestWriter::next(std::string& room, SentEntries& sent) {
  sent.ids.clear();
  sent.entries.clear();
  if (!prepared_.empty()) {
    const std::size_t index = next_entry();
    const Entries::Entry entry = entries_.at(index);
    note(sent, index, entry.id, entry.has_id);
    skip_turns_of_others();
    return prepared_[index];
  }
  room.resize(body_at_);
  append_entry(room, sent, next_entry());
  for (std::int64_t i = 1; i < options_.batch; ++i) {
    room += '\n';
    append_entry(room, sent, next_entry());
  }
  skip_turns_of_others();
  return std::string_view(room).substr(write_head(room, body_at_));
}

void RequestWriter::append_entry(std::string& room, SentEntries& sent, std::size_t index) {
  const Entries::Entry entry = entries_.at(index);
  if (!options_.gives_ids || entry.has_id) {
    room += entry.json;
    return note(sent, index, entry.id, entry.has_id);
  }
  std::array<char, base::Uuid::kTextSize> text;
  uuids_.next(clock_.wall_ms()).format_to(text.data());
  const std::string_view id(text.data(), text.size());
  note(sent, index, id, true);
  room += kIdStart;
  room += id;
  room += '"';
  const std::string_view members = entry.json.substr(1);
  if (members.find_first_not_of(" \t") != members.size() - 1) room += ',';
  room += members;
}

// Adds an entry of the request. `id` is empty when there is none, or it is no UUID.
void RequestWriter::note(SentEntries& sent, std::size_t index, std::string_view id,
                         bool has_id) const {
  using IdSource = SentEntries::IdSource;
  const IdSource with_id = id.empty() ? IdSource::kUnknown : IdSource::kClient;
  sent.id_source = has_id ? with_id : IdSource::kServer;
  if (id.empty() && options_.batch > 1) return;
  sent.ids += id;
  sent.entries.push_back(static_cast<std::uint32_t>(index));
}

std::size_t RequestWriter::write_head(std::string& room, std::size_t body_at) const {
  std::array<char, kLengthDigitsMax> digits;
  const char* const end =
      std::to_chars(digits.data(), digits.data() + digits.size(), room.size() - body_at).ptr;
  const auto digit_count = static_cast<std::size_t>(end - digits.data());
  const std::size_t head_at = body_at - kHeadEnd.size() - digit_count - head_start_.size();
  char* out = room.data() + head_at;
  std::memcpy(out, head_start_.data(), head_start_.size());
  out += head_start_.size();
  std::memcpy(out, digits.data(), digit_count);
  out += digit_count;
  std::memcpy(out, kHeadEnd.data(), kHeadEnd.size());
  return head_at;
}

}  // namespace estadio::load
