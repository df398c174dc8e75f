#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace flashsale::admin {

/// Checkouts that this process has counted and not written yet, by sale and second. What is more than its bounds is
/// forgotten, the oldest first: they are numbers for a forecast. Any thread.
class PendingArrivals {
 public:
  using Counts = std::map<std::int64_t, std::int64_t>;  ///< by second
  static constexpr std::size_t kSalesMax = 256;
  static constexpr std::size_t kSecondsMax = 300;  ///< of a sale

  void add(std::int32_t sale_no, std::int64_t second, std::int64_t checkouts);
  /// Those of the seconds before this one, by sale.
  [[nodiscard]] std::map<std::int32_t, Counts> take(std::int64_t before);
  void put_back(std::int32_t sale_no, const Counts& counts);

 private:
  void add_locked(std::int32_t sale_no, std::int64_t second, std::int64_t checkouts);

  std::mutex mutex_;
  std::map<std::int32_t, Counts> by_sale_;
};

}  // namespace flashsale::admin
