#include "estadio/load/acks.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace estadio::load {

base::Result<AckFile> AckFile::create(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) {
    return base::fail(base::Code::kInvalidArgument,
                      base::Error::from_errno("making the acks file " + path, errno).message());
  }
  return AckFile(std::move(fd), path);
}

base::Result<void> AckFile::write(std::string_view lines) {
  const std::scoped_lock lock(*mutex_);
  while (!lines.empty()) {
    const ssize_t count = ::write(fd_.get(), lines.data(), lines.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::fail(base::Error::from_errno("writing acks to " + path_, errno));
    lines.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

base::Result<void> AckWriter::add(std::string_view id, std::string_view outcome) {
  lines_ += R"({"id":")";
  lines_ += id;
  lines_ += R"(","outcome":")";
  lines_ += outcome;
  return end_line();
}

base::Result<void> AckWriter::add(std::string_view id) {
  lines_ += R"({"id":")";
  lines_ += id;
  return end_line();
}

base::Result<void> AckWriter::end_line() {
  lines_ += "\"}\n";
  const bool is_due = clock_.mono() - flushed_ >= kFlushEvery;
  return is_due || lines_.size() >= kBufferBytes ? flush() : base::Result<void>();
}

base::Result<void> AckWriter::flush() {
  auto written = file_.write(lines_);
  lines_.clear();
  flushed_ = clock_.mono();
  return written;
}

}  // namespace estadio::load
