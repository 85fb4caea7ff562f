#include "estadio/rpc/batch_codec.h"

#include <estadio/v1/judge.pb.h>
#include <gtest/gtest.h>

#include <numeric>

#include "estadio/rpc/test_judge.h"

namespace estadio {
namespace {

std::vector<std::uint32_t> all_places(const EntryBatch& batch) {
  std::vector<std::uint32_t> places(batch.entries.size());
  std::iota(places.begin(), places.end(), 0);
  return places;
}

void expect_same(const Entry& got, std::string_view got_student, const Entry& sent,
                 std::string_view sent_student) {
  EXPECT_EQ(got.id, sent.id);
  EXPECT_EQ(got.is_id_given, sent.is_id_given);
  EXPECT_EQ(got.faculty, sent.faculty);
  EXPECT_EQ(got.discipline, sent.discipline);
  EXPECT_EQ(got.age, sent.age);
  EXPECT_EQ(got.has_student, sent.has_student);
  EXPECT_EQ(got_student, sent_student);
}

class BatchCodecTest : public testing::Test {
 protected:
  BatchCodecTest() {
    batch_ = test::numbered_batch(1, 30);
    encode_batch(batch_, all_places(batch_), message_);
  }

  // Returns the error of the message.
  std::string refusal() {
    EntryBatch decoded;
    const auto result = decode_batch(message_, caller_, decoded);
    if (result) return "none";
    EXPECT_EQ(result.error().code(), base::Code::kInvalidArgument);
    return result.error().message();
  }

  EntryBatch batch_;
  v1::Batch message_;
  CallerIndexes caller_{.faculties = {0, 1}, .disciplines = {0, 1, 2}};
};

TEST_F(BatchCodecTest, ABatchArrivesAsItWasSent) {
  EntryBatch decoded;
  ASSERT_TRUE(decode_batch(message_, caller_, decoded));
  ASSERT_EQ(decoded.entries.size(), batch_.entries.size());
  for (std::size_t i = 0; i < decoded.entries.size(); ++i) {
    expect_same(decoded.entries[i], decoded.student(decoded.entries[i]), batch_.entries[i],
                batch_.student(batch_.entries[i]));
  }
}

TEST_F(BatchCodecTest, OnlyTheEntriesThatWereChosenTravel) {
  const std::vector<std::uint32_t> places = {3, 8, 29};
  encode_batch(batch_, places, message_);
  EntryBatch decoded;
  ASSERT_TRUE(decode_batch(message_, caller_, decoded));
  ASSERT_EQ(decoded.entries.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    expect_same(decoded.entries[i], decoded.student(decoded.entries[i]), batch_.entries[places[i]],
                batch_.student(batch_.entries[places[i]]));
  }
}

TEST_F(BatchCodecTest, TheCallersIndexesBecomeOurs) {
  caller_ = {.faculties = {7, 5}, .disciplines = {2, 9, 4}};
  EntryBatch decoded;
  ASSERT_TRUE(decode_batch(message_, caller_, decoded));
  for (std::size_t i = 0; i < decoded.entries.size(); ++i) {
    EXPECT_EQ(decoded.entries[i].faculty, caller_.faculties[batch_.entries[i].faculty]);
    EXPECT_EQ(decoded.entries[i].discipline, caller_.disciplines[batch_.entries[i].discipline]);
  }
}

TEST_F(BatchCodecTest, TheLongestStudentsAndAnEmptyOneArrive) {
  EntryBatch batch;
  for (const std::size_t size : {std::size_t{0}, Entry::kStudentBytesMax, std::size_t{0}}) {
    Entry& entry = batch.entries.emplace_back();
    entry.has_student = true;
    entry.student_at = static_cast<std::uint32_t>(batch.text.size());
    entry.student_size = static_cast<std::uint8_t>(size);
    entry.age = Entry::kAgeMax;
    batch.text += std::string(size, 'x');
  }
  encode_batch(batch, all_places(batch), message_);
  EntryBatch decoded;
  ASSERT_TRUE(decode_batch(message_, caller_, decoded));
  EXPECT_TRUE(decoded.entries[0].has_student);
  EXPECT_EQ(decoded.student(decoded.entries[0]), "");
  EXPECT_EQ(decoded.student(decoded.entries[1]), batch.text);
}

TEST_F(BatchCodecTest, AFullBatchFitsInAMessage) {
  EntryBatch batch;
  batch.text = std::string(Entry::kStudentBytesMax, 'x');
  batch.entries.resize(kBatchEntriesMax, Entry{.id = {},
                                               .student_size = Entry::kStudentBytesMax,
                                               .has_student = true,
                                               .age = Entry::kAgeMax});
  encode_batch(batch, all_places(batch), message_);
  EXPECT_LT(message_.ByteSizeLong(), kMessageBytesMax);
  EXPECT_EQ(refusal(), "none");
}

TEST_F(BatchCodecTest, ColumnsOfTheWrongSizeAreNamed) {
  const v1::Batch good = message_;
  const auto refusal_of = [&](const auto& change) {
    message_ = good;
    change(message_);
    return refusal();
  };
  EXPECT_EQ(refusal_of([](v1::Batch& m) { m.clear_ids(); }),
            "ids: expected 16 bytes for each of 1 to 16384 entries, got 0");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { m.mutable_ids()->pop_back(); }),
            "ids: expected 16 bytes for each of 1 to 16384 entries, got 479");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { m.mutable_ids()->resize(16 * 16385); }),
            "ids: expected 16 bytes for each of 1 to 16384 entries, got 262160");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { m.clear_faculties(); }),
            "faculties: expected 30 bytes, got 0");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { *m.mutable_disciplines() += '\0'; }),
            "disciplines: expected 30 bytes, got 31");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { m.mutable_flags()->pop_back(); }),
            "flags: expected 30 bytes, got 29");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { m.mutable_ages()->pop_back(); }),
            "ages: fewer than flags say");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { *m.mutable_ages() += '\1'; }),
            "ages: expected 24 bytes, got 25");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { m.clear_student_sizes(); }),
            "student_sizes: fewer than flags say");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { *m.mutable_student_sizes() += '\0'; }),
            "student_sizes: expected 23 bytes, got 24");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { m.mutable_text()->pop_back(); }),
            "text: shorter than student_sizes");
  EXPECT_NE(refusal_of([](v1::Batch& m) { *m.mutable_text() += 'x'; }).find("text: expected"),
            std::string::npos);
}

