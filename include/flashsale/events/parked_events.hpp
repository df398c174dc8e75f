#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace flashsale::events {

/// Events that an endpoint has not taken yet and that others went past. Of each key the first is tried when its time
/// has come, and the others wait behind it, so that each order's events arrive in order. One thread.
class ParkedEvents {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Parked {
    std::int64_t position = 0;
    std::string key;
    std::int32_t failures = 0;  ///< 0: it only waits behind others
    Time next_at{};
  };

  void add(Parked parked);
  void remove(std::int64_t position);
  void postpone(std::int64_t position, Time next_at);  ///< it has failed once more
  /// All are due from then on.
  void hasten(Time now);
  void clear();

  [[nodiscard]] std::size_t size() const { return events_.size(); }
  [[nodiscard]] bool contains(std::int64_t position) const { return events_.contains(position); }
  [[nodiscard]] bool holds(const std::string& key) const { return keys_.contains(key); }
  /// The one to be tried next, due or not; null: there is none.
  [[nodiscard]] const Parked* next() const;

 private:
  std::map<std::int64_t, Parked> events_;
  std::map<std::string, std::set<std::int64_t>> keys_;  ///< positions; the first is the one to be tried
};

}  // namespace flashsale::events
