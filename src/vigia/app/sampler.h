// The sources of samples that this program has, and which of them works here.
//
//   module | bpf | proc | module-json --> Sampler --> Sample, with the figures of control groups
//
// Threads: of one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/settings.h"
#include "vigia/sample/source.h"
#include "vigia/sources/cgroup_source.h"

namespace vigia {

enum class SourceChoice { kAuto, kModule, kModuleJson, kBpf, kProc };

void add_source_setting(base::Settings& settings, SourceChoice& choice);

// What came of trying a source.
struct Attempt {
  std::string_view name;
  std::string_view about;
  std::optional<base::Error> trouble;  // nothing: it works here
  bool is_of_auto = false;             // whether kAuto would take it
};

// Of each source, the best first.
[[nodiscard]] std::vector<Attempt> try_sources();

class Sampler {
 public:
  // kAuto takes the best that works. Errors: of the source that was asked for; of the last one.
  [[nodiscard]] static base::Result<Sampler> open(SourceChoice choice);

  // What was wrong with a source that is there, but was passed over; empty where nothing was.
  [[nodiscard]] const std::string& warning() const { return warning_; }

  // As of Source and CgroupSource.
  [[nodiscard]] base::Result<void> read(Sample& sample);

 private:
  Sampler(std::unique_ptr<Source> source, CgroupSource cgroups, std::string warning)
      : source_(std::move(source)), cgroups_(std::move(cgroups)), warning_(std::move(warning)) {}

  std::unique_ptr<Source> source_;
  CgroupSource cgroups_;
  std::string warning_;
};

}  // namespace vigia
