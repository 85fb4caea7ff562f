#include "vigia/sources/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>

#include "vigia/sources/test_rows.h"

namespace vigia {
namespace {

using test::append_bytes;
using test::bytes_of;
using test::end_after;
using test::header_of_rows;
using test::row_of;
using test::stream_of;

constexpr std::uint64_t kFigureMax = std::uint64_t{INT64_MAX} / 4;

std::vector<Row> three() { return {row_of(1), row_of(2), row_of(70)}; }

struct Refusal {
  base::Code code;
  std::string message;
  friend bool operator==(const Refusal&, const Refusal&) = default;
  friend void PrintTo(const Refusal& refusal, std::ostream* out) {
    *out << base::to_string(refusal.code) << ": " << refusal.message;
  }
};

Refusal refusal_of(std::string_view bytes) {
  std::vector<Row> rows;
  const auto done = parse_rows(bytes, rows);
  if (done) return {.code = base::Code::kInternal, .message = "none"};
  return {.code = done.error().code(), .message = done.error().message()};
}

Refusal corruption(std::string message) {
  return {.code = base::Code::kCorruption, .message = std::move(message)};
}

// Returns the error for three rows after a change of the second.
Refusal refusal_after(const std::function<void(Row&)>& change) {
  auto rows = three();
  change(rows[1]);
  return refusal_of(stream_of(rows));
}

TEST(ParseRowsTest, AWholeStreamGivesItsProcesses) {
  auto given = three();
  given[1].runtime_ns = kFigureMax;
  std::vector<Row> rows(5);
  ASSERT_TRUE(parse_rows(stream_of(given), rows));
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(std::memcmp(rows.data(), given.data(), sizeof(Row) * 3), 0);
}

TEST(ParseRowsTest, AStreamMayHaveNoProcess) {
  std::vector<Row> rows(5);
  ASSERT_TRUE(parse_rows(stream_of({}), rows));
  EXPECT_TRUE(rows.empty());
}

TEST(ParseRowsTest, BytesNeedNotBeAligned) {
  const auto given = three();
  const std::string shifted = "x" + stream_of(given);
  std::vector<Row> rows;
  ASSERT_TRUE(parse_rows(std::string_view(shifted).substr(1), rows));
  EXPECT_EQ(std::memcmp(rows.data(), given.data(), sizeof(Row) * 3), 0);
}

TEST(ParseRowsTest, ACutHeaderIsNamed) {
  const std::string bytes = stream_of(three());
  for (std::size_t size = 0; size < sizeof(vigia_header); ++size) {
    EXPECT_EQ(refusal_of(bytes.substr(0, size)), corruption("the header is cut")) << size;
  }
}

TEST(ParseRowsTest, AHeaderOfSomethingElseIsNamed) {
  auto header = header_of_rows();
  header.magic = 0;
  EXPECT_EQ(refusal_of(bytes_of({}, header)), corruption("it lacks the mark of vigia's rows"));
  header = header_of_rows();
  header.record_bytes = 8;
  EXPECT_EQ(refusal_of(bytes_of({}, header)), corruption("rows of 8 bytes, expected 136"));
}

TEST(ParseRowsTest, AnotherSchemaIsNamedBesideTheOneExpected) {
  auto header = header_of_rows();
  header.schema = 7;
  header.record_bytes = 8;  // another schema may have this; the error is about the schema
  const Refusal refusal = refusal_of(bytes_of({}, header));
  EXPECT_EQ(refusal.code, base::Code::kFailedPrecondition);
  EXPECT_EQ(refusal.message,
            "its rows have schema 7, expected 1: another release of vigia made them");
}

TEST(ParseRowsTest, ACutRowIsNamed) {
  const std::string bytes = stream_of(three());
  for (std::size_t size = sizeof(vigia_header); size < bytes.size(); ++size) {
    const bool is_between =
        size != sizeof(vigia_header) && (size - sizeof(vigia_header)) % sizeof(Row) == 0;
    EXPECT_EQ(refusal_of(bytes.substr(0, size)),
              corruption(is_between ? "it ends before its last row" : "a row is cut"))
        << size;
  }
  EXPECT_EQ(refusal_of(bytes + "x"), corruption("a row is cut"));
}

TEST(ParseRowsTest, AStreamEndsWithAnEndThatCountsItsProcesses) {
  const auto refusal = corruption("it ends before its last row");
  EXPECT_EQ(refusal_of(bytes_of(three())), refusal);
  for (const std::size_t count : {2U, 4U, 0xffffffffU}) {
    std::string bytes = bytes_of(three());
    append_bytes(bytes, end_after(count));
    EXPECT_EQ(refusal_of(bytes), refusal) << count;
  }
}

TEST(ParseRowsTest, AnEndInTheMiddleIsNamed) {
  EXPECT_EQ(refusal_after([](auto& row) { row = end_after(1); }),
            corruption("row 1 has an impossible value"));
}

TEST(ParseRowsTest, PidsThatDoNotAscendAreNamed) {
  EXPECT_EQ(refusal_after([](auto& row) { row.pid = 1; }),
            corruption("row 1 has pid 1, after pid 1"));
  EXPECT_EQ(refusal_after([](auto& row) { row.pid = 71; }),
            corruption("row 2 has pid 70, after pid 71"));
}

TEST(ParseRowsTest, FiguresThatNoProcessHasAreNamed) {
  const auto is_refused = [](const auto& change) {
    return refusal_after(change) == corruption("row 1 has an impossible value");
  };
  EXPECT_TRUE(is_refused([](auto& row) { row.kind = 0; }));
  EXPECT_TRUE(is_refused([](auto& row) { row.kind = 3; }));
  EXPECT_TRUE(is_refused([](auto& row) { row.pid = 0; }));
  EXPECT_TRUE(is_refused([](auto& row) { row.pid = INT32_MIN; }));
  EXPECT_TRUE(is_refused([](auto& row) { row.ppid = -1; }));
  EXPECT_TRUE(is_refused([](auto& row) { row.threads = -1; }));
}

TEST(ParseRowsTest, StatesAreThoseOfProc) {
  constexpr std::string_view kStates = "RSDTtXZPI";
  for (unsigned state = 0; state < 256; ++state) {
    const bool is_known = kStates.find(static_cast<char>(state)) != std::string_view::npos;
    const auto refusal =
        refusal_after([state](auto& row) { row.state = static_cast<__u8>(state); });
    EXPECT_EQ(refusal.message, is_known ? "none" : "row 1 has an impossible value") << state;
  }
}

TEST(ParseRowsTest, FiguresHaveABound) {
  using Figure = __u64 Row::*;
  for (const Figure figure : kRowFigures) {
    const auto refusal = [figure](std::uint64_t value) {
      return refusal_after([=](auto& row) { row.*figure = value; }).message;
    };
    EXPECT_EQ(refusal(kFigureMax), "none");
    EXPECT_EQ(refusal(kFigureMax + 1), "row 1 has an impossible value");
    EXPECT_EQ(refusal(UINT64_MAX), "row 1 has an impossible value");
  }
}

TEST(ParseRowsTest, IdsAreAnyNumbers) {
  EXPECT_EQ(refusal_after([](auto& row) {
              row.cgroup_id = row.exec_id = UINT64_MAX;
              row.uid = row.flags = UINT32_MAX;
              row.oom_score_adj = -1000;
            }).message,
            "none");
}

// Random streams of a seed.
class Streams {
 public:
  explicit Streams(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random_);
  }

