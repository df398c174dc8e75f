#pragma once
#include <chrono>
#include <map>
#include <vector>

namespace flashsale::payments {

/// Things that somebody else holds: each is let alone for a while, then tried again. One thread.
template <class Key>
class Held {
 public:
  explicit Held(std::chrono::milliseconds duration) : duration_(duration) {}

  void hold(const Key& key) { until_[key] = Clock::now() + duration_; }
  [[nodiscard]] std::vector<Key> held() {
    std::erase_if(until_, [now = Clock::now()](const auto& one) { return one.second <= now; });
    std::vector<Key> keys;
    for (const auto& [key, until] : until_) keys.push_back(key);
    return keys;
  }
  [[nodiscard]] bool is_held(const Key& key) {
    const auto found = until_.find(key);
    if (found == until_.end()) return false;
    if (Clock::now() < found->second) return true;
    until_.erase(found);
    return false;
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::chrono::milliseconds duration_;
  std::map<Key, Clock::time_point> until_;
};

}  // namespace flashsale::payments
