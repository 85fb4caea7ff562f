#include "estadio/rpc/batch_codec.h"

#include <algorithm>
#include <cstring>
#include <estadio/v1/judge.pb.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "base/check.h"

namespace estadio {
namespace {

constexpr std::size_t kIdBytes = std::tuple_size_v<decltype(base::Uuid::bytes)>;

// Bits of Batch.flags.
constexpr unsigned kGiven = 1;
constexpr unsigned kHasAge = 4;
constexpr unsigned kHasStudent = 8;
constexpr unsigned kAllFlags = kGiven | kHasAge | kHasStudent;

// Bits of Verdicts.verdicts.
constexpr unsigned kLost = 1;
constexpr unsigned kRepeated = 2;
constexpr unsigned kDurabilityShift = 2;
constexpr unsigned kDurabilityMask = 7;
constexpr unsigned kConflictShift = 5;
constexpr unsigned kConflictMask = 3;
constexpr unsigned kVerdictBits = 7;

unsigned byte_at(std::string_view column, std::size_t place) {
  return static_cast<unsigned char>(column[place]);
}

base::Failure refuse(std::string message) {
  return base::fail(base::Code::kInvalidArgument, std::move(message));
}

base::Failure refuse(std::string_view column, std::size_t place, std::string_view what) {
  return refuse(fmt::format("{}[{}]: {}", column, place, what));
}

base::Result<void> check_size(std::string_view column, std::size_t size, std::size_t expected) {
  if (size == expected) return {};
  return refuse(fmt::format("{}: expected {} bytes, got {}", column, expected, size));
}

// Reads the columns entry by entry. `ages` and `student_sizes` have a place only for entries with
// an age or a student, so each has a position of its own.
class BatchReader {
 public:
  BatchReader(const v1::Batch& message, const CallerIndexes& caller, EntryBatch& batch)
      : message_(message), caller_(caller), batch_(batch) {}

  base::Result<void> run() {
    const std::size_t count = message_.ids().size() / kIdBytes;
    if (message_.ids().size() % kIdBytes != 0 || count == 0 || count > kBatchEntriesMax) {
      return refuse(fmt::format("ids: expected {} bytes for each of 1 to {} entries, got {}",
                                kIdBytes, kBatchEntriesMax, message_.ids().size()));
    }
    RETURN_IF_ERROR(check_size("faculties", message_.faculties().size(), count));
    RETURN_IF_ERROR(check_size("disciplines", message_.disciplines().size(), count));
    RETURN_IF_ERROR(check_size("flags", message_.flags().size(), count));
    RETURN_IF_ERROR(check_text());
    batch_.clear();
    batch_.text = message_.text();
    batch_.entries.reserve(count);
    for (std::size_t i = 0; i < count; ++i) RETURN_IF_ERROR(add_entry(i));
    RETURN_IF_ERROR(check_size("ages", message_.ages().size(), next_age_));
    RETURN_IF_ERROR(check_size("student_sizes", message_.student_sizes().size(), next_student_));
    return check_size("text", message_.text().size(), student_at_);
  }

 private:
  base::Result<void> check_text() const {
    const std::string& text = message_.text();
    if (!simdjson::validate_utf8(text.data(), text.size())) return refuse("text: not UTF-8");
    if (text.find('\0') != std::string::npos) return refuse("text: a student cannot hold NUL");
    return {};
  }

  base::Result<void> add_entry(std::size_t place) {
    const unsigned faculty = byte_at(message_.faculties(), place);
    if (faculty >= caller_.faculties.size()) {
      return refuse(
          "faculties", place,
          fmt::format("expected a position below {}, got {}", caller_.faculties.size(), faculty));
    }
    const unsigned discipline = byte_at(message_.disciplines(), place);
    if (discipline >= caller_.disciplines.size()) {
      return refuse("disciplines", place,
                    fmt::format("expected a position below {}, got {}", caller_.disciplines.size(),
                                discipline));
    }
    if (caller_.disciplines[discipline] == CallerIndexes::kNotJudged) {
      return refuse("disciplines", place,
                    "this server does not judge it; the handshake named those that it judges");
    }
    const unsigned flags = byte_at(message_.flags(), place);
    if ((flags & ~kAllFlags) != 0) return refuse("flags", place, "unknown bits");
    Entry& entry = batch_.entries.emplace_back();
    std::memcpy(entry.id.bytes.data(), message_.ids().data() + place * kIdBytes, kIdBytes);
    entry.faculty = caller_.faculties[faculty];
    entry.discipline = caller_.disciplines[discipline];
    entry.is_id_given = (flags & kGiven) != 0;
    if ((flags & kHasAge) != 0) RETURN_IF_ERROR(add_age(entry));
    if ((flags & kHasStudent) != 0) RETURN_IF_ERROR(add_student(entry));
    return {};
  }

