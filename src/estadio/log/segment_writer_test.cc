#include "estadio/log/segment_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "estadio/contest/test_world.h"
#include "estadio/log/block.h"

namespace estadio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t kSegmentBytes = std::size_t{64} << 10;
constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};

// A disk whose syncs fail when a test says so.
class FailingDisk final : public Disk {
 public:
  bool fails = false;

  base::Result<void> sync(int fd, std::string_view what) override {
    if (fails) return base::fail(base::Code::kInternal, std::string(what) + ": broken");
    return Disk::sync(fd, what);
  }
};

class SegmentWriterTest : public testing::Test {
 protected:
  static SegmentHeader header(std::uint64_t number) {
    SegmentHeader header;
    header.number = number;
    header.next_offsets = {0, 0};
    return header;
  }
  // The block of one commit of one record.
  [[nodiscard]] std::string block(std::uint64_t sequence) const {
    RecordBatch batch(1);
    records_.add(batch, kWinners0, sequence);
    GatheredRecords gathered(1);
    gathered.add(batch);
    std::string bytes;
    encode_block(bytes, gathered, sequence, {static_cast<std::int64_t>(sequence), 0},
                 header(0).seed());
    return bytes;
  }
  // The sequences of the segment's blocks, and where they end.
  [[nodiscard]] std::vector<std::uint64_t> sequences(const Segment& segment,
                                                     SegmentWriter::End* end = nullptr) const {
    std::vector<std::uint64_t> sequences;
    auto reader = SegmentReader::open(segment);
    EXPECT_TRUE(reader);
    while (true) {
      const auto placed = reader->next();
      EXPECT_TRUE(placed);
      if (!placed || !*placed) break;
      sequences.push_back((*placed)->block.sequence);
      if (end != nullptr) end->last_block = (*placed)->position;
    }
    if (end != nullptr) {
      end->rest = reader->examine_rest().value();
      end->position = reader->position();
    }
    return sequences;
  }

  test::TempFolder folder_;
  FailingDisk disk_;
  test::CapturedLog log_;
  test::NumberedRecords records_;
};

TEST_F(SegmentWriterTest, BlocksFollowEachOtherInTheSegment) {
  SegmentWriter writer(folder_ / "", kSegmentBytes, disk_, log_.logger());
  EXPECT_FALSE(writer.has_room(1));
  const auto segment = writer.start_segment(header(0), 0);
  ASSERT_TRUE(segment) << segment.error().message();
  EXPECT_EQ(segment->header.bytes, kSegmentBytes);
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(writer.append(block(i)));
  EXPECT_THAT(sequences(*segment), ElementsAre(0, 1, 2));
  EXPECT_FALSE(writer.has_room(kSegmentBytes));
}

TEST_F(SegmentWriterTest, ABlockLargerThanASegmentGetsASegmentOfItsOwnSize) {
  SegmentWriter writer(folder_ / "", kSegmentBytes, disk_, log_.logger());
  const auto segment = writer.start_segment(header(0), 3 * kSegmentBytes);
  ASSERT_TRUE(segment) << segment.error().message();
  EXPECT_EQ(segment->header.bytes, kSegmentHeaderBytes + 3 * kSegmentBytes);
  EXPECT_TRUE(writer.has_room(3 * kSegmentBytes));
  EXPECT_FALSE(writer.has_room(3 * kSegmentBytes + 1));
}

TEST_F(SegmentWriterTest, AfterAFailedSyncItHasFailedForGood) {
  SegmentWriter writer(folder_ / "", kSegmentBytes, disk_, log_.logger());
  ASSERT_TRUE(writer.start_segment(header(0), 0));
  EXPECT_FALSE(writer.has_failed());
  disk_.fails = true;
  const auto failed = writer.append(block(0));
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message(), HasSubstr("syncing the log: broken"));
  disk_.fails = false;
  EXPECT_TRUE(writer.has_failed());
}

TEST_F(SegmentWriterTest, ASegmentWithATornTailIsContinuedAfterItsLastWholeBlock) {
  Segment segment;
  {
    SegmentWriter writer(folder_ / "", kSegmentBytes, disk_, log_.logger());
    segment = writer.start_segment(header(0), 0).value();
    ASSERT_TRUE(writer.append(block(0)));
    const std::string torn = block(1);
    ASSERT_TRUE(writer.append(torn.substr(0, torn.size() / 2)));
  }
  SegmentWriter::End end;
  ASSERT_THAT(sequences(segment, &end), ElementsAre(0));
  ASSERT_EQ(end.rest, SegmentReader::Rest::kTorn);
  SegmentWriter writer(folder_ / "", kSegmentBytes, disk_, log_.logger());
  ASSERT_TRUE(writer.resume(segment, end));
  EXPECT_THAT(log_.text(), HasSubstr("torn tail"));
  ASSERT_TRUE(writer.append(block(1)));
  EXPECT_THAT(sequences(segment, &end), ElementsAre(0, 1));
  EXPECT_EQ(end.rest, SegmentReader::Rest::kZeros);
}

}  // namespace
}  // namespace estadio
