#include "estadio/log/disk_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <future>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "estadio/contest/event_log_contract.h"
#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

namespace fs = std::filesystem;
using test::append_and_wait;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};
constexpr PartitionId kLosers1{.topic = Outcome::kLoser, .number = 1};
constexpr std::size_t kSmallSegment = std::size_t{64} << 10;

class DiskLogHarness {
 public:
  EventLog& open(int partitions) {
    partitions_ = partitions;
    return reopen();
  }
  EventLog& reopen() {
    log_.reset();
    auto opened = DiskLog::open({.folder = folder_ / "log", .partitions = partitions_}, clock_,
                                captured_.logger());
    if (!opened) {
      ADD_FAILURE() << opened.error().message();
      std::abort();
    }
    log_ = *std::move(opened);
    return *log_;
  }

 private:
  test::TempFolder folder_;
  base::SystemClock clock_;
  test::CapturedLog captured_;
  int partitions_ = 0;
  std::unique_ptr<DiskLog> log_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(DiskLog, EventLogContract, DiskLogHarness);

// A log of two partitions per topic in a folder of its own, and the means to harm it.
class DiskLogTest : public testing::Test {
 protected:
  [[nodiscard]] base::Result<std::unique_ptr<DiskLog>> try_open(const std::string& folder) {
    return DiskLog::open(
        {.folder = folder, .partitions = 2, .segment_bytes = segment_bytes_, .disk = disk_}, clock_,
        captured_.logger());
  }
  std::unique_ptr<DiskLog> open() { return open(path()); }
  std::unique_ptr<DiskLog> open(const std::string& folder) {
    auto opened = try_open(folder);
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *std::move(opened) : nullptr;
  }
  [[nodiscard]] std::string path() const { return folder_ / "log"; }

  void append(DiskLog& log, PartitionId to, std::uint64_t from, std::uint64_t until) {
    RecordBatch batch(2);
    batch.time_ms = clock_.wall_ms();
    for (std::uint64_t number = from; number < until; ++number) records_.add(batch, to, number);
    const auto appended = append_and_wait(log, batch);
    ASSERT_TRUE(appended) << appended.error().message();
  }

  // The numbers of a partition's records, or the error met on the way.
  [[nodiscard]] base::Result<std::vector<std::uint64_t>> numbers(DiskLog& log,
                                                                 PartitionId partition,
                                                                 std::int64_t from = 0) const {
    std::vector<std::uint64_t> numbers;
    ASSIGN_OR_RETURN(const auto end, log.end_offset(partition));
    ASSIGN_OR_RETURN(const auto reader, log.read_from(partition, from));
    std::vector<LoggedRecord> records;
    std::int64_t next = from;
    while (reader->position() < end) {
      RETURN_IF_ERROR(reader->read(records, std::chrono::seconds(1)));
      for (const LoggedRecord& record : records) {
        if (record.offset != next++) {
          return base::fail(
              base::Code::kInternal,
              fmt::format("offset {} came where {} was expected", record.offset, next - 1));
        }
        numbers.push_back(records_.number_of(record.line));
      }
    }
    return numbers;
  }
  void expect_numbers(DiskLog& log, PartitionId partition, std::uint64_t until) const {
    const auto found = numbers(log, partition);
    ASSERT_TRUE(found) << found.error().message();
    ASSERT_EQ(found->size(), until);
    for (std::uint64_t i = 0; i < until; ++i) ASSERT_EQ((*found)[i], i);
  }

  struct Place {
    std::size_t position = 0;
    std::size_t size = 0;
    std::uint64_t sequence = 0;
  };
  // The places of a segment's blocks.
  [[nodiscard]] static std::vector<Place> blocks_of(const std::string& folder, std::size_t number) {
    const auto segments = list_segments(folder);
    EXPECT_TRUE(segments);
    auto reader = SegmentReader::open((*segments)[number]);
    EXPECT_TRUE(reader);
    std::vector<Place> places;
    while (true) {
      const auto placed = reader->next();
      EXPECT_TRUE(placed);
      if (!placed || !*placed) return places;
      places.push_back({(*placed)->position, (*placed)->bytes.size(), (*placed)->block.sequence});
    }
  }
  [[nodiscard]] static std::string segment(const std::string& folder, std::uint64_t number) {
    return folder + "/" + segment_name(number);
  }
  static void overwrite(const std::string& file, std::size_t position, std::string_view bytes) {
    const base::UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(position)),
              static_cast<ssize_t>(bytes.size()));
  }
  static void flip_bit(const std::string& file, std::size_t position) {
    const base::UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    char byte = 0;
    ASSERT_EQ(::pread(fd.get(), &byte, 1, static_cast<off_t>(position)), 1);
    byte = static_cast<char>(byte ^ 0x10);
    ASSERT_EQ(::pwrite(fd.get(), &byte, 1, static_cast<off_t>(position)), 1);
  }

  test::TempFolder folder_;
  test::TestClock clock_;
  test::CapturedLog captured_;
  test::NumberedRecords records_;
  std::size_t segment_bytes_ = kSmallSegment;
  Disk* disk_ = nullptr;
};

TEST_F(DiskLogTest, ASegmentTooSmallToHoldItsHeaderIsRefused) {
  segment_bytes_ = kSmallSegment - 1;
  const auto opened = try_open(path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), base::Code::kInvalidArgument);
  EXPECT_THAT(opened.error().message(), HasSubstr("65536"));
}

TEST_F(DiskLogTest, SegmentsRollAndReadersCrossThem) {
  constexpr std::uint64_t kRecords = 4000;
  {
    const auto log = open();
    for (std::uint64_t i = 0; i < kRecords; i += 50) append(*log, kWinners0, i, i + 50);
    EXPECT_GT(list_segments(path())->size(), 5U);
    expect_numbers(*log, kWinners0, kRecords);
  }
  const auto log = open();
  expect_numbers(*log, kWinners0, kRecords);
  const auto ends = numbers(*log, kWinners0, 3990);
  ASSERT_TRUE(ends);
  EXPECT_EQ(ends->size(), 10U);
  append(*log, kWinners0, kRecords, kRecords + 1);
  expect_numbers(*log, kWinners0, kRecords + 1);
}

