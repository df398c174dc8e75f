#include "flashsale/checkout/cancellation.hpp"

#include "flashsale/checkout/give_back.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::checkout {

namespace {

Result<postgres::CancelResult> give_back_after(workers::Stores& stores, Result<postgres::CancelResult> result) {
  using Outcome = postgres::CancelResult::Outcome;
  if (!result || result->given_back) return result;
  if (result->outcome == Outcome::unknown || result->outcome == Outcome::too_late) return result;
  const auto epoch = postgres::current_epoch(stores.session(), result->row.id.sale_no());
  const auto told = epoch ? give_back(stores, result->row, result->sale_id, *epoch) : Result<bool>(false);
  if (!told || !*told) {
    telemetry::log_info("units of a cancelled order will be given back later", {{"order", result->row.id.to_string()}});
  }
  return result;
}

}  // namespace

Result<postgres::CancelResult> cancel_order(workers::Stores& stores, const OrderId& id, std::string_view customer_id,
                                            std::string_view reason, std::string_view who) {
  return give_back_after(stores, postgres::cancel_order(stores.session(), id, customer_id, reason, who));
}

Result<postgres::CancelResult> cancel_unwritten_order(workers::Stores& stores, const Order& order,
                                                      std::string_view reason, std::string_view who) {
  return give_back_after(stores, postgres::cancel_unwritten_order(stores.session(), order, reason, who));
}

}  // namespace flashsale::checkout
