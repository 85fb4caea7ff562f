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

base::Result<void> AckWriter::add(const Ack& ack) {
  lines_ += R"({"id":")";
  lines_ += ack.id;
  if (!ack.outcome.empty()) {
    lines_ += R"(","outcome":")";
    lines_ += ack.outcome;
  }
  lines_ += '"';
  lines_ += ack.facts;
  lines_ += "}\n";
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
