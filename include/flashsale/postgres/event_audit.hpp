#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// Positions that no event has: the first and the last of them.
struct EventGap {
  std::int64_t first = 0;
  std::int64_t last = 0;  ///< less than `first`: positions from there to `first` were given twice
};

/// Where the line of events is not whole, the first hundred places.
[[nodiscard]] Result<std::vector<EventGap>> find_event_gaps(Session& session);

/// An order, archived or not, whose history and events disagree.
struct OrderWithoutEvents {
  std::string order_id;
  std::int64_t changes = 0;  ///< as its row counts them; 0: it has none
  std::int64_t events = 0;   ///< that are kept of it
  std::int64_t first = 0;    ///< number of the first and the last of them
  std::int64_t last = 0;
};
struct EventsOfSale {
  std::int64_t orders = 0;  ///< looked at
  std::int64_t untold = 0;  ///< of which no event is kept
  std::int64_t wrong = 0;
  std::vector<OrderWithoutEvents> examples;  ///< of the wrong ones, at most twenty
};
/// Holds the orders of one sale against their events, in one snapshot. What is older than the oldest event that is kept
/// may have none.
[[nodiscard]] Result<EventsOfSale> audit_events_of_sale(Session& session, std::int32_t sale_no);

/// An order as it stands, with the number and the time of its last change.
struct OrderNow {
  Order order;
  std::int32_t change_no = 1;
  TimePoint changed_at{};
};
/// A page of a sale's orders behind `after`, in the order of their ids, archived ones too.
[[nodiscard]] Result<std::vector<OrderNow>> read_orders_now(Session& session, std::int32_t sale_no,
                                                            const OrderId& after, std::int32_t limit);

}  // namespace flashsale::postgres
