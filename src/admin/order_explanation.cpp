#include "flashsale/admin/order_explanation.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

#include "flashsale/model/time.hpp"

namespace flashsale::admin {
namespace {

using postgres::OrderMoment;

std::string in_words(const Money& money) { return std::to_string(money.amount) + " minor units of " + money.currency; }

/// "12 ms", "4.2 s"; of what is longer, seconds alone.
std::string in_words(std::chrono::nanoseconds duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (ms < 1000) return std::to_string(ms) + " ms";
  if (ms < 60'000) return std::to_string(ms / 1000) + '.' + std::to_string(ms % 1000 / 100) + " s";
  return std::to_string(ms / 1000) + " s";
}

std::string in_words(const OrderLine& line, const Sale* sale) {
  const Item* item = sale ? sale->find_item(line.item_no) : nullptr;
  std::string text = std::to_string(line.quantity) + " x ";
  if (!item) return text + "item " + std::to_string(line.item_no);
  return text + item->sku + " at " + in_words(item->price);
}

std::string head_line(const Order& order, const Sale* sale) {
  std::string text = order.id.to_string() + " of " + order.customer_id + " in ";
  text += sale ? sale->id : "sale number " + std::to_string(order.id.sale_no());
  text += ": ";
  for (const auto& line : order.lines) text += in_words(line, sale) + ", ";
  text += std::string("now ") + std::string(to_string(order.status));
  if (!order.reason.empty()) text += " (" + order.reason + ")";
  if (order.refund_required) text += ", money has to go back";
  return text;
}

std::string because(const std::string& reason) { return reason.empty() ? "" : ": " + reason; }

std::string change_in_words(const OrderMoment& moment, TimePoint accepted_at) {
  const std::string final_after = ", " + in_words(moment.at - accepted_at) + " after Redis had accepted it";
  switch (moment.event) {
    case EventType::order_confirmed: return "confirmed for good" + final_after;
    case EventType::order_awaiting_payment:
      return "final, and waits for its payment" +
             (moment.pay_until ? " until " + format_rfc3339(*moment.pay_until) : std::string()) + final_after;
    case EventType::order_cancelled: return "cancelled" + because(moment.reason) + "; its units are free";
    case EventType::order_expired: return "expired: it was not paid in time; its units are free";
    case EventType::order_rejected: return "rejected by PostgreSQL" + because(moment.reason) + "; nothing was sold";
    case EventType::order_refund_required: return "told to other systems that money has to go back";
    default: return std::string(to_string(moment.event));
  }
}

std::string_view outcome_in_words(PaymentOutcome outcome) {
  switch (outcome) {
    case PaymentOutcome::waiting: return "waits, since the order is not in PostgreSQL yet";
    case PaymentOutcome::late: return "came late: the units are to be taken again, if there are any";
    case PaymentOutcome::confirmed: return "the order is paid";
    case PaymentOutcome::failed: return "the order has ended, and its units are free";
    case PaymentOutcome::refund_required: return "in the end it goes back";
    case PaymentOutcome::ignored: return "says what was known, or ends what had ended: nothing came of it";
    case PaymentOutcome::not_ours: return "is for an order of another system";
    case PaymentOutcome::declined: return "the order goes on: its buyer may try again";
  }
  return "is not known to this version";
}

std::string payment_in_words(const OrderMoment& moment) {
  std::string text = "the provider says that payment " + moment.payment_id + " of " + in_words(moment.amount);
  text += moment.succeeded ? " has succeeded: " : " has failed: ";
  text += outcome_in_words(moment.outcome);
  if (moment.settled_at) text += ", as decided " + in_words(*moment.settled_at - moment.at) + " later";
  return text;
}

std::string in_words(const OrderMoment& moment, TimePoint accepted_at) {
  switch (moment.kind) {
    case OrderMoment::Kind::accepted: return "Redis has taken its units: from here on the buyer has them";
    case OrderMoment::Kind::changed: return change_in_words(moment, accepted_at);
    case OrderMoment::Kind::paid: return payment_in_words(moment);
    case OrderMoment::Kind::refunded:
      return "payment " + moment.payment_id + " of " + in_words(moment.amount) + " has to go back" +
             because(moment.reason);
  }
  return {};
}

}  // namespace

std::vector<std::string> explain_order(const Order& order, const Sale* sale,
                                       std::span<const postgres::OrderMoment> moments) {
  std::vector<std::string> lines{head_line(order, sale)};
  bool is_told = false;
  for (const auto& moment : moments) {
    is_told = is_told || moment.kind == OrderMoment::Kind::changed;
    lines.push_back(format_rfc3339(moment.at) + "  " + in_words(moment, order.created_at));
  }
  if (!is_told) lines.emplace_back("its changes are not kept any more (events.retention_s), or events were off");
  if (order.generation > 0) {
    lines.push_back("its units were taken again " + std::to_string(order.generation) + " times, for a late payment");
  }
  return lines;
}

}  // namespace flashsale::admin
