// The contract of Judge, for every implementation.
//
// An adapter's test makes a harness and instantiates the suite:
//
//   struct LocalJudgeHarness {
//     static constexpr int kPartitions = …;  // the partitions of each topic in events()
//     const Contest& contest();
//     const Coin& coin();          // the outcomes must equal its tosses
//     Judge& judge();              // used by the test's thread
//     EventLog& events();          // gets the results; kPartitions partitions per topic
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Local, JudgeContract, LocalJudgeHarness);
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "estadio/contest/coin.h"
#include "estadio/contest/judge.h"
#include "estadio/contest/record.h"
#include "estadio/contest/test_world.h"

namespace estadio {

template <class Harness>
class JudgeContract : public testing::Test {
 protected:
  static void add(EntryBatch& batch, std::uint64_t number, bool is_given = false) {
    const std::string student = fmt::format("Zoë {}", number);
    batch.entries.push_back({.id = test::numbered_id(number),
                             .student_at = static_cast<std::uint32_t>(batch.text.size()),
                             .student_size = static_cast<std::uint8_t>(student.size()),
                             .has_student = true,
                             .is_id_given = is_given,
                             .faculty = static_cast<FacultyIndex>(number % 2),
                             .discipline = static_cast<DisciplineIndex>(number % 3),
                             .age = 20});
    batch.text += student;
  }

  // Judges the batch and returns the verdicts. Fills them before with values that the judge must
  // overwrite.
  std::vector<Verdict> judge(const EntryBatch& batch) {
    std::vector<Verdict> verdicts;
    for (std::size_t i = 0; i < batch.entries.size(); ++i) {
      verdicts.push_back(
          {.outcome = i % 2 == 0 ? Outcome::kWinner : Outcome::kLoser, .is_repeated = true});
    }
    std::promise<base::Result<void>> answer;
    auto answered = answer.get_future();
    harness_.judge().judge(batch, verdicts,
                           [&](base::Result<void> result) { answer.set_value(std::move(result)); });
    const auto result = answered.get();
    EXPECT_TRUE(result) << result.error().message();
    return verdicts;
  }

  struct Logged {
    PartitionId partition;
    std::string line;
  };
  // Returns all records by the text of their ids.
  std::multimap<std::string, Logged> logged() {
    std::multimap<std::string, Logged> all;
    EventLog& events = harness_.events();
    for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
      for (int number = 0; number < Harness::kPartitions; ++number) {
        const PartitionId partition{.topic = topic, .number = number};
        auto reader = events.read_from(partition, 0);
        EXPECT_TRUE(reader);
        std::vector<LoggedRecord> records;
        while ((*reader)->position() < events.end_offset(partition).value()) {
          if (!(*reader)->read(records, test::kPatience) || records.empty()) {
            ADD_FAILURE() << "the log cannot be read";
            return all;
          }
          for (const LoggedRecord& record : records) {
            all.emplace(RecordFormat::id_text(record.line),
                        Logged{partition, std::string(record.line)});
          }
        }
      }
    }
    return all;
  }

  Harness harness_;
};

TYPED_TEST_SUITE_P(JudgeContract);

TYPED_TEST_P(JudgeContract, EveryOutcomeIsTheCoins) {
  EntryBatch batch;
  for (std::uint64_t i = 0; i < 200; ++i) this->add(batch, i, i % 3 == 0);
  const auto verdicts = this->judge(batch);
  for (std::uint64_t i = 0; i < 200; ++i) {
    EXPECT_EQ(verdicts[i].outcome, this->harness_.coin().toss(test::numbered_id(i)).outcome);
    EXPECT_FALSE(verdicts[i].is_repeated);
  }
}

TYPED_TEST_P(JudgeContract, WhenDoneIsCalledEveryResultIsInTheLogInItsIdsPartition) {
  EntryBatch batch;
  for (std::uint64_t i = 0; i < 200; ++i) this->add(batch, i, i % 3 == 0);
  const auto verdicts = this->judge(batch);
  const auto logged = this->logged();
  ASSERT_EQ(logged.size(), 200U);
  const RecordFormat format(this->harness_.contest());
  for (std::size_t i = 0; i < 200; ++i) {
    const Entry& entry = batch.entries[i];
    const auto found = logged.find(entry.id.to_string());
    ASSERT_NE(found, logged.end());
    const Coin::Toss toss = this->harness_.coin().toss(entry.id);
    EXPECT_EQ(found->second.partition.topic, toss.outcome);
    EXPECT_EQ(found->second.partition.number, toss.partition(TypeParam::kPartitions));
    std::string line;
    format.append(line, entry, batch.student(entry), verdicts[i].outcome);
    EXPECT_EQ(found->second.line + "\n", line);
  }
}