  base::Result<void> add_age(Entry& entry) {
    const std::string& ages = message_.ages();
    if (next_age_ == ages.size()) return refuse("ages: fewer than flags say");
    const unsigned age = byte_at(ages, next_age_);
    if (age > Entry::kAgeMax) {
      return refuse("ages", next_age_,
                    fmt::format("expected 0 to {}, got {}", Entry::kAgeMax, age));
    }
    entry.age = static_cast<std::int16_t>(age);
    ++next_age_;
    return {};
  }

  base::Result<void> add_student(Entry& entry) {
    const std::string& sizes = message_.student_sizes();
    if (next_student_ == sizes.size()) return refuse("student_sizes: fewer than flags say");
    const unsigned size = byte_at(sizes, next_student_);
    if (size > Entry::kStudentBytesMax) {
      return refuse("student_sizes", next_student_,
                    fmt::format("expected 0 to {}, got {}", Entry::kStudentBytesMax, size));
    }
    if (size > batch_.text.size() - student_at_) return refuse("text: shorter than student_sizes");
    // The whole text is UTF-8. So a student is UTF-8 too, unless it begins within a character.
    if (size > 0 && (byte_at(batch_.text, student_at_) & 0xC0) == 0x80) {
      return refuse("student_sizes", next_student_, "the previous student ends within a character");
    }
    entry.has_student = true;
    entry.student_at = static_cast<std::uint32_t>(student_at_);
    entry.student_size = static_cast<std::uint8_t>(size);
    student_at_ += size;
    ++next_student_;
    return {};
  }

  const v1::Batch& message_;
  const CallerIndexes& caller_;
  EntryBatch& batch_;
  std::size_t next_age_ = 0;
  std::size_t next_student_ = 0;
  std::size_t student_at_ = 0;
};

}  // namespace

void encode_batch(const EntryBatch& batch, std::span<const std::uint32_t> places,
                  v1::Batch& message) {
  CHECK(places.size() <= kBatchEntriesMax);
  std::string& ids = *message.mutable_ids();
  std::string& faculties = *message.mutable_faculties();
  std::string& disciplines = *message.mutable_disciplines();
  std::string& flags = *message.mutable_flags();
  std::string& ages = *message.mutable_ages();
  std::string& student_sizes = *message.mutable_student_sizes();
  std::string& text = *message.mutable_text();
  ids.resize(places.size() * kIdBytes);
  faculties.resize(places.size());
  disciplines.resize(places.size());
  flags.resize(places.size());
  ages.clear();
  student_sizes.clear();
  text.clear();
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Entry& entry = batch.entries[places[i]];
    std::memcpy(ids.data() + i * kIdBytes, entry.id.bytes.data(), kIdBytes);
    faculties[i] = static_cast<char>(entry.faculty);
    disciplines[i] = static_cast<char>(entry.discipline);
    unsigned bits = entry.is_id_given ? kGiven : 0;
    if (entry.age != Entry::kNoAge) {
      bits |= kHasAge;
      ages += static_cast<char>(entry.age);
    }
    if (entry.has_student) {
      bits |= kHasStudent;
      student_sizes += static_cast<char>(entry.student_size);
      text += batch.student(entry);
    }
    flags[i] = static_cast<char>(bits);
  }
}

base::Result<void> decode_batch(const v1::Batch& message, const CallerIndexes& caller,
                                EntryBatch& batch) {
  return BatchReader(message, caller, batch).run();
}

std::string encode_verdicts(std::span<const Verdict> verdicts) {
  std::string bytes(verdicts.size(), '\0');
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const Verdict& verdict = verdicts[i];
    bytes[i] = static_cast<char>((verdict.outcome == Outcome::kLoser ? kLost : 0) |
                                 (verdict.is_repeated ? kRepeated : 0) |
                                 static_cast<unsigned>(verdict.durability) << kDurabilityShift |
                                 static_cast<unsigned>(verdict.conflict) << kConflictShift);
  }
  return bytes;
}

base::Result<void> decode_verdicts(std::string_view bytes, std::span<const std::uint32_t> places,
                                   std::span<Verdict> verdicts) {
  RETURN_IF_ERROR(check_size("verdicts", bytes.size(), places.size()));
  const auto bad = std::ranges::find_if(bytes, [](char byte) {
    const auto bits = static_cast<unsigned>(static_cast<unsigned char>(byte));
    const unsigned durability = bits >> kDurabilityShift & kDurabilityMask;
    return bits >> kVerdictBits != 0 ||
           durability > static_cast<unsigned>(Verdict::Durability::kOver);
  });
  if (bad != bytes.end()) {
    return refuse("verdicts", static_cast<std::size_t>(bad - bytes.begin()), "unknown bits");
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const unsigned bits = byte_at(bytes, i);
    verdicts[places[i]] = {
        .outcome = (bits & kLost) != 0 ? Outcome::kLoser : Outcome::kWinner,
        .is_repeated = (bits & kRepeated) != 0,
        .durability = static_cast<Verdict::Durability>(bits >> kDurabilityShift & kDurabilityMask),
        .conflict = static_cast<EntryField>(bits >> kConflictShift & kConflictMask)};
  }
  return {};
}

}  // namespace estadio
