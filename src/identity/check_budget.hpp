#pragma once
#include <algorithm>
#include <chrono>

namespace flashsale::identity {

/// How much of a thread's time signatures may take that turn out to be wrong. Those that are right cost nothing here: a
/// crowd that comes with new tokens is let in. Belongs to one thread.
class CheckBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// `share` of the time, with `burst` of work at once after a rest.
  CheckBudget(double share, std::chrono::microseconds burst) : share_(share), rest_(to_duration(Work(burst) / share)) {}

  [[nodiscard]] bool is_left(Time now) const { return is_unbounded() || paid_until_ <= now + rest_; }
  void charge(Time now, std::chrono::nanoseconds work) {
    if (!is_unbounded()) paid_until_ = std::max(paid_until_, now) + to_duration(work / share_);
  }

 private:
  using Work = std::chrono::duration<double, std::nano>;
  [[nodiscard]] static Time::duration to_duration(Work work) {
    return std::chrono::duration_cast<Time::duration>(work);
  }
  [[nodiscard]] bool is_unbounded() const { return share_ >= 1; }

  double share_;
  Time::duration rest_;
  Time paid_until_{};
};

}  // namespace flashsale::identity