  std::vector<Row> next() {
    std::vector<Row> rows(below(5));
    std::int32_t pid = 0;
    for (Row& each : rows) {
      for (std::size_t i = 0; i < sizeof(each); ++i) {
        reinterpret_cast<char*>(&each)[i] = static_cast<char>(below(256));
      }
      each.kind = VIGIA_PROCESS;
      each.pid = pid += 1 + static_cast<std::int32_t>(below(1000));
      each.ppid = static_cast<std::int32_t>(below(1000));
      each.threads = static_cast<std::int32_t>(below(1000));
      each.state = static_cast<__u8>("RSDTtXZPI"[below(9)]);
      for (const auto figure : kRowFigures) {
        each.*figure = below(2) == 0 ? below(3) : below(kFigureMax + 1);
      }
    }
    return rows;
  }

 private:
  std::mt19937_64 random_;
};

// Rows that were accepted can be used: pids ascend, and no sum overflows.
void expect_sound(const std::vector<Row>& rows) {
  EXPECT_TRUE(std::ranges::is_sorted(rows, std::ranges::less_equal(), &Row::pid));
  for (const Row& each : rows) {
    const RunTime runtime = divide_runtime(each);
    EXPECT_GE(runtime.user_ns, 0);
    EXPECT_GE(runtime.system_ns, 0);
    EXPECT_EQ(static_cast<std::uint64_t>(runtime.user_ns + runtime.system_ns), each.runtime_ns);
  }
}

TEST(ParseRowsTest, AnyStreamRoundTripsAndDamageIsHarmless) {
  constexpr std::uint64_t kSeed = 20'250'117;
  constexpr int kStreams = 200;
  constexpr int kFlips = 100;
  Streams streams(kSeed);
  std::vector<Row> rows;
  for (int i = 0; i < kStreams; ++i) {
    SCOPED_TRACE(testing::Message() << "stream " << i << " of seed " << kSeed);
    const auto given = streams.next();
    const std::string whole = stream_of(given);
    const auto done = parse_rows(whole, rows);
    ASSERT_TRUE(done) << done.error().message();
    ASSERT_EQ(rows.size(), given.size());
    EXPECT_TRUE(given.empty() ||
                std::memcmp(rows.data(), given.data(), sizeof(Row) * given.size()) == 0);
    expect_sound(rows);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      // The copy has no spare room, so that a sanitizer sees a step beyond the end.
      const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_FALSE(parse_rows({cut.data(), cut.size()}, rows)) << size;
    }
    for (int flip = 0; flip < kFlips; ++flip) {
      std::string damaged = whole;
      char& byte = damaged[streams.below(damaged.size())];
      byte = static_cast<char>(byte ^ (1 << streams.below(8)));
      if (parse_rows(damaged, rows)) expect_sound(rows);
    }
  }
}