TEST_F(DiskLogTest, ABlockLargerThanASegmentGetsOneOfItsOwn) {
  {
    const auto log = open();
    append(*log, kWinners0, 0, 10);
    append(*log, kWinners0, 10, 2000);  // some 260 KiB
    append(*log, kWinners0, 2000, 2010);
    expect_numbers(*log, kWinners0, 2010);
  }
  const auto segments = list_segments(path());
  ASSERT_TRUE(segments);
  EXPECT_GE(segments->size(), 3U);
  EXPECT_GT(fs::file_size((*segments)[1].path), 3 * kSmallSegment);
  const auto log = open();
  expect_numbers(*log, kWinners0, 2010);
  EXPECT_THAT(captured_.text(), Not(HasSubstr("torn")));
}

TEST_F(DiskLogTest, AReaderThatFellBehindWhatIsInMemoryGoesOnFromTheFiles) {
  segment_bytes_ = std::size_t{4} << 20;
  const auto log = open();
  append(*log, kWinners0, 0, 5);
  const auto reader = log->read_from(kWinners0, 0);
  ASSERT_TRUE(reader);
  std::vector<LoggedRecord> records;
  ASSERT_TRUE((*reader)->read(records, test::kPatience));
  // More than the memory holds, in blocks that cross segments.
  constexpr std::uint64_t kStep = 12'000;
  std::uint64_t end = 5;
  while (log->stats().bytes < DiskLog::kTailBytesMax * 3 / 2) {
    append(*log, kWinners0, end, end + kStep);
    end += kStep;
  }
  std::uint64_t next = 5;
  while (next < end) {
    ASSERT_TRUE((*reader)->read(records, test::kPatience));
    ASSERT_FALSE(records.empty());
    for (const LoggedRecord& record : records) {
      ASSERT_EQ(record.offset, static_cast<std::int64_t>(next));
      ASSERT_EQ(records_.number_of(record.line), next++);
    }
  }
  append(*log, kWinners0, end, end + 1);
  ASSERT_TRUE((*reader)->read(records, test::kPatience));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records_.number_of(records[0].line), end);
}

TEST_F(DiskLogTest, OffsetBeforeSkipsNoRecordWhoseTimeWentBack) {
  const std::int64_t start_ms = clock_.wall_ms();
  const auto log = open();
  std::uint64_t number = 0;
  std::vector<std::int64_t> times;
  for (const std::int64_t at : {0, 60, 3600, 61, 62, 7200, 10, 63, 64}) {
    clock_.set(start_ms + at * 1000);
    append(*log, kWinners0, number, number + 300);  // about half a segment
    number += 300;
    times.push_back(at);
  }
  ASSERT_GT(list_segments(path())->size(), 4U);
  for (const std::int64_t at : {0, 10, 60, 61, 64, 3600, 7200, 9000}) {
    const auto offset = log->offset_before(kWinners0, start_ms + at * 1000);
    ASSERT_TRUE(offset);
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (times[i] >= at) {
        EXPECT_LE(*offset, static_cast<std::int64_t>(i * 300)) << at;
      }
    }
  }
  EXPECT_GT(log->offset_before(kWinners0, start_ms + 9'000'000).value(), 0);
}

TEST_F(DiskLogTest, OffsetBeforeSkipsSegmentsThatAreOldEnough) {
  const auto log = open();
  const std::int64_t start_ms = clock_.wall_ms();
  std::uint64_t number = 0;
  for (int second = 0; second < 60; ++second) {
    append(*log, kWinners0, number, number + 60);
    number += 60;
    clock_.advance(1000);
  }
  ASSERT_GT(list_segments(path())->size(), 3U);
  const auto first = log->offset_before(kWinners0, start_ms + 1);
  const auto middle = log->offset_before(kWinners0, start_ms + 30'000);
  const auto last = log->offset_before(kWinners0, start_ms + 3'600'000);
  ASSERT_TRUE(first && middle && last);
  EXPECT_EQ(*first, 0);
  EXPECT_GT(*middle, 0);
  EXPECT_LE(*middle, 30 * 60);
  EXPECT_GT(*last, *middle);
}

TEST_F(DiskLogTest, AnotherNumberOfPartitionsIsRefused) {
  open();
  for (const int partitions : {1, 3}) {
    const auto opened =
        DiskLog::open({.folder = path(), .partitions = partitions}, clock_, captured_.logger());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), base::Code::kFailedPrecondition);
    EXPECT_THAT(opened.error().message(),
                AllOf(HasSubstr("made with 2 partitions"), HasSubstr(path())));
  }
}

TEST_F(DiskLogTest, AMissingSegmentIsNamed) {
  {
    const auto log = open();
    for (std::uint64_t i = 0; i < 2000; i += 50) append(*log, kWinners0, i, i + 50);
  }
  ASSERT_GT(list_segments(path())->size(), 3U);
  fs::remove(segment(path(), 1));
  const auto opened = try_open(path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), base::Code::kCorruption);
  EXPECT_THAT(opened.error().message(), HasSubstr("expected segment 1"));
}

TEST_F(DiskLogTest, ASegmentOfAnotherLogIsRefused) {
  {
    const auto log = open();
    for (std::uint64_t i = 0; i < 1000; i += 50) append(*log, kWinners0, i, i + 50);
    const auto other = open(folder_ / "other");
    for (std::uint64_t i = 0; i < 1000; i += 50) append(*other, kWinners0, i, i + 50);
  }
  ASSERT_GT(list_segments(path())->size(), 1U);
  fs::copy_file(segment(folder_ / "other", 1), segment(path(), 1),
                fs::copy_options::overwrite_existing);
  const auto opened = try_open(path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), base::Code::kCorruption);
  EXPECT_THAT(opened.error().message(),
              AllOf(HasSubstr("another log"), HasSubstr(segment_name(1))));
}

