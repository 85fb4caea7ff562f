#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
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
constexpr mode_t kOutputMode = 0644;
constexpr mode_t kFolderMode = 0755;

std::string folder_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

bool is_link(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
}

Failure refuse_link(const std::string& path) {
  return fail(Code::kFailedPrecondition,
              path + " is a symbolic link, and a link is not written through: remove it");
}

Result<void> remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail(Error::from_errno("removing the old " + path, errno));
}

// Makes a file with `mode` less the umask.
Result<UniqueFd> create(const std::string& path, mode_t mode) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (fd) return fd;
  if (errno == EEXIST) return fail(Code::kAlreadyExists, path + " exists already");
  return fail(Error::from_errno("opening " + path, errno));
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

Result<UniqueFd> create_file(const std::string& path, mode_t mode, LeftOver left) {
  if (left == LeftOver::kRemove) RETURN_IF_ERROR(remove(path));
  ASSIGN_OR_RETURN(UniqueFd fd, create(path, mode));
  if (::fchmod(fd.get(), mode) != 0) {
    return fail(Error::from_errno("setting the mode of " + path, errno));
  }
  return fd;
}

Result<UniqueFd> open_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (fd) return fd;
  const int error = errno;
  if (error == ELOOP && is_link(path)) return refuse_link(path);
  return fail(Error::from_errno("opening " + path, error));
}

Result<UniqueFd> open_or_create_file(const std::string& path, mode_t mode) {
  auto opened = open_file(path);
  if (opened || opened.error().code() != Code::kNotFound) return opened;
  auto created = create_file(path, mode, LeftOver::kRefuse);
  // Another process was faster.
  if (!created && created.error().code() == Code::kAlreadyExists) return open_file(path);
  return created;
}

Result<UniqueFd> open_output(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    if (!fd || ::fstat(fd.get(), &info) != 0) {
      return fail(Error::from_errno("opening " + path, errno));
    }
    if (!S_ISREG(info.st_mode)) return fd;
  }
  if (is_link(path)) return refuse_link(path);
  RETURN_IF_ERROR(remove(path));
  return create(path, kOutputMode);
}

Result<void> write_all(const UniqueFd& fd, std::string_view bytes, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Error::from_errno(fmt::format("writing {}", name), errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode) {
  const std::string aside = path + ".new";
  ASSIGN_OR_RETURN(const UniqueFd fd, create_file(aside, mode, LeftOver::kRemove));
  auto replaced = write_all(fd, text, aside);
  if (replaced && (::fsync(fd.get()) != 0 || ::rename(aside.c_str(), path.c_str()) != 0)) {
    replaced = fail(Error::from_errno("writing " + path, errno));
  }
  if (!replaced) {
    ::unlink(aside.c_str());
    return replaced;
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
  if (::mkdir(folder.c_str(), kFolderMode) != 0) {
    const int number = errno;
    // Another process may have been faster.
    if (!fs::is_directory(folder, error)) {
      return fail(Error::from_errno("making " + folder, number));
    }
  }
  return sync_folder(parent);
}

}  // namespace base
