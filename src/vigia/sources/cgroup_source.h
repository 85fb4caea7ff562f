// The figures of the control groups of containers, from the kernel's files of versions 1 and 2,
// without a container engine.
//
//   /docker/ID/below  -->  /docker/ID         -->  MOUNT/docker/ID/FILE
//   a process's group      the container's own     for each controller
//
// A controller is read from version 1 where it is mounted there, else from version 2. If a group is
// not in a controller's hierarchy, the figures of that controller are empty.
//
// Files stay open between reads, because opening one costs several times as much as reading it. The
// kernel holds a page for each open file.
//
// Bounds: at most Options::files_max files stay open, and at most three quarters of the process's
// limit (RLIMIT_NOFILE). The others are opened for each read. At most 256 KiB of a file are read,
// which is more than the kernel writes.
//
// Threads: belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vigia/sample/sample.h"
#include "vigia/sources/cgroup_text.h"

namespace vigia {

struct CgroupFile;  // a row of the table in cgroup_source.cc

class CgroupSource {
 public:
  struct Options {
    std::string mountinfo = "/proc/self/mountinfo";
    std::size_t files_max = 2048;  // kept open
  };

  // Finds the places where control groups are mounted now; there may be none. Errors: kUnavailable;
  // kCorruption if mountinfo is not as proc(5) has it.
  [[nodiscard]] static base::Result<CgroupSource> open(const Options& options);

  // Fills `sample.cgroups` with the containers that its processes are in. A group that is removed
  // meanwhile is left out. A file that is missing, or that we may not read, gives no figure.
  // Errors: kUnavailable; kCorruption if a file is malformed. The message names the file.
  [[nodiscard]] base::Result<void> read(Sample& sample);

 private:
  struct Mount {
    CgroupMount at;
    base::UniqueFd folder;
  };
  struct Step {
    std::size_t mount;  // its place in mounts_
    const CgroupFile* file;
  };
  struct Group {
    std::string path;
    std::vector<std::optional<std::string>> places;  // below each of mounts_; empty: not there
    std::vector<base::UniqueFd> files;               // for each of steps_; empty: not open
  };

  explicit CgroupSource(std::size_t files_max);

  void plan(const std::vector<CgroupMount>& found);
  base::Result<void> read_groups(Sample& sample);
  [[nodiscard]] Group group_of(std::string_view path) const;
  // Both return false if the group does not exist.
  base::Result<bool> read_group(Group& group, Cgroup& cgroup);
  base::Result<bool> read_files(Group& group, Cgroup& cgroup);
  base::UniqueFd open_file(Group& group, const Mount& at, const std::string& path);
  [[nodiscard]] bool is_whole(const Group& group, std::size_t mount) const;

  std::size_t files_max_;  // 0 after this process could not open another file
  std::int64_t ticks_a_second_;
  std::vector<char> buffer_;
  std::vector<Mount> mounts_;
  std::vector<Step> steps_;    // the files of a group, in the order in which they are read
  std::vector<Group> cached_;  // of the last sample, in order of path
  std::vector<Group> next_;    // of this sample; a member to keep its memory
};

}  // namespace vigia