TEST_F(DiskLogTest, ADamagedSegmentHeaderIsNamed) {
  {
    const auto log = open();
    for (std::uint64_t i = 0; i < 1000; i += 50) append(*log, kWinners0, i, i + 50);
  }
  for (const std::size_t position : {0U, 9U, 13U, 17U, 25U, 33U, 41U, 50U, 58U, 80U, 89U, 8191U}) {
    flip_bit(segment(path(), 1), position);
    const auto opened = try_open(path());
    ASSERT_FALSE(opened) << position;
    EXPECT_EQ(opened.error().code(), base::Code::kCorruption);
    EXPECT_THAT(opened.error().message(), HasSubstr(segment_name(1)));
    flip_bit(segment(path(), 1), position);
  }
  fs::resize_file(segment(path(), 1), 100);
  EXPECT_FALSE(try_open(path()));
}

TEST_F(DiskLogTest, ASegmentThatWasPreparedButNotUsedIsMadeAnew) {
  {
    const auto log = open();
    append(*log, kWinners0, 0, 10);
  }
  test::write_file(path() + "/next", std::string(10'000, 'x'));
  const auto log = open();
  for (std::uint64_t i = 10; i < 1000; i += 45) append(*log, kWinners0, i, i + 45);
  expect_numbers(*log, kWinners0, 1000);
}

class DiskLogTornTest : public DiskLogTest {
 protected:
  // A log of three blocks; the last is to be torn.
  void SetUp() override {
    {
      const auto log = open();
      append(*log, kWinners0, 0, 3);
      append(*log, kLosers1, 0, 2);
      RecordBatch batch(2);
      records_.add(batch, kWinners0, 3);
      records_.add(batch, kLosers1, 2);
      ASSERT_TRUE(append_and_wait(*log, batch));
    }
    blocks_ = blocks_of(path(), 0);
    ASSERT_EQ(blocks_.size(), 3U);
    last_ = blocks_.back();
    whole_ = test::read_file(segment(path(), 0)).substr(0, last_.position + last_.size);
  }

  // The log with `bytes`, then zeros, for its only segment, in a folder of its own.
  std::string folder_with(std::string bytes) {
    const std::string folder = folder_ / fmt::format("copy{}", copies_++);
    fs::create_directory(folder);
    bytes.resize(kSmallSegment);
    test::write_file(segment(folder, 0), bytes);
    return folder;
  }
  // Everything before the last block is there, nothing of it is, and the log goes on.
  void expect_repaired(const std::string& folder, std::string_view how) {
    SCOPED_TRACE(how);
    {
      const auto log = open(folder);
      ASSERT_NE(log, nullptr);
      expect_numbers(*log, kWinners0, 3);
      expect_numbers(*log, kLosers1, 2);
      append(*log, kWinners0, 3, 5);
      expect_numbers(*log, kWinners0, 5);
    }
    test::CapturedLog quiet;
    const auto again =
        DiskLog::open({.folder = folder, .partitions = 2, .segment_bytes = kSmallSegment}, clock_,
                      quiet.logger());
    ASSERT_TRUE(again) << again.error().message();
    expect_numbers(**again, kWinners0, 5);
    expect_numbers(**again, kLosers1, 2);
    EXPECT_EQ(quiet.text(), "") << "the repair did not last";
    fs::remove_all(folder);
  }
  [[nodiscard]] std::size_t warnings() const {
    const std::string text = captured_.text();
    std::size_t count = 0;
    for (auto at = text.find("torn tail"); at != std::string::npos;
         at = text.find("torn tail", at + 1)) {
      ++count;
    }
    return count;
  }

  std::vector<Place> blocks_;
  Place last_;
  std::string whole_;  // the segment up to its last block's end
  int copies_ = 0;
};

TEST_F(DiskLogTornTest, ATailOfZerosFromAnyByteOfTheLastBlockOnIsRepaired) {
  for (std::size_t kept = 1; kept < last_.size; ++kept) {
    std::string bytes = whole_.substr(0, last_.position + kept);
    if (bytes.back() == '\0') continue;  // as if torn a byte earlier
    // Where only padding is missing, which is zeros as well, the block is whole.
    if (whole_.find_first_not_of('\0', bytes.size()) == std::string::npos) break;
    expect_repaired(folder_with(bytes), fmt::format("{} of {} bytes", kept, last_.size));
    if (HasFatalFailure()) return;
  }
  EXPECT_THAT(captured_.text(), AllOf(HasSubstr("torn tail"), HasSubstr(segment_name(0)),
                                      HasSubstr(fmt::format("byte={}", last_.position))));
}

TEST_F(DiskLogTornTest, ASegmentThatIsCutShortIsRefusedAndLeftAsItIs) {
  // The missing bytes may have been acknowledged, so this is no torn tail.
  const std::string folder = folder_with(whole_);
  for (const std::size_t size : {kSmallSegment - 1, whole_.size(), last_.position + 10,
                                 last_.position, kSegmentHeaderBytes}) {
    fs::resize_file(segment(folder, 0), size);
    for (const bool is_to_read : {false, true}) {
      const auto opened =
          is_to_read ? DiskLog::open_to_read(folder, clock_, captured_.logger()) : try_open(folder);
      ASSERT_FALSE(opened) << size;
      EXPECT_EQ(opened.error().code(), base::Code::kCorruption);
      EXPECT_THAT(
          opened.error().message(),
          AllOf(HasSubstr(segment_name(0)), HasSubstr("cut short"),
                HasSubstr(fmt::format("made with {} bytes and has {}", kSmallSegment, size))));
    }
    EXPECT_EQ(fs::file_size(segment(folder, 0)), size);
  }
}

TEST_F(DiskLogTornTest, AHoleInAnySectorOfTheLastBlockIsRepaired) {
  // A write may reach the disk in any order of its parts.
  constexpr std::size_t kHole = 8;
  for (std::size_t at = 0; at + kHole < last_.size; at += kHole) {
    std::string bytes = whole_;
    const auto hole = bytes.begin() + static_cast<std::ptrdiff_t>(last_.position + at);
    if (std::all_of(hole, hole + kHole, [](char c) { return c == '\0'; })) continue;
    std::fill(hole, hole + kHole, '\0');
    expect_repaired(folder_with(bytes), fmt::format("a hole at {}", at));
    if (HasFatalFailure()) return;
  }
}

TEST_F(DiskLogTornTest, GarbageAfterTheLastBlockIsCutOff) {
  std::mt19937_64 random(20'261'123);
  for (const std::size_t size : {1U, 8U, 100U, 5000U}) {
    std::string bytes = whole_.substr(0, last_.position);
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(random() | 1);
    expect_repaired(folder_with(bytes), fmt::format("{} bytes of garbage", size));
  }
  EXPECT_EQ(warnings(), 4U);
}

TEST_F(DiskLogTornTest, WhatIsCutOffIsKeptAside) {
  // It may be a commit that was acknowledged and damaged since.
  const std::string folder = folder_with(whole_);
  flip_bit(segment(folder, 0), last_.position + kBlockHeaderBytes + kPartHeaderBytes + 3);
  const std::string damaged =
      test::read_file(segment(folder, 0)).substr(last_.position, last_.size);
  ASSERT_NE(open(folder), nullptr);
  const std::string aside =
      test::read_file(fmt::format("{}.torn-at-{}", segment(folder, 0), last_.position));
  EXPECT_EQ(aside, damaged.substr(0, damaged.find_last_not_of('\0') + 1));
  EXPECT_THAT(captured_.text(), HasSubstr("torn-at"));
}

TEST_F(DiskLogTornTest, AReaderOfATornLogSeesWhatIsWholeAndChangesNothing) {
  std::string bytes = whole_;
  bytes.pop_back();
  bytes[last_.position + kBlockHeaderBytes] ^= 1;
  bytes.resize(kSmallSegment);
  const std::string folder = folder_with(bytes);
  const auto log = DiskLog::open_to_read(folder, clock_, captured_.logger());
  ASSERT_TRUE(log) << log.error().message();
  expect_numbers(**log, kWinners0, 3);
  expect_numbers(**log, kLosers1, 2);
  EXPECT_EQ(test::read_file(segment(folder, 0)), bytes);
}

TEST_F(DiskLogTornTest, AFlippedBitInAMiddleBlockOfTheLastSegmentRefusesToOpen) {
  const Place& middle = blocks_[1];
  std::set<std::size_t> places = {0, 1, 4, 5, 6, 7};                         // magic and size
  for (std::size_t at = 8; at < kBlockHeaderBytes; ++at) places.insert(at);  // rest of the header
  for (std::size_t at = 0; at < kPartHeaderBytes; ++at) places.insert(kBlockHeaderBytes + at);
  places.insert(kBlockHeaderBytes + kPartHeaderBytes + 20);  // lines
  places.insert(middle.size - 1);                            // padding, or the last line
  for (const std::size_t place : places) {
    const std::string folder = folder_with(whole_);
    flip_bit(segment(folder, 0), middle.position + place);
    for (const bool is_to_read : {false, true}) {
      const auto opened =
          is_to_read ? DiskLog::open_to_read(folder, clock_, captured_.logger()) : try_open(folder);
      ASSERT_FALSE(opened) << "byte " << place << " of the block";
      EXPECT_EQ(opened.error().code(), base::Code::kCorruption);
      EXPECT_THAT(
          opened.error().message(),
          AllOf(HasSubstr(segment_name(0)), HasSubstr(fmt::format("byte {}", middle.position))));
    }
    fs::remove_all(folder);
  }
}

// Damage in a segment that is not the last is met by the reader that comes there.
class DiskLogOldDamageTest : public DiskLogTest {
 protected:
  void SetUp() override {
    const auto log = open();
    for (std::uint64_t i = 0; i < 1500; i += 3) append(*log, kWinners0, i, i + 3);
    ASSERT_GT(list_segments(path())->size(), 2U);
  }
  void expect_reported(const Place& block, std::size_t place) {
    flip_bit(segment(path(), 0), block.position + place);
    const auto log = open();
    ASSERT_NE(log, nullptr);
    const auto found = numbers(*log, kWinners0);
    ASSERT_FALSE(found) << "byte " << place << ": read " << found->size() << " records";
    EXPECT_EQ(found.error().code(), base::Code::kCorruption) << found.error().message();
    EXPECT_THAT(found.error().message(), AllOf(HasSubstr(segment_name(0)),
                                               HasSubstr(fmt::format("byte {}", block.position))));
    flip_bit(segment(path(), 0), block.position + place);
  }
};

TEST_F(DiskLogOldDamageTest, AFlippedBitInAMiddleBlockIsReportedWithFileAndByte) {
  const auto blocks = blocks_of(path(), 0);
  ASSERT_GT(blocks.size(), 4U);
  const Place& block = blocks[blocks.size() / 2];
  for (const std::size_t place :
       {std::size_t{0}, std::size_t{4}, std::size_t{9}, std::size_t{16}, std::size_t{24},
        kBlockHeaderBytes + 16, kBlockHeaderBytes + kPartHeaderBytes + 5, block.size - 1}) {
    expect_reported(block, place);
  }
}

TEST_F(DiskLogOldDamageTest, AFlippedBitInASegmentsLastBlockIsReportedWithFileAndByte) {
  const auto blocks = blocks_of(path(), 0);
  for (const std::size_t place : {std::size_t{0}, std::size_t{16}, kBlockHeaderBytes + 16,
                                  kBlockHeaderBytes + kPartHeaderBytes + 5}) {
    expect_reported(blocks.back(), place);
  }
}

TEST_F(DiskLogOldDamageTest, AnOldSegmentThatIsCutShortIsRefused) {
  const auto blocks = blocks_of(path(), 0);
  fs::resize_file(segment(path(), 0), blocks[blocks.size() / 2].position);
  const auto opened = try_open(path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), base::Code::kCorruption);
  EXPECT_THAT(opened.error().message(), AllOf(HasSubstr(segment_name(0)), HasSubstr("cut short")));
}

TEST_F(DiskLogTest, NoLogIsToBeReadWhereThereIsNone) {
  const auto missing = DiskLog::open_to_read(folder_ / "nowhere", clock_, captured_.logger());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), base::Code::kNotFound);
  fs::create_directory(path());
  const auto empty = DiskLog::open_to_read(path(), clock_, captured_.logger());
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code(), base::Code::kNotFound);
}

