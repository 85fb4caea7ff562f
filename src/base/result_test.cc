// Errors as values: codes from errno, contexts in front, and the macros that pass errors on.
#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>

namespace base {
namespace {

TEST(ErrorTest, ContextsPrecedeTheMessageAndTheOutermostIsFirst) {
  const Error error =
      Error(Code::kCorruption, "bad checksum").within("segment 3").within("opening data/log");
  EXPECT_EQ(error.code(), Code::kCorruption);
  EXPECT_EQ(error.message(), "opening data/log: segment 3: bad checksum");
}

TEST(ErrorTest, ErrnoGivesACodeAndTheSystemsWords) {
  EXPECT_EQ(Error::from_errno("writing", ENOSPC).code(), Code::kResourceExhausted);
  EXPECT_EQ(Error::from_errno("writing", EDQUOT).code(), Code::kResourceExhausted);
  EXPECT_EQ(Error::from_errno("writing", EFBIG).code(), Code::kResourceExhausted);
  EXPECT_EQ(Error::from_errno("writing", EFBIG).message(),
            "writing: File too large (see ulimit -f)");
  EXPECT_EQ(Error::from_errno("opening", ENOENT).code(), Code::kNotFound);
  EXPECT_EQ(Error::from_errno("opening", EACCES).code(), Code::kInternal);
  EXPECT_EQ(Error::from_errno("opening data/log", ENOENT).message(),
            "opening data/log: No such file or directory");
}

TEST(ErrorTest, EveryCodeHasItsOwnName) {
  const auto codes = {Code::kInvalidArgument,    Code::kNotFound,          Code::kAlreadyExists,
                      Code::kFailedPrecondition, Code::kResourceExhausted, Code::kUnavailable,
                      Code::kDeadlineExceeded,   Code::kCorruption,        Code::kInternal};
  std::set<std::string_view> names;
  for (const Code code : codes) names.insert(to_string(code));
  EXPECT_EQ(names.size(), codes.size());
}

Result<std::unique_ptr<int>> half(int number) {
  if (number % 2 != 0) return fail(Code::kInvalidArgument, "odd");
  return std::make_unique<int>(number / 2);
}

Result<int> quarter(int number) {
  ASSIGN_OR_RETURN(const std::unique_ptr<int> first, half(number));
  ASSIGN_OR_RETURN(const std::unique_ptr<int> second, half(*first));
  return *second;
}

Result<void> check_even(int number, int& checked) {
  RETURN_IF_ERROR(half(number));
  ++checked;
  return {};
}

TEST(ResultTest, AssignOrReturnMovesTheValueOrPassesTheErrorOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  const auto odd = quarter(6);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(odd.error().message(), "odd");
}

TEST(ResultTest, ReturnIfErrorContinuesOnlyWithoutAnError) {
  int checked = 0;
  EXPECT_TRUE(check_even(2, checked));
  EXPECT_FALSE(check_even(3, checked));
  EXPECT_EQ(checked, 1);
}

}  // namespace
}  // namespace base
