#pragma once
#include <atomic>
#include <cstdint>

namespace flashsale::checkout {

/// How many orders the process works on at once, over all threads. A permit is held until its order is settled, not
/// until its 202 (PROTOCOL R14), so that what waits for PostgreSQL stays bounded too.
class Permits {
 public:
  explicit Permits(std::int64_t most) : most_(most) {}

  [[nodiscard]] bool try_take() {
    if (taken_.fetch_add(1, std::memory_order_relaxed) < most_) return true;
    give_back();
    return false;
  }
  void give_back() { taken_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  const std::int64_t most_;
  std::atomic<std::int64_t> taken_{0};
};

}  // namespace flashsale::checkout