TEST_F(DiskLogTest, BesideTheWriterAReaderSeesAllThatWasDurableWhenItOpened) {
  const auto log = open();
  std::atomic<std::uint64_t> durable{0};
  std::jthread writer([&](const std::stop_token& stop) {
    for (std::uint64_t i = 0; i < 100'000 && !stop.stop_requested(); i += 7) {
      append(*log, kWinners0, i, i + 7);
      durable = i + 7;
    }
  });
  for (int i = 0; i < 30; ++i) {
    const std::uint64_t before = durable;
    const auto view = DiskLog::open_to_read(path(), clock_, captured_.logger());
    ASSERT_TRUE(view) << view.error().message();
    const auto end = static_cast<std::uint64_t>((*view)->end_offset(kWinners0).value());
    EXPECT_GE(end, before);
    EXPECT_EQ(end % 7, 0U);
    expect_numbers(**view, kWinners0, end);
    if (HasFatalFailure()) break;
    EXPECT_EQ((*view)->incarnation(kLosers1).value(), log->incarnation(kLosers1).value());
  }
  writer.request_stop();
  writer.join();
  EXPECT_THAT(captured_.text(), Not(HasSubstr("torn")));
}

TEST_F(DiskLogTest, BesideABusyWriterNothingIsTakenForDamage) {
  segment_bytes_ = std::size_t{64} << 20;
  const auto log = open();
  std::atomic<bool> is_done = false;
  std::jthread writer([&](const std::stop_token& stop) {
    RecordBatch batch(2);
    for (std::uint64_t number = 0; number < 2000; ++number) records_.add(batch, kWinners0, number);
    for (int i = 0; i < 600 && !stop.stop_requested(); ++i) {
      if (!append_and_wait(*log, batch)) break;
    }
    is_done = true;
  });
  while (!is_done) {
    const auto view = DiskLog::open_to_read(path(), clock_, captured_.logger());
    ASSERT_TRUE(view) << view.error().message();
  }
}

