#include "estadio/load/thread_usage.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <ctime>
#include <string_view>

#include "base/unique_fd.h"

namespace estadio::load {
namespace {

// Reads the second number of schedstat (Documentation/scheduler/sched-stats.rst): ns spent waiting.
base::Nanos read_waited() {
  const base::UniqueFd fd(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC));
  std::array<char, 128> room;
  const ssize_t size = fd ? ::read(fd.get(), room.data(), room.size()) : 0;
  if (size <= 0) return {};
  const std::string_view text(room.data(), static_cast<std::size_t>(size));
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return {};
  std::int64_t ns = 0;
  std::from_chars(text.data() + space + 1, text.data() + text.size(), ns);
  return base::Nanos(ns);
}

}  // namespace

ThreadUsage ThreadUsage::now() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return {.ran = std::chrono::seconds(time.tv_sec) + base::Nanos(time.tv_nsec),
          .waited = read_waited()};
}

}  // namespace estadio::load
