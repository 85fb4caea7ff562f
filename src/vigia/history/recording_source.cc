#include "vigia/history/recording_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <utility>

namespace vigia {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;

}  // namespace

base::Result<std::unique_ptr<RecordingSource>> RecordingSource::open(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return base::fail(base::Error::from_errno("opening " + path, errno));
  return std::unique_ptr<RecordingSource>(new RecordingSource(path, std::move(fd)));
}

base::Result<void> RecordingSource::read(Sample& sample) {
  ASSIGN_OR_RETURN(const bool is_there, next(sample));
  if (is_there) return {};
  return base::fail(base::Code::kUnavailable,
                    fmt::format("{} ends after {} lines{}", path_, lines_,
                                is_cut_ ? "; the last is cut short" : ""));
}

base::Result<bool> RecordingSource::next(Sample& sample) {
  ASSIGN_OR_RETURN(const auto line, read_line());
  if (!line) return false;
  auto done = reader_.read(*line, sample);
  if (done) return true;
  if (!is_ended_ && done.error().code() == base::Code::kCorruption) {
    is_cut_ = true;
    return false;
  }
  return base::fail(std::move(done).error().within(place()));
}

base::Result<bool> RecordingSource::skip() {
  ASSIGN_OR_RETURN(const auto line, read_line());
  return line.has_value();
}

base::Result<std::optional<std::string_view>> RecordingSource::read_line() {
  std::size_t searched = at_;
  std::size_t end = buffer_.find('\n', searched);
  while (end == std::string::npos) {
    buffer_.erase(0, std::exchange(at_, 0));
    searched = buffer_.size();
    if (buffer_.size() > kSampleBytesMax) {
      ++lines_;
      return base::fail(
          base::Code::kResourceExhausted,
          fmt::format("{}: expected a line of at most {} bytes", place(), kSampleBytesMax));
    }
    ASSIGN_OR_RETURN(const bool is_more, fill());
    if (!is_more) break;
    end = buffer_.find('\n', searched);
  }
  is_ended_ = end != std::string::npos;
  const std::string_view line =
      std::string_view(buffer_).substr(at_, std::min(end, buffer_.size()) - at_);
  at_ = is_ended_ ? end + 1 : buffer_.size();
  if (!is_ended_ && line.empty()) return std::nullopt;
  ++lines_;
  return line;
}

base::Result<bool> RecordingSource::fill() {
  const std::size_t held = buffer_.size();
  buffer_.resize(held + kReadBytes);
  ssize_t count = 0;
  do {
    count = ::read(fd_.get(), buffer_.data() + held, kReadBytes);
  } while (count < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(held + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0) return base::fail(base::Error::from_errno("reading " + path_, error));
  return count > 0;
}

std::string RecordingSource::place() const { return fmt::format("{}:{}", path_, lines_); }

}  // namespace vigia
