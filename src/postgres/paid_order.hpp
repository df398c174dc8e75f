#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "flashsale/model/payment_judgement.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/postgres/pqxx.hpp"
#include "flashsale/telemetry/trace_context.hpp"

namespace flashsale::postgres {

/// An order as a payment finds it.
struct PaidOrder {
  PaymentResult shown;
  DueOrder due;
  bool is_told_of = false;             ///< a message about it is stored
  telemetry::TraceContext cause = {};  ///< the request that pays it; none: of the thread's TraceScope
  std::string_view card_hash = {};     ///< of its payment, which outlives this
};

/// Of one sale, those that are there, in any order. What is judged by must be locked.
[[nodiscard]] std::vector<PaidOrder> read_paid_orders(pqxx::transaction_base& tx, std::span<const OrderId> ids);
[[nodiscard]] std::optional<PaidOrder> read_paid_order(pqxx::transaction_base& tx, const OrderId& id);

/// Confirms them. They are locked, await their payment and are of one sale; afterwards `shown.row` is the row as it
/// stands. Throws when one has changed all the same. Without commit.
void confirm_paid(pqxx::transaction_base& tx, std::span<PaidOrder> orders);

}  // namespace flashsale::postgres
