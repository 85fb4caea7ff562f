#include "vigia/sources/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>

#include "vigia/sources/test_records.h"

namespace vigia {
namespace {

using test::append_bytes;
using test::bytes_of;
using test::end_after;
using test::header_of_records;
using test::record_of;
using test::stream_of;

constexpr std::uint64_t kFigureMax = std::uint64_t{INT64_MAX} / 4;

std::vector<vigia_record> three() { return {record_of(1), record_of(2), record_of(70)}; }

struct Refusal {
  base::Code code;
  std::string message;
  friend bool operator==(const Refusal&, const Refusal&) = default;
  friend void PrintTo(const Refusal& refusal, std::ostream* out) {
    *out << base::to_string(refusal.code) << ": " << refusal.message;
  }
};

Refusal refusal_of(std::string_view bytes) {
  std::vector<vigia_record> records;
  const auto done = parse_records(bytes, records);
  if (done) return {.code = base::Code::kInternal, .message = "none"};
  return {.code = done.error().code(), .message = done.error().message()};
}

Refusal corruption(std::string message) {
  return {.code = base::Code::kCorruption, .message = std::move(message)};
}

// Of three records, of which the second was changed.
Refusal refusal_after(const std::function<void(vigia_record&)>& change) {
  auto records = three();
  change(records[1]);
  return refusal_of(stream_of(records));
}

TEST(ParseRecordsTest, AWholeStreamGivesItsProcesses) {
  auto given = three();
  given[1].runtime_ns = kFigureMax;
  std::vector<vigia_record> records(5);
  ASSERT_TRUE(parse_records(stream_of(given), records));
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(std::memcmp(records.data(), given.data(), sizeof(vigia_record) * 3), 0);
}

TEST(ParseRecordsTest, AStreamMayHaveNoProcess) {
  std::vector<vigia_record> records(5);
  ASSERT_TRUE(parse_records(stream_of({}), records));
  EXPECT_TRUE(records.empty());
}

TEST(ParseRecordsTest, BytesNeedNotBeAligned) {
  const auto given = three();
  const std::string shifted = "x" + stream_of(given);
  std::vector<vigia_record> records;
  ASSERT_TRUE(parse_records(std::string_view(shifted).substr(1), records));
  EXPECT_EQ(std::memcmp(records.data(), given.data(), sizeof(vigia_record) * 3), 0);
}

TEST(ParseRecordsTest, ACutHeaderIsNamed) {
  const std::string bytes = stream_of(three());
  for (std::size_t size = 0; size < sizeof(vigia_header); ++size) {
    EXPECT_EQ(refusal_of(bytes.substr(0, size)), corruption("the header is cut")) << size;
  }
}

TEST(ParseRecordsTest, AHeaderOfSomethingElseIsNamed) {
  auto header = header_of_records();
  header.magic = 0;
  EXPECT_EQ(refusal_of(bytes_of({}, header)),
            corruption("it does not begin as vigia's records do"));
  header = header_of_records();
  header.record_bytes = 8;
  EXPECT_EQ(refusal_of(bytes_of({}, header)), corruption("records of 8 bytes, expected 136"));
}

TEST(ParseRecordsTest, AnotherSchemaIsNamedBesideTheOneExpected) {
  auto header = header_of_records();
  header.schema = 7;
  header.record_bytes = 8;  // as may be in another schema: it is not what is said
  const Refusal refusal = refusal_of(bytes_of({}, header));
  EXPECT_EQ(refusal.code, base::Code::kFailedPrecondition);
  EXPECT_EQ(refusal.message,
            "its records are of schema 7, expected 1: it is of another release of vigia");
}

TEST(ParseRecordsTest, ACutRecordIsNamed) {
  const std::string bytes = stream_of(three());
  for (std::size_t size = sizeof(vigia_header); size < bytes.size(); ++size) {
    const bool is_between =
        size != sizeof(vigia_header) && (size - sizeof(vigia_header)) % sizeof(vigia_record) == 0;
    EXPECT_EQ(refusal_of(bytes.substr(0, size)),
              corruption(is_between ? "it ends before its last record" : "a record is cut"))
        << size;
  }
  EXPECT_EQ(refusal_of(bytes + "x"), corruption("a record is cut"));
}

TEST(ParseRecordsTest, AStreamEndsWithAnEndThatCountsItsProcesses) {
  const auto refusal = corruption("it ends before its last record");
  EXPECT_EQ(refusal_of(bytes_of(three())), refusal);
  for (const std::size_t count : {2U, 4U, 0xffffffffU}) {
    std::string bytes = bytes_of(three());
    append_bytes(bytes, end_after(count));
    EXPECT_EQ(refusal_of(bytes), refusal) << count;
  }
}

TEST(ParseRecordsTest, AnEndInTheMiddleIsNamed) {
  EXPECT_EQ(refusal_after([](auto& record) { record = end_after(1); }),
            corruption("record 1 has what none may have"));
}

TEST(ParseRecordsTest, PidsThatDoNotAscendAreNamed) {
  EXPECT_EQ(refusal_after([](auto& record) { record.pid = 1; }),
            corruption("record 1 is of pid 1, after 1"));
  EXPECT_EQ(refusal_after([](auto& record) { record.pid = 71; }),
            corruption("record 2 is of pid 70, after 71"));
}

TEST(ParseRecordsTest, FiguresThatNoProcessHasAreNamed) {
  const auto is_refused = [](const auto& change) {
    return refusal_after(change) == corruption("record 1 has what none may have");
  };
  EXPECT_TRUE(is_refused([](auto& record) { record.kind = 0; }));
  EXPECT_TRUE(is_refused([](auto& record) { record.kind = 3; }));
  EXPECT_TRUE(is_refused([](auto& record) { record.pid = 0; }));
  EXPECT_TRUE(is_refused([](auto& record) { record.pid = INT32_MIN; }));
  EXPECT_TRUE(is_refused([](auto& record) { record.ppid = -1; }));
  EXPECT_TRUE(is_refused([](auto& record) { record.threads = -1; }));
}

TEST(ParseRecordsTest, StatesAreThoseOfProc) {
  constexpr std::string_view kStates = "RSDTtXZPI";
  for (unsigned state = 0; state < 256; ++state) {
    const bool is_known = kStates.find(static_cast<char>(state)) != std::string_view::npos;
    const auto refusal =
        refusal_after([state](auto& record) { record.state = static_cast<__u8>(state); });
    EXPECT_EQ(refusal.message, is_known ? "none" : "record 1 has what none may have") << state;
  }
}

TEST(ParseRecordsTest, FiguresHaveABound) {
  using Figure = __u64 vigia_record::*;
  for (const Figure figure :
       {&vigia_record::start_ns, &vigia_record::read_ns, &vigia_record::runtime_ns,
        &vigia_record::user_ns, &vigia_record::system_ns, &vigia_record::vsz_bytes,
        &vigia_record::rss_anon_bytes, &vigia_record::rss_file_bytes,
        &vigia_record::rss_shmem_bytes}) {
    const auto refusal = [figure](std::uint64_t value) {
      return refusal_after([=](auto& record) { record.*figure = value; }).message;
    };
    EXPECT_EQ(refusal(kFigureMax), "none");
    EXPECT_EQ(refusal(kFigureMax + 1), "record 1 has what none may have");
    EXPECT_EQ(refusal(UINT64_MAX), "record 1 has what none may have");
  }
}

TEST(ParseRecordsTest, IdsAreAnyNumbers) {
  EXPECT_EQ(refusal_after([](auto& record) {
              record.cgroup_id = record.exec_id = UINT64_MAX;
              record.uid = record.flags = UINT32_MAX;
              record.oom_score_adj = -1000;
            }).message,
            "none");
}

// Streams that a seed gives.
class Streams {
 public:
  explicit Streams(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random_);
  }

