// What the kernel counts for the control groups of containers, from the files of versions 1 and 2;
// no engine is asked.
//
//   /docker/ID/below  -->  /docker/ID         -->  MOUNT/docker/ID/FILE
//   a process's group      the container's own     for each controller
//
// A controller is read from version 1 where it is mounted there, else from version 2. Where the
// group is not in a controller's hierarchy, that controller's figures are not known.
//
// Files are kept open between reads, as opening one costs several times what reading does. Bounds:
// Options::files_max of them, and three quarters of what the process may open (RLIMIT_NOFILE);
// those beyond are opened for each read. The kernel holds a page for each. Of a file 256 KiB are
// read, which is more than the kernel writes of one.
//
// Threads: of one thread.
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

struct CgroupFile;  // of the table in cgroup_source.cc

class CgroupSource {
 public:
  struct Options {
    std::string mountinfo = "/proc/self/mountinfo";
    std::size_t files_max = 2048;  // kept open
  };

  // Finds where control groups are mounted now, which may be nowhere. Errors: kUnavailable;
  // kCorruption, where mountinfo is not as proc(5) has it.
  [[nodiscard]] static base::Result<CgroupSource> open(const Options& options);

  // Fills `sample.cgroups` for the containers that its processes are in. A group that goes
  // meanwhile is not in it; a file that is not there, or that we may not read, gives no figure.
  // Errors: kUnavailable; kCorruption, naming the file that says what it should not.
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
    std::vector<std::optional<std::string>> places;  // below each of mounts_, where it may be there
    std::vector<base::UniqueFd> files;               // of each of steps_, where it is open
  };

  explicit CgroupSource(std::size_t files_max);

  void plan(const std::vector<CgroupMount>& found);
  base::Result<void> read_groups(Sample& sample);
  [[nodiscard]] Group group_of(std::string_view path) const;
  // Whether the group is there.
  base::Result<bool> read_group(Group& group, Cgroup& cgroup);
  base::Result<bool> read_files(Group& group, Cgroup& cgroup);
  base::UniqueFd open_file(Group& group, const Mount& at, const std::string& path);
  [[nodiscard]] bool is_whole(const Group& group, std::size_t mount) const;

  std::size_t files_max_;  // 0 once this process could open no more
  std::int64_t ticks_a_second_;
  std::vector<char> buffer_;
  std::vector<Mount> mounts_;
  std::vector<Step> steps_;    // files of a group, in order
  std::vector<Group> groups_;  // by path, of the last sample
  std::vector<Group> found_;   // of this one; kept for its memory
};

}  // namespace vigia
