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
  // What was taken from it is not there any more.
  if (!done) known_.clear();
  return done;
}

base::Result<void> ProcSource::read_processes(Sample& sample) {
  sample.hidden = 0;
  found_.clear();
  auto known = known_.begin();
  for (const std::int32_t pid : pids_) {
    while (known != known_.end() && known->process.pid < pid) ++known;
    const bool is_known = known != known_.end() && known->process.pid == pid;
    Known found = is_known ? std::move(*known) : Known();
    ASSIGN_OR_RETURN(const Fate fate, read_process(pid, found));
    if (fate == Fate::kRead) found_.push_back(std::move(found));
    if (fate == Fate::kIsHidden) ++sample.hidden;
  }
  std::swap(known_, found_);
  sample.processes.resize(known_.size());
  for (std::size_t i = 0; i < known_.size(); ++i) sample.processes[i] = known_[i].process;
  return {};
}

// Brings what is known of it up to date.
base::Result<ProcSource::Fate> ProcSource::read_process(std::int32_t pid, Known& known) {
  std::array<char, 32> path{};
  fmt::format_to_n(path.data(), path.size() - 1, "{}/stat", pid);
  Fate fate = Fate::kRead;
  ASSIGN_OR_RETURN(const auto text,
                   files_.read_of(files_.folder(), path.data(), ProcFiles::kBytesMax, fate));
  if (!text) return fate;
  const auto stat = parse_proc_stat(*text);
  if (!stat || stat->pid != pid) return files_.says_nonsense(path.data());
  Process& process = known.process;
  const std::int64_t start_ns = stat->start_ticks * files_.tick_ns();
  const bool is_as_before = process.pid == pid && process.start_ns == start_ns &&
                            process.name == stat->name && process.threads == stat->threads &&
                            known.rss_pages == stat->rss_pages;
  process.pid = pid;
  process.ppid = stat->ppid;
  process.threads = stat->threads;
  process.state = stat->state;
  process.start_ns = start_ns;
  process.read_ns = boot_time_ns();
  process.user_ns = stat->user_ticks * files_.tick_ns();
  process.system_ns = stat->system_ticks * files_.tick_ns();
  process.vsz_bytes = stat->vsz_bytes;
  if (is_as_before) return Fate::kRead;
  process.name = stat->name;
  known.rss_pages = stat->rss_pages;
  return read_details(process);
}

base::Result<ProcSource::Fate> ProcSource::read_details(Process& process) {
  const std::string pid = std::to_string(process.pid);
  // Below this folder no other process appears, though the pid may be given again; whether it had
  // been by then, its start tells.
  const base::UniqueFd folder(
      ::openat(files_.folder(), pid.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Fate fate = Fate::kHasGone;
  if (!folder) return fate;
  std::optional<std::string_view> text;
  const auto read = [&](const char* file, std::size_t bytes_max) -> base::Result<bool> {
    ASSIGN_OR_RETURN(text, files_.read_of(folder.get(), file, bytes_max, fate));
    return text.has_value();
  };
  const auto nonsense = [&](std::string_view file) {
    return files_.says_nonsense(fmt::format("{}/{}", pid, file));
  };

  ASSIGN_OR_RETURN(bool is_there, read("stat", ProcFiles::kBytesMax));
  if (!is_there) return fate;
  const auto again = parse_proc_stat(*text);
  if (!again) return nonsense("stat");
  if (again->start_ticks * files_.tick_ns() != process.start_ns) return Fate::kHasGone;

  ASSIGN_OR_RETURN(is_there, read("status", ProcFiles::kBytesMax));
  if (!is_there) return fate;
  const auto status = parse_proc_status(*text);
  if (!status) return nonsense("status");
  process.uid = status->uid;
  process.rss_anon_bytes = status->rss_anon_bytes;
  process.rss_file_bytes = status->rss_file_bytes;
  process.rss_shmem_bytes = status->rss_shmem_bytes;

  ASSIGN_OR_RETURN(is_there, read("cgroup", ProcFiles::kBytesMax));
  if (!is_there) return fate;
  const auto cgroup = cgroup_of(*text);
  if (!cgroup) return nonsense("cgroup");
  process.cgroup = *cgroup;

  ASSIGN_OR_RETURN(is_there, read("oom_score_adj", ProcFiles::kBytesMax));
  if (!is_there) return fate;
  const std::string_view number = first_line(*text);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), process.oom_score_adj);
  if (error != std::errc{} || end != number.data() + number.size()) {
    return nonsense("oom_score_adj");
  }

  ASSIGN_OR_RETURN(is_there, read("cmdline", options_.command_bytes));
  if (!is_there) return fate;
  process.command = command_of(*text);
  return Fate::kRead;
}

}  // namespace vigia