// Bounds the size of files for the time of a test: growing beyond it fails as on a full disk.
class FileSizeLimit {
 public:
  FileSizeLimit() {
    old_handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
  }
  ~FileSizeLimit() {
    lift();
    ::signal(SIGXFSZ, old_handler_);
  }
  void set(std::size_t bytes) const {
    const rlimit limit{.rlim_cur = bytes, .rlim_max = old_.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  void lift() const { ::setrlimit(RLIMIT_FSIZE, &old_); }

 private:
  rlimit old_{};
  sighandler_t old_handler_ = nullptr;
};

// A disk whose syncs a test holds back or has fail, and that remembers where was written.
class TestDisk final : public Disk {
 public:
  base::Result<void> write(int fd, std::string_view bytes, std::size_t position,
                           std::string_view what) override {
    std::function<void()> hook;
    {
      const std::scoped_lock lock(mutex_);
      written_.emplace_back(position, bytes);
      hook = std::exchange(hook_, nullptr);
    }
    if (hook) hook();
    return Disk::write(fd, bytes, position, what);
  }
  base::Result<void> sync(int fd, std::string_view what) override {
    std::unique_lock lock(mutex_);
    ++syncs_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !is_held_; });
    if (failures_ > 0) {
      --failures_;
      return base::fail(base::Error::from_errno(what, EIO));
    }
    lock.unlock();
    return Disk::sync(fd, what);
  }

  base::Result<void> sync_folder(const std::string& path) override {
    if (fails_folder_sync_) return base::fail(base::Code::kInternal, "syncing " + path);
    return Disk::sync_folder(path);
  }

  void fail_folder_syncs(bool fails) { fails_folder_sync_ = fails; }
  void hold() {
    const std::scoped_lock lock(mutex_);
    is_held_ = true;
    syncs_ = 0;
  }
  void wait_for_sync() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, test::kPatience, [this] { return syncs_ > 0; }));
  }
  void release() {
    const std::scoped_lock lock(mutex_);
    is_held_ = false;
    changed_.notify_all();
  }
  // Calls `hook` before the next write.
  void at_next_write(std::function<void()> hook) {
    const std::scoped_lock lock(mutex_);
    hook_ = std::move(hook);
  }
  void fail_next_sync() {
    const std::scoped_lock lock(mutex_);
    failures_ = 1;
  }
  // Returns the bytes written since the last call.
  std::vector<std::pair<std::size_t, std::string>> take_written() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(written_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_held_ = false;
  int syncs_ = 0;
  int failures_ = 0;
  std::function<void()> hook_;
  std::atomic<bool> fails_folder_sync_ = false;
  std::vector<std::pair<std::size_t, std::string>> written_;
};

TEST_F(DiskLogTest, NothingIsAnsweredOrReadBeforeTheDiskHasIt) {
  TestDisk disk;
  disk_ = &disk;
  const auto log = open();
  const auto reader = log->read_from(kWinners0, 0);
  RecordBatch batch(2);
  records_.add(batch, kWinners0, 0);
  std::atomic<bool> is_answered = false;
  disk.hold();
  log->append(batch, [&](const base::Result<void>& result) { is_answered = result.has_value(); });
  disk.wait_for_sync();
  EXPECT_FALSE(is_answered);
  EXPECT_EQ(log->end_offset(kWinners0).value(), 0);
  std::vector<LoggedRecord> records;
  ASSERT_TRUE((*reader)->read(records, std::chrono::nanoseconds(0)));
  EXPECT_TRUE(records.empty());
  disk.release();
  ASSERT_TRUE((*reader)->read(records, test::kPatience));
  EXPECT_EQ(records.size(), 1U);
  EXPECT_TRUE(test::eventually([&] { return is_answered.load(); }));
}

