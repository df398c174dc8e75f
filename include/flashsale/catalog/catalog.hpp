#pragma once
#include <memory>
#include <string_view>

#include "flashsale/catalog/snapshot.hpp"

namespace flashsale::catalog {

/// One I/O thread's view of all sales: the newest snapshot that the pulse has posted to it. No locks, no I/O.
class Catalog {
 public:
  Catalog();
  [[nodiscard]] const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
  void replace(std::shared_ptr<const Snapshot> snapshot) { snapshot_ = std::move(snapshot); }

 private:
  std::shared_ptr<const Snapshot> snapshot_;  ///< never null
};

}  // namespace flashsale::catalog