  std::vector<vigia_record> next() {
    std::vector<vigia_record> records(below(5));
    std::int32_t pid = 0;
    for (vigia_record& each : records) {
      for (std::size_t i = 0; i < sizeof(each); ++i) {
        reinterpret_cast<char*>(&each)[i] = static_cast<char>(below(256));
      }
      each.kind = VIGIA_PROCESS;
      each.pid = pid += 1 + static_cast<std::int32_t>(below(1000));
      each.ppid = static_cast<std::int32_t>(below(1000));
      each.threads = static_cast<std::int32_t>(below(1000));
      each.state = static_cast<__u8>("RSDTtXZPI"[below(9)]);
      for (auto* figure :
           {&each.start_ns, &each.read_ns, &each.runtime_ns, &each.user_ns, &each.system_ns,
            &each.vsz_bytes, &each.rss_anon_bytes, &each.rss_file_bytes, &each.rss_shmem_bytes}) {
        *figure = below(2) == 0 ? below(3) : below(kFigureMax + 1);
      }
    }
    return records;
  }

 private:
  std::mt19937_64 random_;
};

// What is taken may be used: pids ascend, and no sum overflows.
void expect_sound(const std::vector<vigia_record>& records) {
  EXPECT_TRUE(std::ranges::is_sorted(records, std::ranges::less_equal(), &vigia_record::pid));
  for (const vigia_record& each : records) {
    const RunTime runtime = divide_runtime(each);
    EXPECT_GE(runtime.user_ns, 0);
    EXPECT_GE(runtime.system_ns, 0);
    EXPECT_EQ(static_cast<std::uint64_t>(runtime.user_ns + runtime.system_ns), each.runtime_ns);
  }
}

TEST(ParseRecordsTest, AnyStreamComesBackAndNoDamageToItDoesHarm) {
  constexpr std::uint64_t kSeed = 20'250'117;
  constexpr int kStreams = 200;
  constexpr int kFlips = 100;
  Streams streams(kSeed);
  std::vector<vigia_record> records;
  for (int i = 0; i < kStreams; ++i) {
    SCOPED_TRACE(testing::Message() << "stream " << i << " of seed " << kSeed);
    const auto given = streams.next();
    const std::string whole = stream_of(given);
    const auto done = parse_records(whole, records);
    ASSERT_TRUE(done) << done.error().message();
    ASSERT_EQ(records.size(), given.size());
    EXPECT_TRUE(given.empty() || std::memcmp(records.data(), given.data(),
                                             sizeof(vigia_record) * given.size()) == 0);
    expect_sound(records);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      // Of its own size, so that a sanitizer sees a step beyond the end.
      const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_FALSE(parse_records({cut.data(), cut.size()}, records)) << size;
    }
    for (int flip = 0; flip < kFlips; ++flip) {
      std::string damaged = whole;
      char& byte = damaged[streams.below(damaged.size())];
      byte = static_cast<char>(byte ^ (1 << streams.below(8)));
      if (parse_records(damaged, records)) expect_sound(records);
    }
  }
}