TEST_F(DiskLogTest, BatchesOfOneCommitKeepTheirOwnTimes) {
  TestDisk disk;
  disk_ = &disk;
  const auto log = open();
  std::atomic<int> answers = 0;
  std::uint64_t number = 0;
  const auto append_at = [&](std::int64_t time_ms) {
    RecordBatch batch(2);
    batch.time_ms = time_ms;
    for (int i = 0; i < 2; ++i) records_.add(batch, kWinners0, number++);
    log->append(batch, [&](const base::Result<void>& result) { answers += result ? 1 : 0; });
  };
  disk.hold();
  append_at(1000);
  disk.wait_for_sync();
  for (const std::int64_t time_ms : {5000, 5000, 20, 6000}) append_at(time_ms);
  disk.release();
  ASSERT_TRUE(test::eventually([&] { return answers == 5; }));
  ASSERT_EQ(blocks_of(path(), 0).size(), 2U);
  const auto view = DiskLog::open_to_read(path(), clock_, captured_.logger());
  for (DiskLog* each : {log.get(), view->get()}) {
    for (const std::int64_t from : {0, 3, 7}) {
      const auto reader = each->read_from(kWinners0, from);
      std::vector<std::int64_t> times;
      std::vector<LoggedRecord> records;
      while ((*reader)->position() < 10) {
        ASSERT_TRUE((*reader)->read(records, test::kPatience));
        for (const LoggedRecord& record : records) times.push_back(record.time_ms);
      }
      std::vector<std::int64_t> all = {1000, 1000, 5000, 5000, 5000, 5000, 20, 20, 6000, 6000};
      all.erase(all.begin(), all.begin() + from);
      EXPECT_EQ(times, all);
    }
  }
}

TEST_F(DiskLogTest, AfterAFailedSyncNothingIsAcknowledgedUntilTheLogIsOpenedAgain) {
  TestDisk disk;
  disk_ = &disk;
  {
    const auto log = open();
    append(*log, kWinners0, 0, 1);
    disk.fail_next_sync();
    RecordBatch batch(2);
    records_.add(batch, kWinners0, 1);
    const auto failed = append_and_wait(*log, batch);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), base::Code::kInternal);
    const auto refused = append_and_wait(*log, batch);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
    EXPECT_EQ(log->end_offset(kWinners0).value(), 1);
  }
  disk.take_written();
  const auto log = open();
  // The block in memory counts, so it is written and synced once more.
  expect_numbers(*log, kWinners0, 2);
  const auto last = blocks_of(path(), 0).back();
  const auto written = disk.take_written();
  EXPECT_THAT(written, testing::Contains(testing::Pair(
                           last.position,
                           test::read_file(segment(path(), 0)).substr(last.position, last.size))));
}

TEST_F(DiskLogTest, WhatIsWrittenOnceMoreAtTheStartAndDoesNotReachTheDiskRefusesToOpen) {
  {
    append(*open(), kWinners0, 0, 1);
  }
  TestDisk disk;
  disk_ = &disk;
  disk.fail_next_sync();
  EXPECT_FALSE(try_open(path()));
}