TYPED_TEST_P(JudgeContract, TheSameIdHasTheSameOutcomeAndPartitionAgain) {
  EntryBatch batch;
  for (std::uint64_t i = 0; i < 50; ++i) this->add(batch, i, true);
  const auto first = this->judge(batch);
  const auto again = this->judge(batch);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(first[i].outcome, again[i].outcome);
  const auto logged = this->logged();
  for (const auto& [id, record] : logged) {
    EXPECT_EQ(record.partition, logged.find(id)->second.partition);
  }
}

TYPED_TEST_P(JudgeContract, AnEntryMarkedAsRepeatedWasInTheLogBefore) {
  EntryBatch batch;
  for (std::uint64_t i = 0; i < 20; ++i) this->add(batch, i, true);
  this->judge(batch);
  batch.clear();
  for (std::uint64_t i = 0; i < 40; ++i) this->add(batch, i, true);
  const auto verdicts = this->judge(batch);
  const auto logged = this->logged();
  for (std::uint64_t i = 0; i < 40; ++i) {
    // A judge may have forgotten the id. Then it logs the record again, and the tally counts one.
    EXPECT_TRUE(i < 20 || !verdicts[i].is_repeated) << i;
    const std::size_t times = logged.count(test::numbered_id(i).to_string());
    EXPECT_GE(times, 1U);
    EXPECT_LE(times, verdicts[i].is_repeated || i >= 20 ? 1U : 2U);
  }
}

TYPED_TEST_P(JudgeContract, EveryVerdictIsOverwritten) {
  EntryBatch batch;
  for (std::uint64_t i = 0; i < 10; ++i) this->add(batch, i, false);
  for (const Verdict& verdict : this->judge(batch)) EXPECT_FALSE(verdict.is_repeated);
  EXPECT_EQ(this->logged().size(), 10U);
}

TYPED_TEST_P(JudgeContract, AnEmptyBatchIsDone) {
  EXPECT_TRUE(this->judge(EntryBatch()).empty());
  EXPECT_TRUE(this->logged().empty());
}

TYPED_TEST_P(JudgeContract, BatchesMayBeUnderWayTogether) {
  static constexpr std::size_t kBatches = 20;
  std::vector<EntryBatch> batches(kBatches);
  std::vector<std::vector<Verdict>> verdicts(kBatches, std::vector<Verdict>(10));
  std::vector<std::promise<base::Result<void>>> answers(kBatches);
  for (std::size_t i = 0; i < kBatches; ++i) {
    for (std::uint64_t j = 0; j < 10; ++j) this->add(batches[i], i * 10 + j, j % 2 == 0);
    this->harness_.judge().judge(batches[i], verdicts[i], [&answers, i](base::Result<void> result) {
      answers[i].set_value(std::move(result));
    });
  }
  for (std::size_t i = 0; i < kBatches; ++i) {
    EXPECT_TRUE(answers[i].get_future().get());
    for (std::uint64_t j = 0; j < 10; ++j) {
      EXPECT_EQ(verdicts[i][j].outcome,
                this->harness_.coin().toss(test::numbered_id(i * 10 + j)).outcome);
    }
  }
  EXPECT_EQ(this->logged().size(), kBatches * 10);
}

REGISTER_TYPED_TEST_SUITE_P(JudgeContract, EveryOutcomeIsTheCoins,
                            WhenDoneIsCalledEveryResultIsInTheLogInItsIdsPartition,
                            TheSameIdHasTheSameOutcomeAndPartitionAgain,
                            AnEntryMarkedAsRepeatedWasInTheLogBefore, EveryVerdictIsOverwritten,
                            AnEmptyBatchIsDone, BatchesMayBeUnderWayTogether);

}  // namespace estadio
