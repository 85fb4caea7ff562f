// The sources that this program has, and the choice of one that works on this host.
//
//   module | bpf | proc | module-json --> Sampler --> Sample, with the figures of control groups
//
// Threads: belongs to one thread.
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

// The result of trying a source.
struct Attempt {
  std::string_view name;
  std::string_view about;
  std::optional<base::Error> error;  // empty: the source works here
  bool is_of_auto = false;           // whether kAuto may take it
};

// Tries each source, the best first.
[[nodiscard]] std::vector<Attempt> try_sources();

class Sampler {
 public:
  // kAuto takes the best source that works. Errors: those of the chosen source; with kAuto those
  // of the last one that was tried.
  [[nodiscard]] static base::Result<Sampler> open(SourceChoice choice);

  // Why open() skipped a source that exists; empty if it skipped none. It names the last such one.
  [[nodiscard]] const std::string& warning() const { return warning_; }

  // Reads the source, and then the control groups of its containers. Errors: those of
  // Source::read() and CgroupSource::read().
  [[nodiscard]] base::Result<void> read(Sample& sample);

 private:
  Sampler(std::unique_ptr<Source> source, CgroupSource cgroups, std::string warning)
      : source_(std::move(source)), cgroups_(std::move(cgroups)), warning_(std::move(warning)) {}

  std::unique_ptr<Source> source_;
  CgroupSource cgroups_;
  std::string warning_;
};

}  // namespace vigia