RunTime divided(std::uint64_t runtime_ns, std::uint64_t user_ns, std::uint64_t system_ns) {
  vigia_record record = record_of(1);
  record.runtime_ns = runtime_ns;
  record.user_ns = user_ns;
  record.system_ns = system_ns;
  return divide_runtime(record);
}

TEST(DivideRuntimeTest, WhatNoTickSawIsTheUsers) {
  EXPECT_EQ(divided(0, 0, 0), RunTime());
  EXPECT_EQ(divided(999, 0, 0), (RunTime{.user_ns = 999, .system_ns = 0}));
}

TEST(DivideRuntimeTest, WhereTicksSawOneSideAllIsOfIt) {
  EXPECT_EQ(divided(999, 1, 0), (RunTime{.user_ns = 999, .system_ns = 0}));
  EXPECT_EQ(divided(999, 0, 1), (RunTime{.user_ns = 0, .system_ns = 999}));
}

TEST(DivideRuntimeTest, ItIsDividedAsTicksAre) {
  EXPECT_EQ(divided(1000, 3, 1), (RunTime{.user_ns = 750, .system_ns = 250}));
  EXPECT_EQ(divided(100, 10'000'000, 20'000'000), (RunTime{.user_ns = 34, .system_ns = 66}));
  EXPECT_EQ(divided(0, 3, 1), RunTime());
}

TEST(DivideRuntimeTest, TheLargestFiguresDoNotOverflow) {
  constexpr auto kMax = static_cast<std::int64_t>(kFigureMax);
  EXPECT_EQ(divided(kFigureMax, kFigureMax, kFigureMax),
            (RunTime{.user_ns = kMax - kMax / 2, .system_ns = kMax / 2}));
  // Beyond what parse_records takes, too.
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  EXPECT_EQ(divided(kHuge, kHuge, kHuge), (RunTime{.user_ns = kHuge / 2, .system_ns = kHuge / 2}));
}

}  // namespace
}  // namespace vigia
