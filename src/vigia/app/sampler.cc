#include "vigia/app/sampler.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "vigia/sources/bpf_stream.h"
#include "vigia/sources/kernel_source.h"
#include "vigia/sources/module_source.h"
#include "vigia/sources/proc_source.h"

namespace vigia {
namespace {

base::Result<std::unique_ptr<Source>> of_rows(base::Result<std::unique_ptr<RowStream>> stream) {
  if (!stream) return tl::unexpected(std::move(stream).error());
  return KernelSource::open(std::move(*stream), {});
}

base::Result<std::unique_ptr<Source>> open_module() { return of_rows(open_module_rows()); }
base::Result<std::unique_ptr<Source>> open_json() { return open_module_json(); }
base::Result<std::unique_ptr<Source>> open_bpf() { return of_rows(open_bpf_rows()); }
base::Result<std::unique_ptr<Source>> open_proc() { return ProcSource::open({}); }

struct Entry {
  SourceChoice choice;
  std::string_view name;
  std::string_view about;
  base::Result<std::unique_ptr<Source>> (*open)();
  bool is_of_auto;
};

// The best first.
constexpr std::array<Entry, 4> kEntries = {{
    {SourceChoice::kModule, "module", "rows of vigia's kernel module", open_module, true},
    {SourceChoice::kBpf, "bpf", "rows of a BPF iterator", open_bpf, true},
    {SourceChoice::kProc, "proc", "the files of /proc", open_proc, true},
    {SourceChoice::kModuleJson, "module-json", "JSON of vigia's kernel module", open_json, false},
}};

// Opens a source and reads a sample from it.
base::Result<std::unique_ptr<Source>> try_source(const Entry& entry) {
  ASSIGN_OR_RETURN(auto source, entry.open());
  Sample sample;
  RETURN_IF_ERROR(source->read(sample));
  return source;
}

}  // namespace

void add_source_setting(base::Settings& settings, SourceChoice& choice) {
  settings.add_choice("source", choice,
                      {{"auto", SourceChoice::kAuto},
                       {"module", SourceChoice::kModule},
                       {"module-json", SourceChoice::kModuleJson},
                       {"bpf", SourceChoice::kBpf},
                       {"proc", SourceChoice::kProc}},
                      "source of the figures; auto: the best that works here (vigia sources)");
}

std::vector<Attempt> try_sources() {
  std::vector<Attempt> attempts;
  for (const Entry& entry : kEntries) {
    auto source = try_source(entry);
    attempts.push_back({.name = entry.name,
                        .about = entry.about,
                        .error = source ? std::nullopt : std::optional(std::move(source).error()),
                        .is_of_auto = entry.is_of_auto});
  }
  return attempts;
}

base::Result<Sampler> Sampler::open(SourceChoice choice) {
  ASSIGN_OR_RETURN(auto cgroups, CgroupSource::open({}));
  base::Result<std::unique_ptr<Source>> source;
  std::string warning;
  for (const Entry& entry : kEntries) {
    if (choice == SourceChoice::kAuto ? !entry.is_of_auto : choice != entry.choice) continue;
    source = try_source(entry);
    if (source) return Sampler(std::move(*source), std::move(cgroups), std::move(warning));
    // A source that is missing, or not for us, needs no warning.
    if (source.error().code() != base::Code::kUnavailable) {
      warning = fmt::format("skipping the source '{}': {}", entry.name, source.error().message());
    }
  }
  return tl::unexpected(std::move(source).error());
}

base::Result<void> Sampler::read(Sample& sample) {
  RETURN_IF_ERROR(source_->read(sample));
  return cgroups_.read(sample);
}

}  // namespace vigia
