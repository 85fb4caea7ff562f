#include "vigia/sources/cgroup_source.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <bitset>
#include <cerrno>
#include <fmt/format.h>
#include <optional>
#include <string_view>
#include <utility>

#include "vigia/sample/container.h"
#include "vigia/sources/proc_files.h"

namespace vigia {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{256} << 10;
constexpr std::size_t kMountinfoBytesMax = std::size_t{16} << 20;
constexpr std::size_t kMountsMax = 6;  // a hierarchy for each controller, and version 2

// The figures of a group while its files are read. Some figures need more than one file.
struct Reading {
  Cgroup& cgroup;
  std::int64_t ticks_a_second;
  std::optional<CgroupMemory> memory = std::nullopt;
  Cgroup::Figure kernel_bytes = std::nullopt;
  Cgroup::Figure sock_bytes = std::nullopt;
};

void set_throttling(Cgroup& cgroup, const CgroupThrottling& throttling) {
  cgroup.periods = throttling.periods;
  cgroup.throttled_periods = throttling.throttled_periods;
  cgroup.throttled_ns = throttling.throttled_ns;
}

void set_io(Cgroup& cgroup, const CgroupIo& io) {
  cgroup.io_read_bytes = io.read_bytes;
  cgroup.io_written_bytes = io.written_bytes;
}

// Files that hold one figure, which goes to `Member`. All of these functions return false if the
// text is malformed.
template <Cgroup::Figure Cgroup::* Member>
bool take_figure(std::string_view text, Reading& reading) {
  return (reading.cgroup.*Member = parse_figure(text)).has_value();
}
template <Cgroup::Figure Reading::* Member>
bool take_part(std::string_view text, Reading& reading) {
  return (reading.*Member = parse_figure(text)).has_value();
}
template <Cgroup::Figure Cgroup::* Member>
bool take_limit(std::string_view text, Reading& reading) {
  const auto limit = parse_limit(text);
  if (limit) reading.cgroup.*Member = limit->most;
  return limit.has_value();
}

bool take_throttling(std::string_view text, Reading& reading) {
  const auto throttling = parse_throttling(text);
  if (throttling) set_throttling(reading.cgroup, *throttling);
  return throttling.has_value();
}

bool take_cpuacct_stat(std::string_view text, Reading& reading) {
  const auto times = parse_cpuacct_stat(text, reading.ticks_a_second);
  if (!times) return false;
  reading.cgroup.user_ns = times->user_ns;
  reading.cgroup.system_ns = times->system_ns;
  return true;
}

// Keeps the figures that version 1 has given.
bool take_cpu(std::string_view text, Reading& reading) {
  const auto cpu = parse_cgroup_cpu(text);
  if (!cpu) return false;
  Cgroup& cgroup = reading.cgroup;
  if (!cgroup.cpu_ns) {
    cgroup.cpu_ns = cpu->usage_ns;
    cgroup.user_ns = cpu->user_ns;
    cgroup.system_ns = cpu->system_ns;
  }
  if (!cgroup.periods && cpu->throttling) set_throttling(cgroup, *cpu->throttling);
  return true;
}

template <auto Parse>
bool take_memory(std::string_view text, Reading& reading) {
  reading.memory = Parse(text);
  if (!reading.memory) return false;
  if (reading.memory->kernel_bytes) reading.kernel_bytes = reading.memory->kernel_bytes;
  if (reading.memory->sock_bytes) reading.sock_bytes = reading.memory->sock_bytes;
  return true;
}

template <auto Parse>
bool take_ooms(std::string_view text, Reading& reading) {
  const auto ooms = Parse(text);
  if (!ooms) return false;
  reading.cgroup.ooms = ooms->ooms;
  reading.cgroup.oom_kills = ooms->oom_kills;
  return true;
}

template <auto Parse>
bool take_io(std::string_view text, Reading& reading) {
  const auto io = Parse(text);
  if (io) set_io(reading.cgroup, *io);
  return io.has_value();
}

// The working set is the kubelet's: at least 0, though its two figures are not of one moment.
void derive_memory(Reading& reading) {
  if (!reading.memory) return;
  Cgroup& cgroup = reading.cgroup;
  if (cgroup.memory_bytes) {
    cgroup.working_set_bytes =
        std::max<std::int64_t>(0, *cgroup.memory_bytes - reading.memory->inactive_file_bytes);
  }
  if (reading.kernel_bytes && reading.sock_bytes) {
    std::int64_t sum = reading.memory->anon_bytes;
    if (__builtin_add_overflow(sum, *reading.kernel_bytes, &sum) ||
        __builtin_add_overflow(sum, *reading.sock_bytes, &sum)) {
      sum = INT64_MAX;
    }
    cgroup.unreclaimable_bytes = sum;
  }
}

base::Failure unavailable(const std::string& what, int error) {
  std::string why = base::Error::from_errno(what, error).message();
  if (error == EMFILE) why += ": raise the limit of open files (ulimit -n, LimitNOFILE)";
  return base::fail(base::Code::kUnavailable, std::move(why));
}

base::Failure malformed(const std::string& path, std::string_view source) {
  return base::fail(base::Code::kCorruption, fmt::format("{} is not as {} has it", path, source));
}

// Reads a file of /proc that is longer than one read() gives.
base::Result<std::string> read_whole(const std::string& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::string part(std::size_t{64} << 10, '\0');
  for (ssize_t count = fd ? 1 : -1; count != 0;) {
    if (count > 0) count = ::read(fd.get(), part.data(), part.size());
    if (count < 0) return unavailable("reading " + path, errno);
    text.append(part, 0, static_cast<std::size_t>(count));
    if (text.size() > kMountinfoBytesMax) {
      return base::fail(base::Code::kUnavailable,
                        fmt::format("{} is larger than {} bytes", path, kMountinfoBytesMax));
    }
  }
  return text;
}

// The number of folders between the root of our cgroup namespace and a mount; below 0 if the mount
// begins above the root.
std::ptrdiff_t depth_of(std::string_view root) {
  std::ptrdiff_t depth = 0;
  while (!root.empty()) {
    const auto end = std::min(root.find('/'), root.size());
    const std::string_view name = root.substr(0, end);
    if (!name.empty()) depth += name == ".." ? -1 : 1;
    root.remove_prefix(std::min(end + 1, root.size()));
  }
  return depth;
}

// The mount that shows most of its hierarchy, among those that are wanted. The last of equals.
template <class IsWanted>
const CgroupMount* widest(const std::vector<CgroupMount>& mounts, const IsWanted& is_wanted) {
  const CgroupMount* best = nullptr;
  for (const CgroupMount& each : mounts) {
    if (!is_wanted(each)) continue;
    if (best == nullptr || depth_of(each.root) <= depth_of(best->root)) best = &each;
  }
  return best;
}

std::size_t open_files(const std::vector<base::UniqueFd>& files) {
  const auto is_open = [](const base::UniqueFd& file) { return static_cast<bool>(file); };
  return static_cast<std::size_t>(std::ranges::count_if(files, is_open));
}

}  // namespace

