#pragma once
#include <atomic>
#include <chrono>

namespace flashsale::events {

/// Whether this process numbers events and delivers them: one does, by a lease in PostgreSQL. Any thread. Should two
/// believe it for a moment, events arrive twice and nothing worse.
class Leadership {
 public:
  using Time = std::chrono::steady_clock::time_point;

  [[nodiscard]] bool holds() const { return std::chrono::steady_clock::now().time_since_epoch().count() < until_; }
  void set_until(Time until) { until_ = until.time_since_epoch().count(); }
  void lose() { until_ = 0; }

 private:
  std::atomic<std::chrono::steady_clock::rep> until_{0};
};

}  // namespace flashsale::events
