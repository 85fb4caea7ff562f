#include "vigia/sources/proc_source.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fmt/format.h>
#include <utility>

#include "base/unique_fd.h"
#include "vigia/sources/proc_text.h"

namespace vigia {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;

std::int64_t now_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

base::Failure unavailable(const std::string& what, int error) {
  return base::fail(base::Code::kUnavailable, base::Error::from_errno(what, error).message());
}

}  // namespace

base::Result<std::unique_ptr<ProcSource>> ProcSource::open(Options options) {
  auto source = std::unique_ptr<ProcSource>(new ProcSource(std::move(options)));
  const std::string& root = source->options_.root;
  source->root_.reset(::opendir(root.c_str()));
  if (!source->root_) return unavailable("opening " + root, errno);
  source->buffer_.resize(std::max(kFileBytesMax, source->options_.command_bytes));
  source->tick_ns_ = 1'000'000'000 / ::sysconf(_SC_CLK_TCK);
  ASSIGN_OR_RETURN(const auto release, source->read_file("sys/kernel/osrelease"));
  source->kernel_ = first_line(release);
  ASSIGN_OR_RETURN(const auto boot_id, source->read_file("sys/kernel/random/boot_id"));
  source->boot_id_ = first_line(boot_id);
  return source;
}

base::Result<void> ProcSource::read(Sample& sample) {
  RETURN_IF_ERROR(read_host(sample));
  RETURN_IF_ERROR(list_processes());
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

base::Result<void> ProcSource::read_host(Sample& sample) {
  sample.source = name();
  sample.kernel = kernel_;
  sample.boot_id = boot_id_;
  sample.wall_ms = now_ns(CLOCK_REALTIME) / 1'000'000;
  sample.uptime_ns = now_ns(CLOCK_BOOTTIME);
  ASSIGN_OR_RETURN(const auto cpu_text, read_file("stat"));
  auto cpu = parse_host_cpu(cpu_text, 1'000'000'000 / tick_ns_);
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
  ::rewinddir(root_.get());
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(root_.get());
    if (entry == nullptr && errno != 0) return unavailable("listing " + options_.root, errno);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    std::int32_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc{} && end == name.data() + name.size()) pids_.push_back(pid);
  }
  std::ranges::sort(pids_);
  return {};
}

// Brings what is known of it up to date.
base::Result<ProcSource::Fate> ProcSource::read_process(std::int32_t pid, Known& known) {
  std::array<char, 32> path{};
  fmt::format_to_n(path.data(), path.size() - 1, "{}/stat", pid);
  Fate fate = Fate::kRead;
  ASSIGN_OR_RETURN(const auto text,
                   read_of(::dirfd(root_.get()), path.data(), buffer_.size(), fate));
  if (!text) return fate;
  const auto stat = parse_proc_stat(*text);
  if (!stat || stat->pid != pid) return says_nonsense(path.data());
  Process& process = known.process;
  const std::int64_t start_ns = stat->start_ticks * tick_ns_;
  const bool is_as_before = process.pid == pid && process.start_ns == start_ns &&
                            process.name == stat->name && process.threads == stat->threads &&
                            known.rss_pages == stat->rss_pages;
  process.pid = pid;
  process.ppid = stat->ppid;
  process.threads = stat->threads;
  process.state = stat->state;
  process.start_ns = start_ns;
  process.read_ns = now_ns(CLOCK_BOOTTIME);
  process.user_ns = stat->user_ticks * tick_ns_;
  process.system_ns = stat->system_ticks * tick_ns_;
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
      ::openat(::dirfd(root_.get()), pid.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Fate fate = Fate::kHasGone;
  if (!folder) return fate;
  std::optional<std::string_view> text;
  const auto read = [&](const char* file, std::size_t bytes_max) -> base::Result<bool> {
    ASSIGN_OR_RETURN(text, read_of(folder.get(), file, bytes_max, fate));
    return text.has_value();
  };
  const auto nonsense = [&](std::string_view file) {
    return says_nonsense(fmt::format("{}/{}", pid, file));
  };

  ASSIGN_OR_RETURN(bool is_there, read("stat", buffer_.size()));
  if (!is_there) return fate;
  const auto again = parse_proc_stat(*text);
  if (!again) return nonsense("stat");
  if (again->start_ticks * tick_ns_ != process.start_ns) return Fate::kHasGone;

  ASSIGN_OR_RETURN(is_there, read("status", buffer_.size()));
  if (!is_there) return fate;
  const auto status = parse_proc_status(*text);
  if (!status) return nonsense("status");
  process.uid = status->uid;
  process.rss_anon_bytes = status->rss_anon_bytes;
  process.rss_file_bytes = status->rss_file_bytes;
  process.rss_shmem_bytes = status->rss_shmem_bytes;

  ASSIGN_OR_RETURN(is_there, read("cgroup", buffer_.size()));
  if (!is_there) return fate;
  const auto cgroup = cgroup_of(*text);
  if (!cgroup) return nonsense("cgroup");
  process.cgroup = *cgroup;

  ASSIGN_OR_RETURN(is_there, read("oom_score_adj", buffer_.size()));
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

base::Result<std::optional<std::string_view>> ProcSource::read_of(int folder, const char* file,
                                                                  std::size_t bytes_max,
                                                                  Fate& fate) {
  const base::UniqueFd fd(::openat(folder, file, O_RDONLY | O_CLOEXEC));
  // One reading gives all of such a file.
  const ssize_t count = fd ? ::read(fd.get(), buffer_.data(), bytes_max) : -1;
  if (count >= 0) return std::string_view(buffer_.data(), static_cast<std::size_t>(count));
  const int error = errno;
  // /proc may be mounted with hidepid.
  if (error == EACCES || error == EPERM) {
    fate = Fate::kIsHidden;
  } else if (error == ENOENT || error == ESRCH) {
    fate = Fate::kHasGone;
  } else {
    return unavailable(fmt::format("reading {} in {}", file, options_.root), error);
  }
  return std::nullopt;
}

// A file of the host's, within buffer_.
base::Result<std::string_view> ProcSource::read_file(const char* path) {
  const base::UniqueFd fd(::openat(::dirfd(root_.get()), path, O_RDONLY | O_CLOEXEC));
  const ssize_t count = fd ? ::read(fd.get(), buffer_.data(), buffer_.size()) : -1;
  if (count >= 0) return std::string_view(buffer_.data(), static_cast<std::size_t>(count));
  const int error = errno;
  return unavailable(fmt::format("reading {}/{}", options_.root, path), error);
}

base::Failure ProcSource::says_nonsense(std::string_view path) const {
  return base::fail(base::Code::kCorruption,
                    fmt::format("{}/{} is not as proc(5) has it", options_.root, path));
}

}  // namespace vigia
