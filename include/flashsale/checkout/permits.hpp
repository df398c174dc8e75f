#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace flashsale::checkout {

/// How many orders the process works on at once, over all threads. A permit is held until its order is settled, not
/// until its 202 (PROTOCOL R14), so that what waits for PostgreSQL stays bounded too.
///
/// The bound moves below `most` so that orders which are accepted keep their latency under overload (P6): in a queue of
/// fixed length each order waits for all before it. By Little's law the bound that keeps a latency is the rate times
/// the latency; it is found by shrinking while orders take longer than the target and growing while they do not. When
/// nothing is settled at all, PostgreSQL is away, and what is taken waits in the pending log up to `most`. Thread-safe.
class Permits {
 public:
  struct Options {
    std::int64_t most = 4096;
    std::int64_t least = 512;  ///< not below this, however slow the stores are
    std::chrono::milliseconds latency_target{100};
    std::chrono::milliseconds away_after{1000};  ///< without a single commit
  };

  explicit Permits(const Options& options);

  /// `held_back`: orders that wait for an item or a sale that cannot be written. Of the bound they count for half, so
  /// that they leave permits to the others; the process may then work on twice `most`.
  [[nodiscard]] bool try_take(std::int64_t held_back = 0) {
    const auto limit = limit_.load(std::memory_order_relaxed);
    const auto beside = std::clamp<std::int64_t>(held_back - limit / 2, 0, options_.most);
    if (taken_.fetch_add(1, std::memory_order_relaxed) < limit + beside) return true;
    give_back();
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  void give_back() { taken_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t taken() const { return taken_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t limit() const { return limit_.load(std::memory_order_relaxed); }

  /// An order was committed so long after it had got its permit.
  void committed_after(std::chrono::steady_clock::duration latency) {
    latency_us_.fetch_add(std::chrono::duration_cast<std::chrono::microseconds>(latency).count(),
                          std::memory_order_relaxed);
    committed_.fetch_add(1, std::memory_order_relaxed);
  }
  /// Moves the bound by what was seen since the last call; called about ten times a second by one thread.
  void adapt();

 private:
  const Options options_;
  std::chrono::steady_clock::time_point last_commit_at_ = std::chrono::steady_clock::now();  ///< adapt() alone
  std::atomic<std::int64_t> limit_;
  std::atomic<std::int64_t> taken_{0};
  std::atomic<std::int64_t> refused_{0};
  std::atomic<std::int64_t> committed_{0};
  std::atomic<std::int64_t> latency_us_{0};
};

}  // namespace flashsale::checkout
