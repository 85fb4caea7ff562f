// Files that are there whole and to stay.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

// The file's bytes. Errors: those of opening and reading; kInvalidArgument when there are more than
// `bytes_max`.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

// Whether there is something of that name. Errors: it cannot be looked at.
[[nodiscard]] Result<bool> exists(const std::string& path);

// Waits until what was made, renamed and removed in the folder is on disk.
[[nodiscard]] Result<void> sync_folder(const std::string& folder);

// Replaces the file: written aside, synced and renamed, so that it holds the old text or the new.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text,
                                        mode_t mode);

// How many bytes may still be written to the file system that holds `path`.
[[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path);

// Makes the folder and those above it where they are missing, to stay.
[[nodiscard]] Result<void> make_folder(const std::string& folder);

}  // namespace base
