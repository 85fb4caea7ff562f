// Samples: any bytes are read without harm. A sample that was read can be written, read again and
// shown.
#include "vigia/sample/sample_json.h"

#include <algorithm>
#include <functional>

#include "base/check.h"
#include "fuzz.h"
#include "vigia/sample/usage.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vigia::Sample sample;
  const auto done = vigia::from_json(fuzz::text_of(data, size), sample);
  if (!done) {
    CHECK(!done.error().message().empty());
    return 0;
  }
  CHECK(std::ranges::is_sorted(sample.processes, std::ranges::less_equal(), &vigia::Process::pid));
  for (const vigia::Process& each : sample.processes) {
    CHECK(each.cpu_ns() >= 0 && each.rss_bytes() >= 0);
  }
  const std::string text = vigia::to_json(sample);
  vigia::Sample again;
  CHECK(vigia::from_json(text, again));
  CHECK(vigia::to_json(again) == text);
  CHECK(again.processes == sample.processes && again.cgroups == sample.cgroups);
  const vigia::Usage usage = vigia::usage_of(sample, std::move(again));
  CHECK(usage.cpu_percent.size() == sample.processes.size());
  return 0;
}