TEST_F(DiskLogTest, StoppedItTakesNoMoreAndIsStillRead) {
  const auto log = open();
  append(*log, kWinners0, 0, 3);
  log->stop();
  RecordBatch batch(2);
  records_.add(batch, kWinners0, 3);
  const auto refused = append_and_wait(*log, batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
  expect_numbers(*log, kWinners0, 3);
}

TEST_F(DiskLogTest, ABatchLargerThanMayGatherIsRefused) {
  const auto log = open();
  RecordBatch batch(2);
  records_.add(batch, kWinners0, 0);
  batch.part(kWinners0).lines.insert(0, DiskLog::kGatheringBytesMax, 'x');
  const auto refused = append_and_wait(*log, batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kResourceExhausted);
}

TEST_F(DiskLogTest, ALargeBlockIsReadAFewThousandRecordsAtATime) {
  segment_bytes_ = std::size_t{4} << 20;
  const auto log = open();
  append(*log, kWinners0, 0, 10'000);
  for (const bool is_from_files : {false, true}) {
    const auto view = DiskLog::open_to_read(path(), clock_, captured_.logger());
    const auto reader = (is_from_files ? **view : *log).read_from(kWinners0, 0);
    std::vector<LoggedRecord> records;
    while ((*reader)->position() < 10'000) {
      const std::int64_t position = (*reader)->position();
      ASSERT_TRUE((*reader)->read(records, test::kPatience));
      ASSERT_THAT(records, testing::SizeIs(testing::AllOf(testing::Ge(1U), testing::Le(5000U))));
      EXPECT_EQ(records.front().offset, position);
    }
  }
}

TEST_F(DiskLogTest, ALargerSegmentSizeIsForTheSegmentsToCome) {
  {
    append(*open(), kWinners0, 0, 10);
  }
  segment_bytes_ = std::size_t{1} << 20;
  const auto log = open();
  for (std::uint64_t i = 10; i < 2000; i += 10) append(*log, kWinners0, i, i + 10);
  EXPECT_EQ(fs::file_size(segment(path(), 0)), kSmallSegment);
  EXPECT_EQ(fs::file_size(segment(path(), 1)), segment_bytes_);
  expect_numbers(*log, kWinners0, 2000);
}

// Appends until there is no room for another segment.
void fill(DiskLog& log, const FileSizeLimit& limit, const test::NumberedRecords& records) {
  limit.set(kSmallSegment - 1);
  RecordBatch batch(2);
  for (std::uint64_t i = 0; i < 500; ++i) records.add(batch, kWinners0, i);
  while (append_and_wait(log, batch)) {
  }
  ASSERT_TRUE(log.stats().is_full);
}

TEST_F(DiskLogTest, AFullDiskIsNoticedToHaveRoomAgainWithoutAnEntry) {
  const auto log = open();
  const FileSizeLimit limit;
  fill(*log, limit, records_);
  limit.lift();
  EXPECT_TRUE(test::eventually([&] { return !log->stats().is_full; }));
}

TEST_F(DiskLogTest, ASegmentThatMayBeUnnamedAfterARestartEndsAllWriting) {
  TestDisk disk;
  disk_ = &disk;
  const auto log = open();
  const FileSizeLimit limit;
  fill(*log, limit, records_);
  disk.fail_folder_syncs(true);
  limit.lift();  // the log makes the next segment by itself
  ASSERT_TRUE(test::eventually([&] { return log->stats().has_failed; }));
  EXPECT_FALSE(log->stats().is_full);
  disk.fail_folder_syncs(false);
  RecordBatch batch(2);
  records_.add(batch, kWinners0, 0);
  EXPECT_FALSE(append_and_wait(*log, batch));
  EXPECT_THAT(captured_.text(), HasSubstr("writing the log failed"));
}

TEST_F(DiskLogTest, AFullDiskRefusesEntriesKeepsWhatWasAcknowledgedAndGoesOnWhenThereIsRoom) {
  std::uint64_t acknowledged = 0;
  {
    const auto log = open();
    const FileSizeLimit limit;
    limit.set(kSmallSegment - 1);  // the segment in use is there; the next cannot be made
    base::Result<void> refused;
    for (int i = 0; i < 1000 && refused; ++i) {
      RecordBatch batch(2);
      for (std::uint64_t j = 0; j < 50; ++j) records_.add(batch, kWinners0, acknowledged + j);
      refused = append_and_wait(*log, batch);
      if (refused) acknowledged += 50;
    }
    ASSERT_FALSE(refused) << "the disk did not get full";
    EXPECT_EQ(refused.error().code(), base::Code::kResourceExhausted);
    EXPECT_TRUE(log->stats().is_full);
    EXPECT_FALSE(log->stats().has_failed);
    EXPECT_GT(acknowledged, 0U);
    expect_numbers(*log, kWinners0, acknowledged);
    RecordBatch batch(2);
    for (std::uint64_t j = 0; j < 50; ++j) records_.add(batch, kWinners0, acknowledged + j);
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(append_and_wait(*log, batch));
    EXPECT_THAT(captured_.text(), HasSubstr("cannot grow"));
    EXPECT_EQ(captured_.text().find("cannot grow"), captured_.text().rfind("cannot grow"))
        << "said more than once";

    limit.lift();
    ASSERT_TRUE(append_and_wait(*log, batch));
    acknowledged += 50;
    EXPECT_FALSE(log->stats().is_full);
    expect_numbers(*log, kWinners0, acknowledged);
  }
  const auto log = open();
  expect_numbers(*log, kWinners0, acknowledged);
}

TEST_F(DiskLogTest, ARestartOnAFullDiskKeepsWhatWasAcknowledged) {
  {
    const auto log = open();
    append(*log, kWinners0, 0, 100);
  }
  const FileSizeLimit limit;
  limit.set(kSmallSegment - 1);
  const auto log = open();
  ASSERT_NE(log, nullptr);
  expect_numbers(*log, kWinners0, 100);
}

TEST_F(DiskLogTest, AfterAFailedWriteEverythingIsRefusedUntilTheLogIsOpenedAgain) {
  const FileSizeLimit limit;
  {
    const auto log = open();
    append(*log, kWinners0, 0, 10);
    const auto blocks = blocks_of(path(), 0);
    limit.set(blocks.back().position + blocks.back().size + 8);
    RecordBatch batch(2);
    records_.add(batch, kWinners0, 10);
    const auto failed = append_and_wait(*log, batch);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), base::Code::kInternal);  // not known whether it was kept
    EXPECT_TRUE(log->stats().has_failed);
    limit.lift();
    const auto refused = append_and_wait(*log, batch);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
    expect_numbers(*log, kWinners0, 10);
  }
  const auto log = open();
  expect_numbers(*log, kWinners0, 10);
  append(*log, kWinners0, 10, 12);
  expect_numbers(*log, kWinners0, 12);
}

TEST_F(DiskLogTest, WhatGatheredWhileAWriteFailedIsRefusedToo) {
  std::unique_ptr<DiskLog> log;
  std::promise<base::Result<void>> first;
  std::promise<base::Result<void>> second;
  RecordBatch batch(2);
  records_.add(batch, kWinners0, 10);
  const FileSizeLimit limit;
  TestDisk disk;
  disk_ = &disk;
  log = open();
  append(*log, kWinners0, 0, 10);
  const auto blocks = blocks_of(path(), 0);
  limit.set(blocks.back().position + blocks.back().size + 8);
  // In the middle of the first commit another batch comes.
  disk.at_next_write([&] {
    log->append(batch, [&](base::Result<void> result) { second.set_value(std::move(result)); });
  });
  log->append(batch, [&](base::Result<void> result) {
    limit.lift();  // before the second commit the disk is well
    first.set_value(std::move(result));
  });
  ASSERT_FALSE(first.get_future().get());
  const auto refused = second.get_future().get();
  EXPECT_TRUE(log->stats().has_failed);
  EXPECT_FALSE(refused) << "a log that has failed took another block";
  expect_numbers(*log, kWinners0, 10);
  log.reset();
}

