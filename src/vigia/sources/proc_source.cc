#include "vigia/sources/proc_source.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <utility>

#include "vigia/sources/proc_text.h"

namespace vigia {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{64} << 10;

std::int64_t now_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Errors of a process that has ended since it was listed, or that we may not look at.
bool has_gone(int error) { return error == ENOENT || error == ESRCH || error == EACCES; }

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

base::Result<std::unique_ptr<ProcSource>> ProcSource::open(Options options) {
  auto source = std::unique_ptr<ProcSource>(new ProcSource(std::move(options)));
  const std::string& root = source->options_.root;
  source->root_ = base::UniqueFd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (source->root_) source->entries_.reset(::opendir(root.c_str()));
  if (!source->entries_) {
    return base::fail(base::Code::kUnavailable,
                      base::Error::from_errno("opening " + root, errno).message());
  }
  source->buffer_.resize(std::max(kFileBytesMax, source->options_.command_bytes));
  source->ticks_a_second_ = ::sysconf(_SC_CLK_TCK);
  source->page_bytes_ = ::sysconf(_SC_PAGESIZE);
  ASSIGN_OR_RETURN(const auto release, source->read_file("sys/kernel/osrelease"));
  source->kernel_ = first_line(release);
  ASSIGN_OR_RETURN(const auto boot_id, source->read_file("sys/kernel/random/boot_id"));
  source->boot_id_ = first_line(boot_id);
  return source;
}

base::Result<void> ProcSource::read(Sample& sample) {
  RETURN_IF_ERROR(read_host(sample));
  RETURN_IF_ERROR(list_processes());
  found_.clear();
  auto known = known_.begin();
  for (const std::int32_t pid : pids_) {
    while (known != known_.end() && known->process.pid < pid) ++known;
    const bool is_known = known != known_.end() && known->process.pid == pid;
    Known found = is_known ? std::move(*known) : Known();
    ASSIGN_OR_RETURN(const bool is_there, read_process(pid, found));
    if (is_there) found_.push_back(std::move(found));
  }
  std::swap(known_, found_);
  sample.processes.resize(known_.size());
  for (std::size_t i = 0; i < known_.size(); ++i) sample.processes[i] = known_[i].process;
  return {};
}

base::Result<void> ProcSource::read_host(Sample& sample) {
  sample.source = name();
  sample.kernel = kernel_;
  sample.boot_id = boot_id_;
  sample.wall_ms = now_ns(CLOCK_REALTIME) / 1'000'000;
  sample.uptime_ns = now_ns(CLOCK_BOOTTIME);
  ASSIGN_OR_RETURN(const auto cpu_text, read_file("stat"));
  auto cpu = parse_host_cpu(cpu_text, ticks_a_second_);
  if (!cpu) return says_nonsense("stat");
  sample.cpu = cpu->all;
  sample.cpus = std::move(cpu->each);
  ASSIGN_OR_RETURN(const auto memory_text, read_file("meminfo"));
  const auto memory = parse_memory(memory_text);
  if (!memory) return says_nonsense("meminfo");
  sample.memory = *memory;
  ASSIGN_OR_RETURN(const auto load_text, read_file("loadavg"));
  const auto load = parse_load(load_text);
  if (!load) return says_nonsense("loadavg");
  sample.load = *load;
  return {};
}

base::Result<void> ProcSource::list_processes() {
  pids_.clear();
  ::rewinddir(entries_.get());
  errno = 0;
  while (const dirent* entry = ::readdir(entries_.get())) {
    const std::string_view name = entry->d_name;
    std::int32_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc{} && end == name.data() + name.size()) pids_.push_back(pid);
  }
  if (errno != 0) return base::fail(base::Error::from_errno("listing " + options_.root, errno));
  std::ranges::sort(pids_);
  return {};
}

