#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// A customer's orders of one sale (PROTOCOL R18).
struct CustomerRange {
  OrderId first;  ///< the first_of_customer() of any of them
  bool may_be_archived = false;
};

struct CancelResult {
  enum class Outcome : std::uint8_t { cancelled, already_cancelled, too_late, unknown } outcome = Outcome::unknown;
  Order row;  ///< as it stands now
  std::string sale_id;
  bool given_back = false;  ///< false: Redis has not been told yet
};

/// An order whose unit is free in PostgreSQL but not yet given back to Redis.
struct FreedOrder {
  Order row;
  std::string sale_id;
  std::int64_t epoch = 0;  ///< of the sale, now
  TimePoint changed_at{};  ///< when it ended; as find_freed_orders() tells
};

/// Reads and single-row changes of orders; archived ones are read too where nothing else is said. Each call is one
/// transaction on the session given; blocking.
[[nodiscard]] Result<std::vector<Order>> find_orders(Session& session, std::span<const OrderId> ids);

/// Of these sales, one after the other, each in the order of the ids; in the first of them after `after`, if given.
[[nodiscard]] Result<std::vector<Order>> find_orders_of_customer(Session& session, std::string_view customer_id,
                                                                 std::span<const CustomerRange> ranges,
                                                                 const std::optional<OrderId>& after,
                                                                 std::int32_t limit);

/// All orders that these customers have in a sale, final ones too, but no archived ones. By an order's id of each: the
/// key is any.
[[nodiscard]] Result<std::vector<Order>> find_orders_of_customers(Session& session, std::int32_t sale_no,
                                                                  const std::map<std::string, OrderId>& customers);

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

/// Whether Redis has anything of a sale.
enum class InRedis : bool { no, yes };
/// Such sales with orders whose units are free here, and Redis has not been told for at least so long.
[[nodiscard]] Result<std::vector<std::int32_t>> find_sales_with_freed_orders(Session& session, InRedis in_redis,
                                                                             std::chrono::milliseconds older_than);
/// Of this sale, oldest first, at most `limit`, whose change is at least `older_than` old. `after`: those behind this
/// one of an earlier answer.
[[nodiscard]] Result<std::vector<FreedOrder>> find_freed_orders(Session& session, std::int32_t sale_no,
                                                                std::chrono::milliseconds older_than,
                                                                std::int32_t limit, const FreedOrder* after = nullptr);

}  // namespace flashsale::postgres