struct CgroupFile {
  enum Version { kV1, kV2 };

  Version version;
  std::string_view controller;  // the file is below its mount
  const char* name;
  bool (*take)(std::string_view text, Reading& reading);
  // The file is not read if another one has given this figure.
  Cgroup::Figure Cgroup::* unless = nullptr;
};

namespace {

constexpr auto kV1 = CgroupFile::kV1;
constexpr auto kV2 = CgroupFile::kV2;

// The counters of rates come first, right after the time of the reading is taken.
const CgroupFile kFiles[] = {
    {kV1, "cpuacct", "cpuacct.usage", take_figure<&Cgroup::cpu_ns>},
    {kV1, "cpuacct", "cpuacct.stat", take_cpuacct_stat},
    {kV1, "cpu", "cpu.stat", take_throttling},
    {kV2, "cpuacct", "cpu.stat", take_cpu},
    {kV2, "cpu", "cpu.stat", take_cpu, &Cgroup::periods},
    {kV1, "memory", "memory.usage_in_bytes", take_figure<&Cgroup::memory_bytes>},
    {kV1, "memory", "memory.stat", take_memory<parse_cgroup_memory_v1>},
    {kV1, "memory", "memory.kmem.usage_in_bytes", take_part<&Reading::kernel_bytes>},
    {kV1, "memory", "memory.kmem.tcp.usage_in_bytes", take_part<&Reading::sock_bytes>},
    {kV1, "memory", "memory.max_usage_in_bytes", take_figure<&Cgroup::peak_bytes>},
    {kV1, "memory", "memory.limit_in_bytes", take_limit<&Cgroup::memory_max_bytes>},
    {kV1, "memory", "memory.oom_control", take_ooms<parse_oom_control>},
    {kV2, "memory", "memory.current", take_figure<&Cgroup::memory_bytes>},
    {kV2, "memory", "memory.stat", take_memory<parse_cgroup_memory_v2>},
    {kV2, "memory", "memory.peak", take_figure<&Cgroup::peak_bytes>},
    {kV2, "memory", "memory.max", take_limit<&Cgroup::memory_max_bytes>},
    {kV2, "memory", "memory.events", take_ooms<parse_memory_events>},
    {kV1, "pids", "pids.current", take_figure<&Cgroup::pids>},
    {kV1, "pids", "pids.max", take_limit<&Cgroup::pids_max>},
    {kV2, "pids", "pids.current", take_figure<&Cgroup::pids>},
    {kV2, "pids", "pids.max", take_limit<&Cgroup::pids_max>},
    {kV1, "blkio", "blkio.throttle.io_service_bytes_recursive", take_io<parse_blkio>},
    {kV1, "blkio", "blkio.throttle.io_service_bytes", take_io<parse_blkio>, &Cgroup::io_read_bytes},
    {kV2, "blkio", "io.stat", take_io<parse_io_stat>},
};

}  // namespace

