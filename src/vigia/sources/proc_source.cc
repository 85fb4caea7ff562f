#include "vigia/sources/proc_source.h"

#include <fcntl.h>

#include <array>
#include <charconv>
#include <fmt/format.h>
#include <utility>

#include "base/unique_fd.h"
#include "vigia/sources/proc_text.h"

namespace vigia {
namespace {

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

base::Result<std::unique_ptr<ProcSource>> ProcSource::open(Options options) {
  ASSIGN_OR_RETURN(auto files, ProcFiles::open(options.root));
  return std::unique_ptr<ProcSource>(new ProcSource(std::move(options), std::move(files)));
}

base::Result<void> ProcSource::read(Sample& sample) {
  sample.source = name();
  RETURN_IF_ERROR(files_.read_host(sample));
  RETURN_IF_ERROR(files_.list_processes(pids_));
  auto done = read_processes(sample);
  // Processes have moved out of the cache.
  if (!done) cached_.clear();
  return done;
}

base::Result<void> ProcSource::read_processes(Sample& sample) {
  sample.hidden = 0;
  next_.clear();
  auto cached = cached_.begin();
  for (const std::int32_t pid : pids_) {
    while (cached != cached_.end() && cached->process.pid < pid) ++cached;
    const bool is_cached = cached != cached_.end() && cached->process.pid == pid;
    CachedProcess next = is_cached ? std::move(*cached) : CachedProcess();
    ASSIGN_OR_RETURN(const Access access, read_process(pid, next));
    if (access == Access::kRead) next_.push_back(std::move(next));
    if (access == Access::kHidden) ++sample.hidden;
  }
  std::swap(cached_, next_);
  sample.processes.resize(cached_.size());
  for (std::size_t i = 0; i < cached_.size(); ++i) sample.processes[i] = cached_[i].process;
  return {};
}

base::Result<ProcSource::Access> ProcSource::read_process(std::int32_t pid, CachedProcess& cached) {
  std::array<char, 32> path{};
  fmt::format_to_n(path.data(), path.size() - 1, "{}/stat", pid);
  ASSIGN_OR_RETURN(const auto file,
                   files_.read_of(files_.folder(), path.data(), ProcFiles::kBytesMax));
  if (file.access != Access::kRead) return file.access;
  const auto stat = parse_proc_stat(file.text);
  if (!stat || stat->pid != pid) return files_.malformed(path.data());
  Process& process = cached.process;
  const std::int64_t start_ns = stat->start_ticks * files_.tick_ns();
  const bool is_as_before = process.pid == pid && process.start_ns == start_ns &&
                            process.name == stat->name && process.threads == stat->threads &&
                            cached.rss_pages == stat->rss_pages;
  process.pid = pid;
  process.ppid = stat->ppid;
  process.threads = stat->threads;
  process.state = stat->state;
  process.start_ns = start_ns;
  process.read_ns = boot_time_ns();
  process.user_ns = stat->user_ticks * files_.tick_ns();
  process.system_ns = stat->system_ticks * files_.tick_ns();
  process.vsz_bytes = stat->vsz_bytes;
  if (is_as_before) return Access::kRead;
  process.name = stat->name;
  cached.rss_pages = stat->rss_pages;
  return read_details(process);
}

base::Result<ProcSource::Access> ProcSource::read_details(Process& process) {
  const std::string pid = std::to_string(process.pid);
  // The open folder is of one process for ever. The pid may have been reused before it was opened:
  // the start of its process shows that.
  const base::UniqueFd folder(
      ::openat(files_.folder(), pid.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return Access::kGone;
  ProcFiles::ProcessFile file;
  const auto read = [&](const char* name, std::size_t bytes_max) -> base::Result<bool> {
    ASSIGN_OR_RETURN(file, files_.read_of(folder.get(), name, bytes_max));
    return file.access == Access::kRead;
  };
  const auto malformed = [&](std::string_view name) {
    return files_.malformed(fmt::format("{}/{}", pid, name));
  };

  ASSIGN_OR_RETURN(bool is_read, read("stat", ProcFiles::kBytesMax));
  if (!is_read) return file.access;
  const auto again = parse_proc_stat(file.text);
  if (!again) return malformed("stat");
  if (again->start_ticks * files_.tick_ns() != process.start_ns) return Access::kGone;

  ASSIGN_OR_RETURN(is_read, read("status", ProcFiles::kBytesMax));
  if (!is_read) return file.access;
  const auto status = parse_proc_status(file.text);
  if (!status) return malformed("status");
  process.uid = status->uid;
  process.rss_anon_bytes = status->rss_anon_bytes;
  process.rss_file_bytes = status->rss_file_bytes;
  process.rss_shmem_bytes = status->rss_shmem_bytes;

  ASSIGN_OR_RETURN(is_read, read("cgroup", ProcFiles::kBytesMax));
  if (!is_read) return file.access;
  const auto cgroup = cgroup_of(file.text);
  if (!cgroup) return malformed("cgroup");
  process.cgroup = *cgroup;

  ASSIGN_OR_RETURN(is_read, read("oom_score_adj", ProcFiles::kBytesMax));
  if (!is_read) return file.access;
  const std::string_view number = first_line(file.text);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), process.oom_score_adj);
  if (error != std::errc{} || end != number.data() + number.size()) {
    return malformed("oom_score_adj");
  }

  ASSIGN_OR_RETURN(is_read, read("cmdline", options_.command_bytes));
  if (!is_read) return file.access;
  process.command = command_of(file.text);
  return Access::kRead;
}

}  // namespace vigia
