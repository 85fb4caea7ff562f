#include "base/files.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <system_error>

#include "base/unique_fd.h"

namespace base {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = 4096;

std::string folder_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(Error::from_errno("opening " + path, errno));
  std::string bytes;
  while (bytes.size() <= bytes_max) {
    const std::size_t held = bytes.size();
    bytes.resize(held + kReadBytes);
    const auto count = ::read(fd.get(), bytes.data() + held, kReadBytes);
    if (count < 0 && errno != EINTR) return fail(Error::from_errno("reading " + path, errno));
    bytes.resize(held + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) return bytes;
  }
  return fail(Code::kInvalidArgument,
              fmt::format("{}: expected at most {} bytes", path, bytes_max));
}

Result<bool> exists(const std::string& path) {
  std::error_code error;
  const bool is_there = fs::exists(path, error);
  if (error) return fail(Error::from_errno("looking at " + path, error.value()));
  return is_there;
}

Result<void> sync_folder(const std::string& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return fail(Error::from_errno("syncing " + folder, errno));
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode) {
  const std::string aside = path + ".new";
  {
    const UniqueFd fd(::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    errno = fd ? ENOSPC : errno;  // the error of a short write
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(fd.get()) != 0 || ::rename(aside.c_str(), path.c_str()) != 0) {
      return fail(Error::from_errno("writing " + path, errno));
    }
  }
  return sync_folder(folder_of(path));
}

Result<std::uint64_t> free_bytes(const std::string& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0) {
    return fail(Error::from_errno("reading the free space of " + path, errno));
  }
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

Result<void> make_folder(const std::string& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error)) return {};
  const std::string parent = folder_of(folder);
  if (parent != folder) {
    if (auto made = make_folder(parent); !made) return made;
  }
  fs::create_directory(folder, error);
  if (error) return fail(Error::from_errno("making " + folder, error.value()));
  return sync_folder(parent);
}

}  // namespace base
