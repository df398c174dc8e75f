#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/order_curve.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

struct StatusTotals {
  std::int64_t orders = 0;        ///< that have the item
  std::int64_t first_orders = 0;  ///< of which it is the first item: over all items each order counts once
  std::int64_t units = 0;
};

/// What the orders of one item come to.
struct ItemTotals {
  std::array<StatusTotals, 6> by_status{};  ///< at the status's number; none is `pending`
  std::optional<TimePoint> last_taken_at;   ///< the newest live order

  [[nodiscard]] const StatusTotals& of(OrderStatus status) const { return by_status[static_cast<std::size_t>(status)]; }
};

/// Checkouts of a sale that were refused for one reason.
struct RefusalCount {
  std::int32_t sale_no = 0;
  std::string reason;
  std::int64_t count = 0;
};

/// So many customers have so many units each, of orders that are live.
struct CustomersByUnits {
  std::int64_t units = 0;
  std::int64_t customers = 0;
};

struct SaleReport {
  Sale sale;
  TimePoint as_of{};
  std::vector<ItemTotals> items;                      ///< of sale.items, in their order
  std::chrono::seconds step{1};                       ///< of the curve
  std::vector<CurvePoint> curve;                      ///< orders taken, over time; empty when there are none
  bool knows_checkouts = true;                        ///< false: those of the curve cannot be read now
  std::optional<std::vector<RefusalCount>> refusals;  ///< empty: they cannot be read now
  std::vector<CustomersByUnits> customers;            ///< fewest units first
};

/// All of a sale in one snapshot; reads its orders three times. Empty: there is no such sale. What is not made of its
/// orders may be missing, as when somebody has locked the table that it stands in: the report says what.
[[nodiscard]] Result<std::optional<SaleReport>> read_report(Session& session, std::string_view sale_id);

/// Adds to what is stored of a sale; `counts` by reason.
[[nodiscard]] Error add_refusals(Session& session, std::int32_t sale_no,
                                 const std::map<std::string, std::int64_t>& counts);

}  // namespace flashsale::postgres
