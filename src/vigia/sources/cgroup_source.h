// What the kernel counts for the control groups of containers, from the files of versions 1 and 2;
// no engine is asked.
//
//   /docker/ID/below  -->  /docker/ID         -->  MOUNT/docker/ID/FILE
//   a process's group      the container's own     for each controller; the folder is kept open
//
// A controller is read from version 1 where it is mounted there, else from version 2. Where the
// group is not in a controller's hierarchy, that controller's figures are not known.
//
// Bounds: kFoldersMax folders are kept open between reads; those beyond are opened for each. Of a
// file 256 KiB are read, which is more than the kernel writes of one.
//
// Threads: of one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
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
  };
  static constexpr std::size_t kFoldersMax = 512;

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
    std::vector<base::UniqueFd> folders;  // below each of mounts_, where it has one there
  };

  CgroupSource();

  void plan(const std::vector<CgroupMount>& found);
  base::Result<void> read_groups(Sample& sample);
  // Whether the group is there.
  base::Result<bool> read_group(Group& group, Cgroup& cgroup);
  base::Result<void> open_folders(Group& group) const;
  base::Result<bool> read_files(const Group& group, Cgroup& cgroup);

  std::int64_t ticks_a_second_;
  std::vector<char> buffer_;
  std::vector<Mount> mounts_;
  std::vector<Step> steps_;    // files of a group, in order
  std::vector<Group> groups_;  // by path, of the last sample
  std::vector<Group> found_;   // of this one; kept for its memory
};

}  // namespace vigia