TEST_F(BatchCodecTest, ValuesOutOfRangeAreNamedWithTheirPlace) {
  const v1::Batch good = message_;
  const auto refusal_of = [&](const auto& change) {
    message_ = good;
    change(message_);
    return refusal();
  };
  EXPECT_EQ(refusal_of([](v1::Batch& m) { (*m.mutable_faculties())[3] = '\2'; }),
            "faculties[3]: expected a position below 2, got 2");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { (*m.mutable_disciplines())[4] = '\xFF'; }),
            "disciplines[4]: expected a position below 3, got 255");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { (*m.mutable_flags())[0] = '\x10'; }),
            "flags[0]: unknown bits");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { (*m.mutable_flags())[0] = '\2'; }),
            "flags[0]: unknown bits");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { (*m.mutable_ages())[1] = '\x97'; }),
            "ages[1]: expected 0 to 150, got 151");
  EXPECT_EQ(refusal_of([](v1::Batch& m) { (*m.mutable_student_sizes())[1] = '\xC9'; }),
            "student_sizes[1]: expected 0 to 200, got 201");
  caller_.disciplines[1] = CallerIndexes::kNotJudged;
  EXPECT_EQ(
      refusal_of([](v1::Batch&) {}),
      "disciplines[0]: this server does not judge it; the handshake named those that it judges");
}

TEST_F(BatchCodecTest, StudentsAreTextInWholeCharacters) {
  const v1::Batch good = message_;
  (*message_.mutable_text())[0] = '\xFF';
  EXPECT_EQ(refusal(), "text: not UTF-8");
  message_ = good;
  (*message_.mutable_text())[0] = '\0';
  EXPECT_EQ(refusal(), "text: a student cannot hold NUL");
  message_ = good;
  // The second half of the ë of "Zoë 1" becomes the next student's.
  (*message_.mutable_student_sizes())[0] = 3;
  EXPECT_EQ(refusal(), "student_sizes[1]: the previous student ends within a character");
}

TEST(VerdictCodecTest, EveryVerdictArrivesAtItsPlace) {
  std::vector<Verdict> verdicts;
  std::vector<std::uint32_t> places;
  for (const auto outcome : {Outcome::kWinner, Outcome::kLoser}) {
    for (const bool is_repeated : {false, true}) {
      for (const auto durability : {Verdict::Durability::kOfBatch, Verdict::Durability::kKept,
                                    Verdict::Durability::kRefused, Verdict::Durability::kUnknown,
                                    Verdict::Durability::kNotInTime, Verdict::Durability::kConflict,
                                    Verdict::Durability::kOver}) {
        for (const auto field : {EntryField::kFaculty, EntryField::kDiscipline,
                                 EntryField::kStudent, EntryField::kAge}) {
          verdicts.push_back({.outcome = outcome,
                              .is_repeated = is_repeated,
                              .durability = durability,
                              .conflict = field});
          places.push_back(static_cast<std::uint32_t>(223 - 2 * places.size()));
        }
      }
    }
  }
  std::vector<Verdict> decoded(224);
  ASSERT_TRUE(decode_verdicts(encode_verdicts(verdicts), places, decoded));
  for (std::size_t i = 0; i < places.size(); ++i) {
    EXPECT_EQ(decoded[places[i]].outcome, verdicts[i].outcome);
    EXPECT_EQ(decoded[places[i]].is_repeated, verdicts[i].is_repeated);
    EXPECT_EQ(decoded[places[i]].durability, verdicts[i].durability);
    EXPECT_EQ(decoded[places[i]].conflict, verdicts[i].conflict);
  }
}

TEST(VerdictCodecTest, VerdictsThatDoNotFitAreRefusedAndNothingIsWritten) {
  std::vector<Verdict> decoded(2, {.outcome = Outcome::kLoser, .is_repeated = true});
  const std::vector<std::uint32_t> places = {0, 1};
  for (const std::string& bytes : {std::string(), std::string(1, '\0'), std::string(3, '\0'),
                                   std::string("\0\x1c", 2), std::string("\0\x80", 2)}) {
    EXPECT_FALSE(decode_verdicts(bytes, places, decoded));
    EXPECT_TRUE(decoded[0].is_repeated && decoded[1].is_repeated);
  }
}

}  // namespace
}  // namespace estadio
