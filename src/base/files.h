// Reading and durable writing of whole files. All functions block.
//
// Threads: functions; any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

// Returns the file's bytes. Also reads pipes. Errors: those of opening and reading;
// kInvalidArgument when there are more than `bytes_max` bytes.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

// Whether a file of any kind exists at `path`; follows symbolic links. Errors: those of stat().
[[nodiscard]] Result<bool> exists(const std::string& path);

// Waits until all changes of names in the folder are durable. Errors: the system's.
[[nodiscard]] Result<void> sync_folder(const std::string& folder);

// Replaces the file's text durably. Writes `path`.new with `mode`, syncs it and renames it, so that
// the file holds the old text or the new one. Errors: the system's; kResourceExhausted on a full
// disk.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text,
                                        mode_t mode);

// Returns the bytes free for this user in the file system that holds `path`. Errors: the system's.
[[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path);

// Makes the folder and its missing parents durably. Errors: the system's.
[[nodiscard]] Result<void> make_folder(const std::string& folder);

}  // namespace base
