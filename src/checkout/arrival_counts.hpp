#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "flashsale/checkout/arrivals.hpp"

namespace flashsale::checkout {

/// Checkouts that came to one I/O thread, by sale, whatever they are answered. One more of the same sale costs a
/// comparison and an addition.
class ArrivalCounts {
 public:
  void add(std::int32_t sale_no) {
    if (newest_ == nullptr || sale_no != newest_sale_no_) {
      newest_ = &by_sale_[sale_no];
      newest_sale_no_ = sale_no;
    }
    ++*newest_;
  }
  /// What was added since the last call, in the order of the sales.
  [[nodiscard]] std::vector<SaleArrivals> take() {
    std::vector<SaleArrivals> taken;
    for (const auto& [sale_no, count] : by_sale_) taken.push_back({sale_no, count});
    by_sale_.clear();
    newest_ = nullptr;
    return taken;
  }

 private:
  std::map<std::int32_t, std::int64_t> by_sale_;
  std::int64_t* newest_ = nullptr;
  std::int32_t newest_sale_no_ = 0;
};

}  // namespace flashsale::checkout
