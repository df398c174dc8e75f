#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "flashsale/checkout/placement.hpp"
#include "flashsale/postgres/report_repository.hpp"

namespace flashsale::checkout {

/// Refused checkouts of one I/O thread, by sale and outcome. One more of the same sale costs a comparison and an
/// addition.
class RefusalCounts {
 public:
  void add(std::int32_t sale_no, PlacementOutcome outcome) {
    if (newest_ == nullptr || sale_no != newest_sale_no_) look_up(sale_no);
    ++(*newest_)[static_cast<std::size_t>(outcome)];
  }
  /// What was added since the last call, sorted by sale and reason.
  [[nodiscard]] std::vector<postgres::RefusalCount> take();

 private:
  using Counts = std::array<std::uint64_t, kPlacementOutcomes.size()>;
  void look_up(std::int32_t sale_no);

  std::map<std::int32_t, Counts> by_sale_;
  Counts* newest_ = nullptr;
  std::int32_t newest_sale_no_ = 0;
};

}  // namespace flashsale::checkout
