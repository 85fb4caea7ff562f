// Reading, making and durable writing of files. All functions block.
//
// Our code makes and writes every named file through these functions. Another user may be able to
// write to the folder. So no function that writes to a file follows a symbolic link at the end of a
// path. No function takes a file that was there before for a new one. The folders on the way may be
// links.
//
// Threads: functions; any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace base {

// Returns the file's bytes. Also reads pipes. Errors: those of opening and reading;
// kInvalidArgument when there are more than `bytes_max` bytes.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

// Whether a file of any kind exists at `path`; follows symbolic links. Errors: those of stat().
[[nodiscard]] Result<bool> exists(const std::string& path);

// Waits until all changes of names in the folder are durable. Errors: the system's.
[[nodiscard]] Result<void> sync_folder(const std::string& folder);

// What create_file() does when the name is taken.
enum class LeftOver {
  kRefuse,  // fails with kAlreadyExists
  kRemove,  // removes the file or the link of that name first
};

// Makes an empty file, open for reading and writing. Its mode is exactly `mode`, whatever the
// umask. Errors: kAlreadyExists; the system's.
[[nodiscard]] Result<UniqueFd> create_file(const std::string& path, mode_t mode, LeftOver left);

// Opens a file that exists, for reading and writing. Errors: kNotFound; kFailedPrecondition when
// `path` is a symbolic link; the system's.
[[nodiscard]] Result<UniqueFd> open_file(const std::string& path);

// Opens the file as open_file() does. If there is none, makes it as create_file() does.
[[nodiscard]] Result<UniqueFd> open_or_create_file(const std::string& path, mode_t mode);

// Opens the file that a user named for a program's output. Makes an empty file with mode 0644 less
// the umask. Removes a regular file of that name first. Uses a device or a pipe as it is, also
// through a link such as /dev/stdout. Errors: kFailedPrecondition when `path` is another symbolic
// link; kAlreadyExists when another process makes the file meanwhile; the system's.
[[nodiscard]] Result<UniqueFd> open_output(const std::string& path);

// Writes all of `bytes` at the file's position. Errors: the system's, which begin with "writing"
// and `name`; kResourceExhausted on a full disk.
[[nodiscard]] Result<void> write_all(const UniqueFd& fd, std::string_view bytes,
                                     std::string_view name);

// Replaces the file's text durably. Writes `path`.new with `mode`, syncs it and renames it, so that
// the file holds the old text or the new one. A link at `path` is replaced, not followed. Removes
// `path`.new on an error. Errors: the system's; kResourceExhausted on a full disk.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text,
                                        mode_t mode);

// Returns the bytes free for this user in the file system that holds `path`. Errors: the system's.
[[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path);

// Makes the folder and its missing parents durably, with mode 0755 less the umask. Errors: the
// system's.
[[nodiscard]] Result<void> make_folder(const std::string& folder);

}  // namespace base
