#include "flashsale/payments/settlement.hpp"

#include "flashsale/checkout/give_back.hpp"
#include "flashsale/checkout/retake.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::payments {
namespace {

using postgres::PaymentResult;
using Settled = Result<PaymentResult>;

/// Far longer than a message that is known to be late can wait by itself.
constexpr std::chrono::hours kNoHurry{24 * 365};

/// The order has ended: its units go back at once. What fails here the sweeper does.
void give_back_now(workers::Stores& stores, const PaymentResult& result) {
  (void)checkout::give_back(stores, result.row, result.sale_id, result.epoch);
}

Settled take_again(workers::Stores& stores, catalog::Upkeep& upkeep, const PaymentResult& late) {
  const postgres::PaymentKey message{late.row.id.sale_no(), late.webhook_id};
  const auto found = postgres::find_sale(stores.session(), late.sale_id);
  if (!found) return found.error();
  if (!*found) return Error(postgres::Failure::internal);
  Sale sale = **found;
  // What is told of the row is right under the epoch that it was read with.
  sale.epoch = late.epoch;
  switch (checkout::retake(stores, sale, late.row, late.given_back)) {
    case checkout::RetakeEnd::confirmed: return postgres::settle_payment(stores.session(), message, kNoHurry);
    case checkout::RetakeEnd::no_units: return postgres::refuse_late_payment(stores.session(), message);
    case checkout::RetakeEnd::drifted: upkeep.request_correction(std::make_shared<const Sale>(sale), sale.epoch); break;
    case checkout::RetakeEnd::later: break;
  }
  return late;
}

Settled finish(workers::Stores& stores, catalog::Upkeep& upkeep, Settled result) {
  if (!result || result->repeated) return result;
  const auto webhook_id = result->webhook_id;
  if (result->outcome == PaymentOutcome::failed) give_back_now(stores, *result);
  if (result->outcome == PaymentOutcome::late) result = take_again(stores, upkeep, *result);
  if (result && result->outcome == PaymentOutcome::refund_required) {
    telemetry::log_warn("a payment has to be refunded", {{"webhook", webhook_id}});
  }
  return result;
}

}  // namespace

Settled receive(workers::Stores& stores, catalog::Upkeep& upkeep, const PaymentEvent& event, Promptness promptness) {
  auto applied = postgres::apply_payment(stores.session(), event);
  const bool is_second = applied && applied->webhook_id != event.webhook_id;
  if (is_second && !applied->repeated) {
    telemetry::log_warn("two messages of the payment provider have one webhook-id",
                        {{"webhook", event.webhook_id}, {"order", event.order_id.to_string()}});
  }
  if (promptness == Promptness::later) return applied;
  return finish(stores, upkeep, std::move(applied));
}

Settled settle(workers::Stores& stores, catalog::Upkeep& upkeep, const postgres::PaymentKey& message,
               std::chrono::seconds patience, UnknownOrders unknown) {
  return finish(stores, upkeep, postgres::settle_payment(stores.session(), message, patience, unknown));
}

}  // namespace flashsale::payments