// Brings what is known of it up to date; false when it has gone.
base::Result<bool> ProcSource::read_process(std::int32_t pid, Known& known) {
  ASSIGN_OR_RETURN(const auto text, read_of(pid, "stat", buffer_.size()));
  if (!text) return false;
  const auto stat = parse_proc_stat(*text);
  if (!stat || stat->pid != pid) return says_nonsense(fmt::format("{}/stat", pid));
  const std::int64_t tick_ns = 1'000'000'000 / ticks_a_second_;
  Process& process = known.process;
  const std::int64_t start_ns = stat->start_ticks * tick_ns;
  const bool is_as_before = process.pid == pid && process.start_ns == start_ns &&
                            process.name == stat->name && process.threads == stat->threads &&
                            known.rss_pages == stat->rss_pages;
  process.pid = pid;
  process.ppid = stat->ppid;
  process.threads = stat->threads;
  process.state = stat->state;
  process.start_ns = start_ns;
  process.user_ns = stat->user_ticks * tick_ns;
  process.system_ns = stat->system_ticks * tick_ns;
  process.vsz_bytes = stat->vsz_bytes;
  if (is_as_before) return true;
  process.name = stat->name;
  known.rss_pages = stat->rss_pages;
  return read_details(pid, process);
}

base::Result<bool> ProcSource::read_details(std::int32_t pid, Process& process) {
  ASSIGN_OR_RETURN(const auto status_text, read_of(pid, "status", buffer_.size()));
  if (!status_text) return false;
  const auto status = parse_proc_status(*status_text);
  if (!status) return says_nonsense(fmt::format("{}/status", pid));
  process.uid = status->uid;
  process.rss_anon_bytes = status->rss_anon_bytes;
  process.rss_file_bytes = status->rss_file_bytes;
  process.rss_shmem_bytes = status->rss_shmem_bytes;
  ASSIGN_OR_RETURN(const auto cgroup_text, read_of(pid, "cgroup", buffer_.size()));
  if (!cgroup_text) return false;
  const auto cgroup = cgroup_of(*cgroup_text);
  if (!cgroup) return says_nonsense(fmt::format("{}/cgroup", pid));
  process.cgroup = *cgroup;
  ASSIGN_OR_RETURN(const auto oom_text, read_of(pid, "oom_score_adj", buffer_.size()));
  if (!oom_text) return false;
  const std::string_view number = first_line(*oom_text);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), process.oom_score_adj);
  if (error != std::errc{}) return says_nonsense(fmt::format("{}/oom_score_adj", pid));
  ASSIGN_OR_RETURN(const auto command, read_of(pid, "cmdline", options_.command_bytes));
  if (!command) return false;
  process.command = command_of(*command);
  return true;
}

// The file's text, within buffer_; nothing when the process has gone.
base::Result<std::optional<std::string_view>> ProcSource::read_of(std::int32_t pid,
                                                                  std::string_view file,
                                                                  std::size_t bytes_max) {
  std::array<char, 48> path{};
  fmt::format_to_n(path.data(), path.size() - 1, "{}/{}", pid, file);
  const base::UniqueFd fd(::openat(root_.get(), path.data(), O_RDONLY | O_CLOEXEC));
  // One reading gives all of such a file.
  const ssize_t count = fd ? ::read(fd.get(), buffer_.data(), bytes_max) : -1;
  if (count >= 0) return std::string_view(buffer_.data(), static_cast<std::size_t>(count));
  if (has_gone(errno)) return std::nullopt;
  return base::fail(
      base::Error::from_errno(fmt::format("reading {}/{}", options_.root, path.data()), errno));
}

// A file of the host's, within buffer_.
base::Result<std::string_view> ProcSource::read_file(const char* path) {
  const base::UniqueFd fd(::openat(root_.get(), path, O_RDONLY | O_CLOEXEC));
  const ssize_t count = fd ? ::read(fd.get(), buffer_.data(), buffer_.size()) : -1;
  if (count >= 0) return std::string_view(buffer_.data(), static_cast<std::size_t>(count));
  return base::fail(
      base::Code::kUnavailable,
      base::Error::from_errno(fmt::format("reading {}/{}", options_.root, path), errno).message());
}

base::Failure ProcSource::says_nonsense(std::string_view path) const {
  return base::fail(base::Code::kCorruption,
                    fmt::format("{}/{} is not as proc(5) has it", options_.root, path));
}

}  // namespace vigia
