#include "flashsale/workers/periodic_thread.hpp"

#include <utility>

namespace flashsale::workers {

PeriodicThread::PeriodicThread(std::chrono::milliseconds pause, std::function<void()> work)
    : pause_(pause), work_(std::move(work)) {}

PeriodicThread::~PeriodicThread() { stop(); }

void PeriodicThread::start() {
  thread_ = std::thread([this] { run(); });
}

void PeriodicThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void PeriodicThread::wake() {
  {
    const std::lock_guard lock(mutex_);
    is_woken_ = true;
  }
  wake_.notify_all();
}

void PeriodicThread::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    work_();
    lock.lock();
    wake_.wait_for(lock, pause_, [this] { return stopping_ || is_woken_; });
    is_woken_ = false;
  }
}

}  // namespace flashsale::workers