RunTime divided(std::uint64_t runtime_ns, std::uint64_t user_ns, std::uint64_t system_ns) {
  Row row = row_of(1);
  row.runtime_ns = runtime_ns;
  row.user_ns = user_ns;
  row.system_ns = system_ns;
  return divide_runtime(row);
}

TEST(DivideRuntimeTest, ATimeWithoutTicksIsUserTime) {
  EXPECT_EQ(divided(0, 0, 0), RunTime());
  EXPECT_EQ(divided(999, 0, 0), (RunTime{.user_ns = 999, .system_ns = 0}));
}

TEST(DivideRuntimeTest, ATimeWithTicksOfOneSideBelongsToThatSide) {
  EXPECT_EQ(divided(999, 1, 0), (RunTime{.user_ns = 999, .system_ns = 0}));
  EXPECT_EQ(divided(999, 0, 1), (RunTime{.user_ns = 0, .system_ns = 999}));
}

TEST(DivideRuntimeTest, ATimeIsDividedInTheRatioOfItsTicks) {
  EXPECT_EQ(divided(1000, 3, 1), (RunTime{.user_ns = 750, .system_ns = 250}));
  EXPECT_EQ(divided(100, 10'000'000, 20'000'000), (RunTime{.user_ns = 34, .system_ns = 66}));
  EXPECT_EQ(divided(0, 3, 1), RunTime());
}

TEST(DivideRuntimeTest, TheLargestFiguresDoNotOverflow) {
  constexpr auto kMax = static_cast<std::int64_t>(kFigureMax);
  EXPECT_EQ(divided(kFigureMax, kFigureMax, kFigureMax),
            (RunTime{.user_ns = kMax - kMax / 2, .system_ns = kMax / 2}));
  // The same for figures beyond those that parse_rows() accepts.
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  EXPECT_EQ(divided(kHuge, kHuge, kHuge), (RunTime{.user_ns = kHuge / 2, .system_ns = kHuge / 2}));
}

}  // namespace
}  // namespace vigia
