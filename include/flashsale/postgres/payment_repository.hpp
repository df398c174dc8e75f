#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/payment.hpp"
#include "flashsale/model/payment_judgement.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/telemetry/trace_context.hpp"

namespace flashsale::postgres {

/// What a payment has come to, and its order as it stands now.
struct PaymentResult {
  PaymentOutcome outcome = PaymentOutcome::waiting;
  std::string webhook_id;  ///< under which the message is stored
  bool repeated = false;   ///< the message was known already; `outcome` is what it had come to
  Order row;               ///< empty while the order is not written
  std::string sale_id;
  std::int64_t epoch = 0;  ///< of the sale when `row` was read
  bool given_back = true;  ///< false: Redis has not been told that the units are free
};

/// A message: its order's sale, and its id.
struct PaymentKey {
  std::int32_t sale_no = 0;
  std::string webhook_id;
  auto operator<=>(const PaymentKey&) const = default;
};

/// Each call is one transaction on the session given; blocking. All of them may be repeated (PROTOCOL R16).

/// Stores the message and does what it says, once. One that says something else than the message that is known by its
/// id is a message of its own, stored under an id that is made of both: its money must not be lost.
[[nodiscard]] Result<PaymentResult> apply_payment(Session& session, const PaymentEvent& event);

/// A message, and the request that has brought it, as what it does names its cause.
struct ToldPayment {
  PaymentEvent event;
  telemetry::TraceContext cause;
};
/// Many successful payments of one sale, each of an order and under an id of its own, in one transaction: those that
/// simply pay for an order that waits for it, of which nothing else was told, are stored and their orders confirmed.
/// None for all others, of which nothing is changed: they are for apply_payment().
[[nodiscard]] Result<std::vector<std::optional<PaymentResult>>> confirm_payments(Session& session,
                                                                                 std::span<const ToldPayment> told);

/// Looks again at a message that is `waiting` or `late`: its order may be there now, or confirmed by somebody else. One
/// that has waited for `patience` without its order, or with its units sold, ends as `refund_required`; without its
/// order as `not_ours` where `unknown` says so.
[[nodiscard]] Result<PaymentResult> settle_payment(Session& session, const PaymentKey& message,
                                                   std::chrono::seconds patience,
                                                   UnknownOrders unknown = UnknownOrders::refund);

/// Notes a payment that is nothing of ours. False: it was noted before.
[[nodiscard]] Result<bool> note_foreign_payment(Session& session, const ForeignPayment& payment);

/// Ends a late message whose units are gone.
[[nodiscard]] Result<PaymentResult> refuse_late_payment(Session& session, const PaymentKey& message);

/// Sales with messages that are `waiting` or `late`, in the order of their numbers, after `after`; at most `limit`.
[[nodiscard]] Result<std::vector<std::int32_t>> find_sales_with_open_payments(Session& session, std::int32_t after,
                                                                              std::int32_t limit);
/// Such messages of the sale of `after` that are at least `older_than` old, in the order of their ids, after that.
[[nodiscard]] Result<std::vector<PaymentKey>> find_open_payments(Session& session, const PaymentKey& after,
                                                                 std::chrono::milliseconds older_than,
                                                                 std::int32_t limit);

enum class LateOutcome : std::uint8_t {
  confirmed,    ///< now, or already
  stale_epoch,  ///< the sale's epoch has moved on: nothing was changed
  not_enough,   ///< Redis had believed in units that are not there (PROTOCOL R11): nothing was changed
  over,         ///< the order waits for no units of this generation: those of Redis are nobody's
};
/// Confirms an ended order whose units Redis has taken again under `epoch`; `taken.generation` is the new one.
[[nodiscard]] Result<LateOutcome> confirm_late_payment(Session& session, const Order& taken, std::int64_t epoch);

/// Sales with orders whose time to pay is over, by PostgreSQL's clock (PROTOCOL R15).
[[nodiscard]] Result<std::vector<std::int32_t>> find_sales_due(Session& session);
/// Ends such orders of a sale, at most `limit`, and frees their units. One instance at a time: empty also when another
/// one is at it. Orders that somebody has locked are left for later, and so are those of `held_items`; an item's row
/// that somebody else holds for long is Failure::busy.
[[nodiscard]] Result<std::vector<FreedOrder>> expire_orders(Session& session, std::int32_t sale_no, std::int32_t limit,
                                                            std::span<const std::int32_t> held_items = {});
/// Items of such orders that somebody has held for all of a third of a second. Blocking as long.
[[nodiscard]] Result<std::vector<std::int32_t>> find_held_items(Session& session, std::int32_t sale_no);

/// An item, with its sale.
struct ItemOfSale {
  std::int32_t sale_no = 0;
  std::int32_t item_no = 0;
  auto operator<=>(const ItemOfSale&) const = default;
};
/// Numbers of those items of which a unit waits for its payment.
[[nodiscard]] Result<std::vector<std::int32_t>> find_unpaid_items(Session& session, std::span<const ItemOfSale> items);

}  // namespace flashsale::postgres