TEST_F(DiskLogTest, MoreThanMayGatherIsRefusedAndNothingOfItKept) {
  TestDisk disk;
  disk_ = &disk;
  segment_bytes_ = std::size_t{64} << 20;
  const auto log = open();
  disk.hold();
  RecordBatch small(2);
  records_.add(small, kWinners0, 0);
  const auto ignore = [](const base::Result<void>&) {};
  log->append(small, ignore);
  disk.wait_for_sync();  // the committer is held in the middle of its commit
  RecordBatch large(2);
  for (std::uint64_t i = 0; i < 80'000; ++i) records_.add(large, kLosers1, i);
  std::size_t taken = 0;
  std::promise<base::Result<void>> refused;
  std::atomic<int> failures = 0;
  while (failures == 0 && taken < 100) {
    ++taken;
    log->append(large, [&](base::Result<void> result) {
      if (!result && failures++ == 0) refused.set_value(std::move(result));
    });
  }
  ASSERT_EQ(failures, 1);
  EXPECT_EQ(refused.get_future().get().error().code(), base::Code::kResourceExhausted);
  EXPECT_EQ(taken - 1, DiskLog::kGatheringBytesMax / large.part(kLosers1).lines.size());
  disk.release();
  ASSERT_TRUE(append_and_wait(*log, RecordBatch(2)));
  EXPECT_EQ(log->end_offset(kLosers1).value(), static_cast<std::int64_t>((taken - 1) * 80'000));
}

TEST_F(DiskLogTest, TheEndCommitsWhatWasAppended) {
  std::atomic<int> answers = 0;
  {
    const auto log = open();
    for (std::uint64_t i = 0; i < 100; ++i) {
      RecordBatch batch(2);
      records_.add(batch, kWinners0, i);
      log->append(batch, [&](const base::Result<void>& result) { answers += result ? 1 : 0; });
    }
  }
  EXPECT_EQ(answers, 100);
  expect_numbers(*open(), kWinners0, 100);
}

TEST_F(DiskLogTest, BehavesAsTheModelOverRandomAppendsReopeningsAndTears) {
  std::mt19937_64 random(test::drawn_seed());
  const auto below = [&](std::uint64_t bound) { return random() % bound; };

  // The model: each partition is a list of numbers.
  std::map<int, std::vector<std::uint64_t>> model;
  const auto partition_of = [](int index) {
    return PartitionId{.topic = static_cast<Outcome>(index / 2), .number = index % 2};
  };
  std::uint64_t next_number = 0;
  auto log = open();
  const auto check = [&] {
    for (int index = 0; index < 4; ++index) {
      const auto& expected = model[index];
      ASSERT_EQ(log->end_offset(partition_of(index)).value(),
                static_cast<std::int64_t>(expected.size()));
      const auto from = below(expected.size() + 1);
      const auto found = numbers(*log, partition_of(index), static_cast<std::int64_t>(from));
      ASSERT_TRUE(found) << found.error().message();
      ASSERT_TRUE(std::equal(found->begin(), found->end(),
                             expected.begin() + static_cast<std::ptrdiff_t>(from), expected.end()));
    }
  };
  for (int step = 0; step < 250; ++step) {
    const auto action = below(20);
    if (action < 16) {
      RecordBatch batch(2);
      const std::uint64_t most = below(30) == 0 ? 700 : 25;
      for (std::uint64_t i = below(most); i > 0; --i) {
        const int index = static_cast<int>(below(4));
        records_.add(batch, partition_of(index), next_number);
        model[index].push_back(next_number++);
      }
      const auto appended = append_and_wait(*log, batch);
      ASSERT_TRUE(appended) << appended.error().message();
      clock_.advance(static_cast<std::int64_t>(below(2000)));
    } else if (action < 18) {
      log.reset();
      log = open();
      ASSERT_NE(log, nullptr);
      check();
    } else {
      // A commit was under way when the process died: the end has a part of a block.
      log.reset();
      const auto segments = list_segments(path());
      ASSERT_TRUE(segments);
      const auto blocks = blocks_of(path(), segments->size() - 1);
      RecordBatch batch(2);
      for (std::uint64_t i = 0; i < 20; ++i) records_.add(batch, kLosers1, 1'000'000 + i);
      GatheredRecords gathered(2);
      gathered.add(batch);
      std::string torn;
      encode_block(torn, gathered, blocks.empty() ? 0 : blocks.back().sequence + 1,
                   segments->back().header.next_offsets, segments->back().header.seed());
      const std::size_t end =
          blocks.empty() ? kSegmentHeaderBytes : blocks.back().position + blocks.back().size;
      const std::size_t room = segments->back().header.bytes - end;
      torn.resize(std::min(room, 1 + static_cast<std::size_t>(below(torn.size() - 16))));
      overwrite(segments->back().path, end, torn);
      log = open();
      ASSERT_NE(log, nullptr);
      check();
    }
    if (HasFatalFailure()) return;
  }
  check();
}

// Appends the end marks and waits for the answer.
base::Result<void> end(DiskLog& log) {
  std::promise<base::Result<void>> answer;
  log.append_end_marks([&](base::Result<void> result) { answer.set_value(std::move(result)); });
  return answer.get_future().get();
}

TEST_F(DiskLogTest, ALogThatHasEndedTakesNothingMoreWhenItIsOpenedAgain) {
  for (int start = 0; start < 3; ++start) {
    auto log = open();
    if (start == 0) {
      append(*log, kWinners0, 0, 5);
      EXPECT_FALSE(log->has_ended());
      ASSERT_TRUE(end(*log));
    }
    EXPECT_TRUE(log->has_ended());
    RecordBatch batch(2);
    records_.add(batch, kLosers1, 9);
    const auto refused = append_and_wait(*log, batch);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
    EXPECT_EQ(log->end_offset(kWinners0), 6);
    EXPECT_EQ(log->end_offset(kLosers1), 1);
  }
}

TEST_F(DiskLogTest, TheEndIsTheSameWhenItIsWrittenAgain) {
  auto log = open();
  ASSERT_TRUE(end(*log));
  ASSERT_TRUE(end(*log));
  EXPECT_EQ(log->end_offset(kWinners0), 1);
}

TEST_F(DiskLogTest, ALogThatIsClosedCannotEndAndGoesOnWhenItIsOpenedAgain) {
  {
    auto log = open();
    log->stop();
    EXPECT_FALSE(end(*log));
    EXPECT_FALSE(log->has_ended());
  }
  auto log = open();
  EXPECT_FALSE(log->has_ended());
  append(*log, kWinners0, 0, 1);
}

}  // namespace
}  // namespace estadio