CgroupSource::CgroupSource(std::size_t files_max)
    : files_max_(files_max), ticks_a_second_(::sysconf(_SC_CLK_TCK)), buffer_(kFileBytesMax) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    files_max_ = std::min<std::size_t>(files_max_, limit.rlim_cur / 4 * 3);
  }
}

base::Result<CgroupSource> CgroupSource::open(const Options& options) {
  ASSIGN_OR_RETURN(const std::string text, read_whole(options.mountinfo));
  const auto mounts = parse_cgroup_mounts(text);
  if (!mounts) return malformed(options.mountinfo, "proc(5)");
  CgroupSource source(options.files_max);
  source.plan(*mounts);
  return source;
}

// Chooses the files to read, and their mounts.
void CgroupSource::plan(const std::vector<CgroupMount>& found) {
  const auto place_of = [&](const CgroupMount& mount) {
    const auto same = [&](const Mount& each) { return each.at == mount; };
    const auto place = std::ranges::find_if(mounts_, same) - mounts_.begin();
    if (static_cast<std::size_t>(place) == mounts_.size()) {
      base::UniqueFd folder(::open(mount.point.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      mounts_.push_back({.at = mount, .folder = std::move(folder)});
    }
    return static_cast<std::size_t>(place);
  };
  const CgroupMount* v2 = widest(found, [](const CgroupMount& each) { return each.is_v2; });
  for (const CgroupFile& file : kFiles) {
    const CgroupMount* v1 = widest(found, [&](const CgroupMount& each) {
      return std::ranges::find(each.options, file.controller) != each.options.end();
    });
    const CgroupMount* mount = file.version == kV1 ? v1 : v1 == nullptr ? v2 : nullptr;
    if (mount != nullptr) steps_.push_back({.mount = place_of(*mount), .file = &file});
  }
}

base::Result<void> CgroupSource::read(Sample& sample) {
  auto done = read_groups(sample);
  // Groups have moved out of the cache.
  if (!done) cached_.clear();
  return done;
}

base::Result<void> CgroupSource::read_groups(Sample& sample) {
  sample.cgroups.clear();
  next_.clear();
  std::vector<std::string_view> paths;
  std::string_view before;  // neighbours are often in the same group
  for (const Process& each : sample.processes) {
    if (each.cgroup == before) continue;
    before = each.cgroup;
    if (const auto container = container_of(before)) paths.push_back(container->path);
  }
  std::ranges::sort(paths);
  const auto repeated = std::ranges::unique(paths);
  paths.erase(repeated.begin(), repeated.end());
  std::size_t files = 0;
  auto cached = cached_.begin();
  for (const std::string_view path : paths) {
    while (cached != cached_.end() && cached->path < path) ++cached;
    const bool is_cached = cached != cached_.end() && cached->path == path;
    Group group = is_cached ? std::move(*cached++) : group_of(path);
    Cgroup cgroup;
    ASSIGN_OR_RETURN(const bool is_there, read_group(group, cgroup));
    if (!is_there) continue;
    sample.cgroups.push_back(std::move(cgroup));
    files += open_files(group.files);
    if (files <= files_max_) next_.push_back(std::move(group));
  }
  std::swap(cached_, next_);
  next_.clear();  // closes the files of groups that are gone
  return {};
}

CgroupSource::Group CgroupSource::group_of(std::string_view path) const {
  Group group;
  group.path = path;
  group.files.resize(steps_.size());
  for (const Mount& each : mounts_) {
    group.places.push_back(each.folder ? below_mount(each.at.root, path) : std::nullopt);
  }
  return group;
}

base::Result<bool> CgroupSource::read_group(Group& group, Cgroup& cgroup) {
  const bool is_kept = open_files(group.files) > 0;
  ASSIGN_OR_RETURN(const bool is_there, read_files(group, cgroup));
  if (is_there || !is_kept) return is_there;
  // Another group of that name may have been made since the files were opened.
  for (base::UniqueFd& each : group.files) each.reset();
  return read_files(group, cgroup);
}

base::UniqueFd CgroupSource::open_file(Group& group, const Mount& at, const std::string& path) {
  base::UniqueFd fd(::openat(at.folder.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd || errno != EMFILE) return fd;
  // Other parts of this process need to open files: from now on none stay open.
  files_max_ = 0;
  const auto close_all = [](Group& each) {
    for (base::UniqueFd& file : each.files) file.reset();
  };
  std::ranges::for_each(cached_, close_all);
  std::ranges::for_each(next_, close_all);
  close_all(group);
  return base::UniqueFd(::openat(at.folder.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
}

// Returns false also if the group is removed during the reading.
base::Result<bool> CgroupSource::read_files(Group& group, Cgroup& cgroup) {
  cgroup = Cgroup();
  cgroup.path = group.path;
  cgroup.read_ns = boot_time_ns();
  Reading reading = {.cgroup = cgroup, .ticks_a_second = ticks_a_second_};
  std::bitset<kMountsMax> has_files;  // by mount
  std::bitset<kMountsMax> lacks_files;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto& [mount, file] = steps_[i];
    const auto& place = group.places[mount];
    if (!place || (file->unless != nullptr && cgroup.*(file->unless))) continue;
    const Mount& at = mounts_[mount];
    const auto path = [&, file = file] { return *place + "/" + file->name; };
    const auto whole_path = [&] { return at.at.point + "/" + path(); };
    base::UniqueFd& fd = group.files[i];
    if (!fd) fd = open_file(group, at, path());
    // One pread() gives the whole of such a file, as it is now.
    const ssize_t count = fd ? ::pread(fd.get(), buffer_.data(), buffer_.size(), 0) : -1;
    const int error = count < 0 ? errno : 0;
    if (error == ENODEV) return false;  // the group was removed since the file was opened
    if (error == ENOENT || error == ENOTDIR) {
      lacks_files.set(mount);
    } else if (error != 0 && error != EACCES && error != EPERM) {
      return unavailable("reading " + whole_path(), error);
    } else if (error == 0) {
      has_files.set(mount);
      const std::string_view text(buffer_.data(), static_cast<std::size_t>(count));
      if (!file->take(text, reading)) return malformed(whole_path(), "the kernel");
    }
  }
  derive_memory(reading);
  for (std::size_t i = 0; i < mounts_.size(); ++i) {
    if (has_files[i] && lacks_files[i] && !is_whole(group, i)) return false;
  }
  return has_files.any();
}

// Whether a group exists that lacks some files. A group that was removed has no files at all.
bool CgroupSource::is_whole(const Group& group, std::size_t mount) const {
  const std::string path = *group.places[mount] + "/cgroup.procs";
  return ::faccessat(mounts_[mount].folder.get(), path.c_str(), F_OK, 0) == 0;
}

}  // namespace vigia
