#pragma once
#include <memory>
#include <mutex>
#include <utility>

#include "flashsale/catalog/snapshot.hpp"

namespace flashsale::catalog {

/// The newest snapshot, for a background thread that looks at all sales now and then. Any thread.
class LatestSnapshot {
 public:
  void set(std::shared_ptr<const Snapshot> snapshot) {
    const std::lock_guard lock(mutex_);
    snapshot_ = std::move(snapshot);
  }
  /// Null before the first.
  [[nodiscard]] std::shared_ptr<const Snapshot> get() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace flashsale::catalog
