#include "vigia/history/recording_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <utility>

#include "base/files.h"
#include "base/printable.h"
#include "vigia/sample/sample_json.h"

namespace vigia {
namespace {

// to_json() begins a sample so.
constexpr std::string_view kStart = "{\"schema\":";
constexpr std::int64_t kReadBytes = 64 * 1024;
constexpr mode_t kFileMode = 0600;

}  // namespace

base::Result<RecordingFile> RecordingFile::open(const std::string& path, Existing existing) {
  ASSIGN_OR_RETURN(base::UniqueFd fd,
                   existing == Existing::kRefuse
                       ? base::create_file(path, kFileMode, base::LeftOver::kRefuse)
                       : base::open_or_create_file(path, kFileMode));
  RecordingFile file(path, std::move(fd));
  struct stat status{};
  if (::fstat(file.fd_.get(), &status) != 0) return file.failed("looking at");
  file.is_regular_ = S_ISREG(status.st_mode);
  if (!file.is_regular_) return file;
  if (::flock(file.fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return base::fail(base::Code::kAlreadyExists, "another process is recording to " + path);
    }
    return file.failed("locking");
  }
  RETURN_IF_ERROR(file.go_to_end());
  const std::string folder = std::filesystem::path(path).parent_path();
  RETURN_IF_ERROR(base::sync_folder(folder.empty() ? "." : folder));
  return file;
}

RecordingFile RecordingFile::standard_output() {
  RecordingFile file("standard output", base::UniqueFd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)));
  file.is_terminal_ = ::isatty(file.fd_.get()) == 1;
  return file;
}

// Seeks to the end of the last whole line, and cuts off what follows it.
base::Result<void> RecordingFile::go_to_end() {
  struct stat status{};
  if (::fstat(fd_.get(), &status) != 0) return failed("looking at");
  std::int64_t end = status.st_size;
  if (end == 0) return {};
  std::string bytes(kStart.size(), '\0');
  const ssize_t start = ::pread(fd_.get(), bytes.data(), bytes.size(), 0);
  if (start < 0) return failed("reading");
  bytes.resize(static_cast<std::size_t>(start));
  if (!kStart.starts_with(bytes)) {
    return base::fail(base::Code::kFailedPrecondition, path_ + " is not a recording");
  }
  while (end > 0) {
    const std::int64_t from = std::max<std::int64_t>(0, end - kReadBytes);
    bytes.resize(static_cast<std::size_t>(end - from));
    const ssize_t count = ::pread(fd_.get(), bytes.data(), bytes.size(), from);
    if (count != static_cast<ssize_t>(bytes.size())) return failed("reading");
    const auto newline = bytes.rfind('\n');
    end = from + (newline == std::string::npos ? 0 : static_cast<std::int64_t>(newline) + 1);
    if (newline != std::string::npos) break;
  }
  bytes_cut_ = status.st_size - end;
  bytes_ = end;
  if (bytes_cut_ > 0 && ::ftruncate(fd_.get(), end) != 0) return failed("cutting");
  if (::lseek(fd_.get(), end, SEEK_SET) < 0) return failed("looking at");
  return {};
}

base::Result<void> RecordingFile::append(const Sample& sample) {
  std::string line = to_json(sample);
  line += '\n';
  if (is_terminal_) line = base::escape_for_terminal(std::move(line));
  std::string_view left = line;
  while (!left.empty()) {
    const ssize_t count = ::write(fd_.get(), left.data(), left.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      auto error = base::Error::from_errno("writing " + path_, errno);
      const bool is_whole =
          left.size() == line.size() || !is_regular_ ||
          (::ftruncate(fd_.get(), bytes_) == 0 && ::lseek(fd_.get(), bytes_, SEEK_SET) >= 0);
      if (is_whole) return base::fail(std::move(error));
      return base::fail(error.code(), error.message() + "; its last line is cut short");
    }
    left.remove_prefix(static_cast<std::size_t>(count));
  }
  bytes_ += static_cast<std::int64_t>(line.size());
  return {};
}

base::Result<void> RecordingFile::sync() {
  if (is_regular_ && ::fsync(fd_.get()) != 0) return failed("syncing");
  return {};
}

base::Failure RecordingFile::failed(std::string_view doing) const {
  return base::fail(base::Error::from_errno(fmt::format("{} {}", doing, path_), errno));
}

}  // namespace vigia
