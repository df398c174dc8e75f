#include "flashsale/workers/lease_keeper.hpp"

#include <utility>

#include "flashsale/redis/lease.hpp"

namespace flashsale::workers {

LeaseKeeper::LeaseKeeper(redis::Options redis, std::string sale_id, std::string kind, std::string holder,
                         std::chrono::milliseconds duration)
    : redis_(std::move(redis), "lease-keeper"),
      sale_id_(std::move(sale_id)),
      kind_(std::move(kind)),
      holder_(std::move(holder)),
      duration_(duration),
      thread_([this] { run(); }) {}

LeaseKeeper::~LeaseKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

/// It connects only when the first third is over: most holders are done by then.
void LeaseKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, duration_ / 3, [this] { return stopping_; })) {
    lock.unlock();
    (void)redis_.ask(redis::lease(sale_id_, kind_, holder_, duration_));
    lock.lock();
  }
}

}  // namespace flashsale::workers
