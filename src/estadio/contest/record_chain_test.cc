#include "estadio/contest/record_chain.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace estadio {
namespace {

std::vector<LoggedRecord> three_records() {
  return {{.offset = 0, .time_ms = 1'790'000'000'000, .line = R"({"id":"a"})"},
          {.offset = 1, .time_ms = 1'790'000'000'000, .line = R"({"id":"b"})"},
          {.offset = 2, .time_ms = 1'790'000'000'001, .line = R"({"id":"c"})"}};
}

RecordChain chain_of(const std::vector<LoggedRecord>& records) {
  RecordChain chain;
  chain.add(records);
  return chain;
}

TEST(RecordChainTest, IsTheSameInOneStepAndInMany) {
  const auto records = three_records();
  RecordChain chain;
  for (const LoggedRecord& record : records) chain.add(record);
  EXPECT_EQ(chain, chain_of(records));
  EXPECT_NE(chain, RecordChain());
}

// A score book keeps chains. Another version of the program must compute the same ones.
TEST(RecordChainTest, HasTheDocumentedValue) {
  const RecordChain chain = chain_of(three_records());
  EXPECT_EQ(chain.before_last, 4178800236474485225U);
  EXPECT_EQ(chain.all, 8852288984550991022U);
}

TEST(RecordChainTest, DependsOnEveryRecordsOffsetTimeAndLine) {
  const RecordChain chain = chain_of(three_records());
  for (std::size_t i = 0; i < 3; ++i) {
    auto records = three_records();
    records[i].offset += 10;
    EXPECT_NE(chain_of(records).all, chain.all);
    records = three_records();
    records[i].time_ms += 1;
    EXPECT_NE(chain_of(records).all, chain.all);
    records = three_records();
    records[i].line = R"({"id":"x"})";
    EXPECT_NE(chain_of(records).all, chain.all);
  }
  auto swapped = three_records();
  std::swap(swapped[0].line, swapped[1].line);
  EXPECT_NE(chain_of(swapped).all, chain.all);
}

TEST(RecordChainTest, ShowsWhetherARecordIsTheLastOne) {
  auto records = three_records();
  const RecordChain chain = chain_of(records);
  EXPECT_TRUE(chain.ends_with(records[2]));
  EXPECT_FALSE(chain.ends_with(records[1]));
  records[2].time_ms += 1;
  EXPECT_FALSE(chain.ends_with(records[2]));
}

}  // namespace
}  // namespace estadio
