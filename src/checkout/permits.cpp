#include "flashsale/checkout/permits.hpp"

#include <algorithm>

namespace flashsale::checkout {

Permits::Permits(const Options& options)
    : options_{options.most, std::min(options.least, options.most), options.latency_target, options.away_after},
      limit_(options.most) {}

void Permits::adapt() {
  const auto refused = refused_.exchange(0, std::memory_order_relaxed);
  const auto committed = committed_.exchange(0, std::memory_order_relaxed);
  const auto latency_us = latency_us_.exchange(0, std::memory_order_relaxed);
  const auto limit = this->limit();
  auto next = limit;
  const auto now = std::chrono::steady_clock::now();
  if (committed == 0) {
    // One window without a commit is a slow disk; this long is PostgreSQL away.
    if (refused > 0 && now - last_commit_at_ >= options_.away_after) next = limit * 2;
  } else {
    last_commit_at_ = now;
    const auto target_us = std::chrono::microseconds(options_.latency_target).count();
    const auto mean_us = std::max<std::int64_t>(1, latency_us / committed);
    if (mean_us <= target_us) {
      next = limit + limit / 10 + 1;
    } else {
      // What is under way has caused the latency, not a bound that is far above it; at most halved at once.
      const auto cause = std::min(limit, taken());
      next = std::max(cause * target_us / mean_us, limit / 2);
    }
  }
  limit_.store(std::clamp(next, options_.least, options_.most), std::memory_order_relaxed);
}

}  // namespace flashsale::checkout
