#include "base/periodic_thread.h"

#include <mutex>
#include <utility>

namespace base {

PeriodicThread::PeriodicThread(Work work)
    : work_(std::move(work)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

PeriodicThread::~PeriodicThread() = default;

void PeriodicThread::run(const std::stop_token& stop) {
  std::mutex mutex;  // of this thread alone: the condition needs one
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    pause_.wait_for(lock, stop, work_(), [] { return false; });
  }
}

}  // namespace base
