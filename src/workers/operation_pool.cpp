#include "flashsale/workers/operation_pool.hpp"

#include <string>
#include <utility>

namespace flashsale::workers {

OperationPool::OperationPool(Options options, telemetry::Metrics& metrics)
    : options_(std::move(options)), metrics_(metrics) {}

OperationPool::~OperationPool() { stop(); }

void OperationPool::start() {
  for (unsigned i = 0; i < options_.threads; ++i) threads_.emplace_back([this, i] { run(i); });
}

void OperationPool::stop() {
  std::deque<Operation> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

bool OperationPool::submit(Operation operation) {
  {
    const std::lock_guard lock(mutex_);
    const auto free = options_.threads - busy_;
    if (stopping_ || queue_.size() >= options_.queue_max + free) return false;
    queue_.push_back(std::move(operation));
  }
  wake_.notify_one();
  return true;
}

void OperationPool::run(unsigned thread_no) {
  Stores stores(options_.postgres, options_.redis, options_.name + '-' + std::to_string(thread_no), metrics_);
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const auto operation = std::move(queue_.front());
    queue_.pop_front();
    metrics_.queue_depth(options_.name).Set(static_cast<double>(queue_.size()));
    ++busy_;
    lock.unlock();
    operation(stores);
    lock.lock();
    --busy_;
  }
}

}  // namespace flashsale::workers
