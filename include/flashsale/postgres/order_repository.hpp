#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// Lists go newest first; `after` is where the page before ended.
struct OrderCursor {
  TimePoint created_at{};
  OrderId id;
};

struct CancelResult {
  enum class Outcome : std::uint8_t { cancelled, already_cancelled, too_late, unknown } outcome = Outcome::unknown;
  Order row;  ///< as it stands now
  std::int32_t sale_no = 0;
  std::string sale_id;
  bool given_back = false;  ///< false: Redis has not been told yet
};

/// An order whose unit is free in PostgreSQL but not yet given back to Redis.
struct UnreturnedOrder {
  Order row;
  std::string sale_id;
  std::int64_t epoch = 0;  ///< of the sale, now
  TimePoint changed_at{};  ///< when it ended; as find_unreturned() tells
};

/// Reads and single-row changes of orders; archived ones are read too where nothing else is said. Each call is one
/// transaction on the session given; blocking.
[[nodiscard]] Result<std::vector<Order>> find_orders(Session& session, std::span<const OrderId> ids);

[[nodiscard]] Result<std::vector<Order>> find_orders_of_customer(Session& session, std::string_view customer_id,
                                                                 const std::optional<OrderCursor>& after,
                                                                 std::int32_t limit);

/// All orders of these customers (each named once) for these items, final ones too, but no archived ones.
[[nodiscard]] Result<std::vector<Order>> find_orders_of_customers(Session& session,
                                                                  std::span<const std::string> customer_ids,
                                                                  std::span<const std::int32_t> item_nos);

/// Changes a live row to cancelled, takes its units off items.sold and sets given_back = false, all in one
/// transaction. `customer_id` empty: any customer (admin); otherwise another customer's order is `unknown`.
/// `too_late` for expired and rejected rows, and for live ones that are archived.
/// `who` is named in the log of changes, without the reason, which may speak of a person; empty: the buyer.
[[nodiscard]] Result<CancelResult> cancel_order(Session& session, const OrderId& id, std::string_view customer_id,
                                                std::string_view reason, std::string_view who = {});

/// Cancels an order that Redis holds and that may not be written yet (PROTOCOL R4): puts a cancelled row in its place,
/// which the writer later meets as `existing`; when a row is there already, does what cancel_order does.
[[nodiscard]] Result<CancelResult> cancel_unwritten_order(Session& session, const Order& order, std::string_view reason,
                                                          std::string_view who = {});

/// After Redis has been told, of these orders with these generations; idempotent. Those that somebody has locked stay
/// as they are, and are found again.
[[nodiscard]] Error mark_given_back(Session& session, std::span<const Order> told);

/// Of these sales, oldest first, at most `limit`, whose change is at least `older_than` old. `after`: those behind this
/// one of an earlier answer.
[[nodiscard]] Result<std::vector<UnreturnedOrder>> find_unreturned(Session& session,
                                                                   std::span<const std::int32_t> sale_nos,
                                                                   std::chrono::milliseconds older_than,
                                                                   std::int32_t limit,
                                                                   const UnreturnedOrder* after = nullptr);

}  // namespace flashsale::postgres
