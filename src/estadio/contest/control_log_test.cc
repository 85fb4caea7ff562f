// The control log in memory keeps the port's contract, as tests of other parts expect.
#include <gtest/gtest.h>

#include <deque>

#include "base/clock.h"
#include "estadio/contest/control_log_contract.h"
#include "estadio/contest/test_control_log.h"

namespace estadio {
namespace {

class MemoryControlLogHarness {
 public:
  ControlLog& open() { return logs_.emplace_back(storage_, clock_); }

 private:
  const base::SystemClock clock_;
  const std::shared_ptr<test::MemoryControlLog::Storage> storage_ =
      std::make_shared<test::MemoryControlLog::Storage>();
  std::deque<test::MemoryControlLog> logs_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, ControlLogContract, MemoryControlLogHarness);

}  // namespace
}  // namespace estadio
