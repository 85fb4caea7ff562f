#include "estadio/load/acks.h"

#include <utility>

#include "base/files.h"

namespace estadio::load {

base::Result<AckFile> AckFile::create(const std::string& path) {
  auto fd = base::open_output(path);
  if (!fd) {
    return base::fail(base::Code::kInvalidArgument, std::move(fd).error().within("acks").message());
  }
  return AckFile(*std::move(fd), path);
}

base::Result<void> AckFile::write(std::string_view lines) {
  const std::scoped_lock lock(*mutex_);
  return base::write_all(fd_, lines, "acks to " + path_);
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
