#include "base/periodic_thread.h"

#include <utility>

namespace base {

PeriodicThread::PeriodicThread(Work work)
    : work_(std::move(work)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

PeriodicThread::~PeriodicThread() = default;

void PeriodicThread::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    pause_.wait_for(lock, stop, work_(), [] { return false; });
  }
}

}  // namespace base
