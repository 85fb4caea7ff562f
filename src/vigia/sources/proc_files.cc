#include "vigia/sources/proc_files.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fmt/format.h>
#include <utility>

#include "base/unique_fd.h"
#include "vigia/sources/proc_text.h"

namespace vigia {
namespace {

std::int64_t now_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

base::Failure unavailable(const std::string& what, int error) {
  return base::fail(base::Code::kUnavailable, base::Error::from_errno(what, error).message());
}

}  // namespace

std::int64_t boot_time_ns() { return now_ns(CLOCK_BOOTTIME); }

base::Result<ProcFiles> ProcFiles::open(std::string root) {
  ProcFiles files;
  files.root_ = std::move(root);
  files.directory_.reset(::opendir(files.root_.c_str()));
  if (!files.directory_) return unavailable("opening " + files.root_, errno);
  files.buffer_.resize(kBytesMax);
  files.tick_ns_ = 1'000'000'000 / ::sysconf(_SC_CLK_TCK);
  ASSIGN_OR_RETURN(files.kernel_, files.first_line_of("sys/kernel/osrelease"));
  ASSIGN_OR_RETURN(std::string boot_id, files.first_line_of("sys/kernel/random/boot_id"));
  if (!boot_id.empty()) files.boot_id_ = std::move(boot_id);
  for (HostFile* file : {&files.stat_, &files.meminfo_, &files.loadavg_}) {
    RETURN_IF_ERROR(files.open_file(*file));
  }
  return files;
}

base::Result<void> ProcFiles::read_host(Sample& sample) {
  sample.kernel = kernel_;
  sample.boot_id = boot_id_;
  sample.wall_ms = now_ns(CLOCK_REALTIME) / 1'000'000;
  sample.uptime_ns = boot_time_ns();
  ASSIGN_OR_RETURN(const auto cpu_text, read_file(stat_));
  auto cpu = parse_host_cpu(cpu_text, 1'000'000'000 / tick_ns_);
  if (!cpu) return malformed("stat");
  sample.cpu = cpu->all;
  sample.cpus = std::move(cpu->each);
  RETURN_IF_ERROR(read_memory(sample.memory));
  ASSIGN_OR_RETURN(const auto load_text, read_file(loadavg_));
  const auto load = parse_load(load_text);
  if (!load) return malformed("loadavg");
  sample.load = *load;
  return {};
}

base::Result<void> ProcFiles::read_memory(Memory& memory) {
  ASSIGN_OR_RETURN(const auto text, read_file(meminfo_));
  const auto parsed = parse_memory(text);
  if (!parsed) return malformed("meminfo");
  memory = *parsed;
  return {};
}

base::Result<void> ProcFiles::list_processes(std::vector<std::int32_t>& pids) {
  pids.clear();
  ::rewinddir(directory_.get());
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(directory_.get());
    if (entry == nullptr && errno != 0) return unavailable("listing " + root_, errno);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    std::int32_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc{} && end == name.data() + name.size()) pids.push_back(pid);
  }
  std::ranges::sort(pids);
  return {};
}

base::Result<ProcFiles::ProcessFile> ProcFiles::read_of(int folder, const char* file,
                                                        std::size_t bytes_max) {
  const base::UniqueFd fd(::openat(folder, file, O_RDONLY | O_CLOEXEC));
  // One read() gives the whole of such a file.
  const ssize_t count =
      fd ? ::read(fd.get(), buffer_.data(), std::min(bytes_max, buffer_.size())) : -1;
  if (count >= 0) {
    return ProcessFile{.access = Access::kRead,
                       .text = {buffer_.data(), static_cast<std::size_t>(count)}};
  }
  switch (const int error = errno) {
    case EACCES:
    case EPERM: return ProcessFile{.access = Access::kHidden, .text = {}};
    case ENOENT:
    case ESRCH: return ProcessFile{.access = Access::kGone, .text = {}};
    default: return unavailable(fmt::format("reading {} in {}", file, root_), error);
  }
}

base::Result<void> ProcFiles::open_file(HostFile& file) {
  file.fd = base::UniqueFd(::openat(folder(), file.path, O_RDONLY | O_CLOEXEC));
  if (file.fd) return {};
  const int error = errno;
  auto failed = unavailable(fmt::format("opening {}/{}", root_, file.path), error);
  if (error != ENOENT) return failed;
  return base::fail(base::Code::kUnavailable,
                    failed.value().message() + ": is all of /proc mounted there?");
}

base::Result<std::string_view> ProcFiles::read_file(const HostFile& file) {
  const ssize_t count = ::pread(file.fd.get(), buffer_.data(), buffer_.size(), 0);
  if (count >= 0) return std::string_view(buffer_.data(), static_cast<std::size_t>(count));
  const int error = errno;
  return unavailable(fmt::format("reading {}/{}", root_, file.path), error);
}

base::Result<std::string> ProcFiles::first_line_of(const char* path) {
  HostFile file{.path = path, .fd = {}};
  RETURN_IF_ERROR(open_file(file));
  ASSIGN_OR_RETURN(const auto text, read_file(file));
  return std::string(text.substr(0, text.find('\n')));
}

base::Failure ProcFiles::malformed(std::string_view path) const {
  return base::fail(base::Code::kCorruption,
                    fmt::format("{}/{} is not as proc(5) has it", root_, path));
}

}  // namespace vigia
