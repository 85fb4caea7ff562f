#include "estadio/rpc/status.h"

#include <gtest/gtest.h>

namespace estadio {
namespace {

TEST(StatusTest, EveryCodeComesBackAsItWas) {
  for (const auto code :
       {base::Code::kInvalidArgument, base::Code::kNotFound, base::Code::kAlreadyExists,
        base::Code::kFailedPrecondition, base::Code::kResourceExhausted, base::Code::kUnavailable,
        base::Code::kDeadlineExceeded, base::Code::kCorruption, base::Code::kInternal}) {
    EXPECT_NE(to_rpc_code(code), 0);
    EXPECT_EQ(from_rpc_code(to_rpc_code(code)), code);
  }
}

TEST(StatusTest, WhatWeHaveNoCodeForIsNotKnown) {
  for (const int code : {1, 2, 7, 16, 17, -1}) {
    EXPECT_EQ(from_rpc_code(code), base::Code::kInternal);
  }
}

TEST(StatusTest, ALongTextIsCutBetweenCharacters) {
  EXPECT_EQ(to_status_text("Agronomía"), "Agronomía");
  for (std::size_t before = 0; before < 4; ++before) {
    std::string text(before, 'x');
    while (text.size() < 2000) text += "í";
    const std::string cut = to_status_text(text);
    EXPECT_LE(cut.size(), kStatusTextBytesMax);
    EXPECT_GE(cut.size(), kStatusTextBytesMax - 2);
    EXPECT_TRUE(cut.ends_with("í…")) << before;
  }
}

}  // namespace
}  // namespace estadio
