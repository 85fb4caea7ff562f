#include "vigia/sources/kernel_source.h"

#include <fcntl.h>

#include <cstring>
#include <fmt/format.h>

#include "base/unique_fd.h"
#include "vigia/sources/proc_text.h"

namespace vigia {
namespace {

std::string_view name_of(const Row& row) {
  return {row.name, ::strnlen(row.name, sizeof(row.name))};
}

std::int64_t to_signed(std::uint64_t figure) { return static_cast<std::int64_t>(figure); }

// Whether a process has given back its memory. From then on /proc shows it in the root group of
// version 1's hierarchies (proc_cgroup_show() in kernel/cgroup/cgroup.c).
bool is_ending(const Row& row) {
  return row.vsz_bytes == 0 && (row.flags & VIGIA_KERNEL_THREAD) == 0;
}

void set_figures(const Row& row, Process& process) {
  const RunTime runtime = divide_runtime(row);
  process.pid = row.pid;
  process.ppid = row.ppid;
  process.threads = row.threads;
  process.oom_score_adj = row.oom_score_adj;
  process.uid = row.uid;
  process.state = static_cast<char>(row.state);
  process.start_ns = to_signed(row.start_ns);
  process.read_ns = to_signed(row.read_ns);
  process.user_ns = runtime.user_ns;
  process.system_ns = runtime.system_ns;
  process.vsz_bytes = to_signed(row.vsz_bytes);
  process.rss_anon_bytes = to_signed(row.rss_anon_bytes);
  process.rss_file_bytes = to_signed(row.rss_file_bytes);
  process.rss_shmem_bytes = to_signed(row.rss_shmem_bytes);
  process.name = name_of(row);
}

}  // namespace

base::Result<std::unique_ptr<KernelSource>> KernelSource::open(std::unique_ptr<RowStream> stream,
                                                               Options options) {
  ASSIGN_OR_RETURN(auto files, ProcFiles::open(options.proc));
  return std::unique_ptr<KernelSource>(
      new KernelSource(std::move(stream), std::move(options), std::move(files)));
}

base::Result<void> KernelSource::read(Sample& sample) {
  sample.source = name();
  sample.hidden = 0;
  RETURN_IF_ERROR(files_.read_host(sample));
  ASSIGN_OR_RETURN(const auto bytes, stream_->read());
  if (auto parsed = parse_rows(bytes, rows_); !parsed) {
    return base::fail(parsed.error().code(),
                      fmt::format("{}: {}", stream_->place(), parsed.error().message()));
  }
  // These processes ended after the kernel found them and before it read them.
  std::erase_if(rows_, [](const Row& each) { return each.threads == 0; });
  auto done = read_processes(sample);
  // Texts have moved out of the cache.
  if (!done) cached_.clear();
  return done;
}

base::Result<void> KernelSource::read_processes(Sample& sample) {
  for (auto& [id, group] : groups_) group.is_in_use = false;
  next_.resize(rows_.size());
  sample.processes.resize(rows_.size());
  auto cached = cached_.begin();
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    CachedProcess& next = next_[i];
    while (cached != cached_.end() && cached->pid < row.pid) ++cached;
    const bool is_as_before = cached != cached_.end() && cached->pid == row.pid &&
                              cached->start_ns == row.start_ns && cached->exec_id == row.exec_id;
    next.pid = row.pid;
    next.start_ns = row.start_ns;
    next.exec_id = row.exec_id;
    // The kernel counts an exec a moment before its arguments are there.
    if (is_as_before && !cached->command.empty()) {
      std::swap(next.command, cached->command);
    } else {
      next.command.clear();
      RETURN_IF_ERROR(read_command(row, next));
    }
    Process& process = sample.processes[i];
    set_figures(row, process);
    process.command = next.command;
    if (!is_ending(row)) RETURN_IF_ERROR(find_group(row, process.cgroup));
  }
  // Processes that end get the path that others in their group have given.
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (!is_ending(rows_[i])) continue;
    RETURN_IF_ERROR(find_group(rows_[i], sample.processes[i].cgroup));
  }
  std::swap(cached_, next_);
  std::erase_if(groups_, [](const auto& each) { return !each.second.is_in_use; });
  return {};
}

base::Result<void> KernelSource::read_command(const Row& row, CachedProcess& cached) {
  if ((row.flags & VIGIA_KERNEL_THREAD) != 0 || is_ending(row)) return {};
  ASSIGN_OR_RETURN(const auto text, read_of(row, "cmdline", options_.command_bytes));
  if (text) cached.command = command_of(*text);
  return {};
}

base::Result<void> KernelSource::find_group(const Row& row, std::string& path) {
  path.clear();
  if (row.cgroup_id == 0) return {};
  const auto group = groups_.find(row.cgroup_id);
  if (group != groups_.end()) {
    const bool is_of_last = !group->second.is_in_use;
    group->second.is_in_use = true;
    path = group->second.path;
    if (group->second.is_certain || !is_of_last || is_ending(row)) return {};
  }
  ASSIGN_OR_RETURN(const auto text, read_of(row, "cgroup", ProcFiles::kBytesMax));
  if (!text) return {};
  const auto parsed = cgroup_of(*text);
  if (!parsed) return files_.malformed(fmt::format("{}/cgroup", row.pid));
  path = *parsed;
  if (is_ending(row)) return {};
  const bool is_certain = group != groups_.end() && group->second.path == path;
  groups_.insert_or_assign(row.cgroup_id, CachedGroup{.path = path, .is_certain = is_certain});
  return {};
}

base::Result<std::optional<std::string_view>> KernelSource::read_of(const Row& row,
                                                                    const char* file,
                                                                    std::size_t bytes_max) {
  // The open folder is of one process for ever, even if its pid is reused.
  const base::UniqueFd folder(::openat(files_.folder(), std::to_string(row.pid).c_str(),
                                       O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return std::nullopt;
  ASSIGN_OR_RETURN(const auto stat, files_.read_of(folder.get(), "stat", ProcFiles::kBytesMax));
  if (stat.access != ProcFiles::Access::kRead) return std::nullopt;
  const auto parsed = parse_proc_stat(stat.text);
  if (!parsed) return files_.malformed(fmt::format("{}/stat", row.pid));
  if (parsed->start_ticks != to_signed(row.start_ns) / files_.tick_ns()) return std::nullopt;
  ASSIGN_OR_RETURN(const auto wanted, files_.read_of(folder.get(), file, bytes_max));
  if (wanted.access != ProcFiles::Access::kRead) return std::nullopt;
  return wanted.text;
}

}  // namespace vigia
