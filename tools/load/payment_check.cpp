#include "payment_check.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <tuple>

#include "buyers.hpp"

namespace flashsale::load {
namespace {

constexpr std::uint8_t kOpen = bit_of(PaymentOutcome::waiting) | bit_of(PaymentOutcome::late);

/// All that is known of one order.
struct Case {
  const StoredOrder* order = nullptr;
  std::uint32_t seen = 0;  ///< of its key; 0: a stranger's
  std::span<const PaymentMessage> messages;
  std::span<const StoredPayment> payments;
  std::span<const StoredRefund> refunds;

  [[nodiscard]] bool is_confirmed() const { return order->status == OrderStatus::confirmed; }
};

class Judge {
 public:
  Judge(const Expectation& expectation, Verdict& verdict) : expectation_(expectation), verdict_(verdict) {}

  void judge(const Case& one);

 private:
  void judge_order(const Case& one);
  void judge_refunds(const Case& one);
  void judge_money(const Case& one);
  void judge_message(const Case& one, const PaymentMessage& message);
  void judge_end(const Case& one, const PaymentMessage& message);

  const Expectation& expectation_;
  Verdict& verdict_;
  std::string what_;
};

/// Whatever was told: the order has come to an end, and nobody has a unit for nothing.
void Judge::judge_order(const Case& one) {
  if (one.order->status == OrderStatus::awaiting_payment) verdict_.find(Lie::unpaid_not_ended, what_);
  const auto pays = [](const StoredPayment& payment) {
    return payment.succeeded && payment.outcome == PaymentOutcome::confirmed;
  };
  if (one.is_confirmed() && std::none_of(one.payments.begin(), one.payments.end(), pays)) {
    verdict_.find(Lie::confirmed_unpaid, what_);
  }
  for (const StoredPayment& payment : one.payments) {
    if ((bit_of(payment.outcome) & kOpen) != 0) verdict_.find(Lie::payment_open, what_ + ", " + payment.payment_id);
  }
}

void Judge::judge_refunds(const Case& one) {
  std::map<std::string_view, int> events;
  for (const StoredRefund& refund : one.refunds) ++events[refund.payment_id];
  for (const auto& [payment_id, count] : events) {
    const std::string which = what_ + ", " + std::string(payment_id);
    if (count > 1) verdict_.find(Lie::refunded_twice, which);
    const bool is_known = std::any_of(one.payments.begin(), one.payments.end(), [&](const StoredPayment& payment) {
      return payment.succeeded && payment.payment_id == payment_id;
    });
    if (!is_known) verdict_.find(Lie::refund_of_nothing, which);
  }
  if (one.order->refund_required == one.refunds.empty()) verdict_.find(Lie::refund_not_marked, what_);
}

/// The shop keeps the money of one payment for an order that is confirmed, and of none for another.
void Judge::judge_money(const Case& one) {
  std::set<std::string_view> paid;
  for (const StoredPayment& payment : one.payments) {
    // What is still open is found as that.
    if (payment.succeeded && (bit_of(payment.outcome) & kOpen) == 0) paid.insert(payment.payment_id);
  }
  const bool was_paid = !paid.empty();
  for (const StoredRefund& refund : one.refunds) paid.erase(refund.payment_id);
  std::string kept = what_ + " is " + std::string(to_string(one.order->status)) + ", kept are";
  for (const StoredPayment& payment : one.payments) {
    if (!paid.contains(payment.payment_id)) continue;
    kept.append(" ").append(payment.payment_id).append(" (").append(to_string(payment.outcome)).append(")");
  }
  if (!one.is_confirmed() && !paid.empty()) verdict_.find(Lie::money_kept_without_unit, kept);
  if (one.is_confirmed() && paid.size() > 1) verdict_.find(Lie::paid_twice_not_refunded, kept);
  if (one.is_confirmed() && was_paid && paid.empty()) verdict_.find(Lie::refunded_but_confirmed, kept);
}

void Judge::judge_end(const Case& one, const PaymentMessage& message) {
  const bool is_cancelled = one.order->status == OrderStatus::cancelled;
  if ((message.heard & bit_of(PaymentOutcome::confirmed)) != 0 && !one.is_confirmed()) {
    const bool may_be = is_cancelled && (one.seen & kSeenCancelSent) != 0;
    if (!may_be) verdict_.find(Lie::paid_not_confirmed, what_);
  }
  if ((message.heard & bit_of(PaymentOutcome::failed)) != 0 && !is_cancelled) {
    // A second attempt of the buyer's may have succeeded.
    if (!one.is_confirmed() || one.messages.size() == 1) verdict_.find(Lie::failed_not_ended, what_);
  }
}

void Judge::judge_message(const Case& one, const PaymentMessage& message) {
  if (message.heard == 0) return;
  judge_end(one, message);
  const std::string id = payment_id_of(expectation_.run_mark, message.number);
  const auto stored = std::find_if(one.payments.begin(), one.payments.end(),
                                   [&](const StoredPayment& payment) { return payment.payment_id == id; });
  if (stored == one.payments.end()) return verdict_.find(Lie::payment_forgotten, what_ + ", " + id);
  // Only what was open may have come to something else, and what was confirmed, when its order was cancelled.
  auto explained = static_cast<std::uint8_t>(kOpen | bit_of(stored->outcome));
  const bool is_taken_back =
      stored->outcome == PaymentOutcome::refund_required && one.order->status == OrderStatus::cancelled;
  if (is_taken_back) explained |= bit_of(PaymentOutcome::confirmed);
  if ((message.heard & ~explained) != 0) {
    verdict_.find(Lie::payment_changed, what_ + ", " + id + " is " + std::string(to_string(stored->outcome)));
  }
}

void Judge::judge(const Case& one) {
  what_ = "order " + one.order->id.to_string();
  judge_order(one);
  judge_refunds(one);
  judge_money(one);
  for (const PaymentMessage& message : one.messages) judge_message(one, message);
}

/// Those of one order, in a list that is sorted by order.
template <class Thing>
std::span<const Thing> of_order(const std::vector<Thing>& sorted, const OrderId& id) {
  const auto by_id = [](const auto& a, const auto& b) { return a.order_id < b.order_id; };
  Thing wanted;
  wanted.order_id = id;
  const auto [begin, end] = std::equal_range(sorted.begin(), sorted.end(), wanted, by_id);
  return std::span(sorted).subspan(static_cast<std::size_t>(begin - sorted.begin()),
                                   static_cast<std::size_t>(end - begin));
}

template <class Thing>
void sort_by_order(std::vector<Thing>& things) {
  std::sort(things.begin(), things.end(), [](const Thing& a, const Thing& b) { return a.order_id < b.order_id; });
}

bool is_before(const PaymentMessage& a, const PaymentMessage& b) {
  return std::tie(a.buyer, a.purchase) < std::tie(b.buyer, b.purchase);
}

std::span<const PaymentMessage> of_key(const std::vector<PaymentMessage>& sorted, const KeyRecord& key) {
  PaymentMessage wanted;
  wanted.buyer = key.buyer;
  wanted.purchase = key.purchase;
  const auto [begin, end] = std::equal_range(sorted.begin(), sorted.end(), wanted, is_before);
  return std::span(sorted).subspan(static_cast<std::size_t>(begin - sorted.begin()),
                                   static_cast<std::size_t>(end - begin));
}

/// Payments of orders that are not there, and orders that the provider heard of and that are not there: as if somebody
/// had refused them.
std::vector<StoredOrder> missing_orders(const std::map<OrderId, const KeyRecord*>& key_of,
                                        const std::vector<StoredOrder>& orders, const PaymentHistory& history) {
  std::set<OrderId> missing;
  for (const auto& [id, key] : key_of) missing.insert(id);
  for (const StoredPayment& payment : history.payments) missing.insert(payment.order_id);
  for (const StoredRefund& refund : history.refunds) missing.insert(refund.order_id);
  for (const StoredOrder& order : orders) missing.erase(order.id);
  std::vector<StoredOrder> refused;
  for (const OrderId& id : missing) {
    StoredOrder order;
    order.id = id;
    order.status = OrderStatus::rejected;
    // Without a row there is no mark to disagree with.
    order.refund_required = !of_order(history.refunds, id).empty();
    refused.push_back(order);
  }
  return refused;
}

}  // namespace

void check_payments(const Expectation& expectation, const std::vector<KeyRecord>& keys,
                    const std::vector<StoredOrder>& orders, PaymentHistory& history, Verdict& verdict) {
  sort_by_order(history.payments);
  sort_by_order(history.refunds);
  std::sort(history.messages.begin(), history.messages.end(), is_before);
  std::map<OrderId, const KeyRecord*> key_of;
  for (const KeyRecord& key : keys) {
    if ((key.seen & kSeenOrder) == 0) continue;
    key_of.emplace(expected_order_id(expectation.sale, expectation.run_mark, key.buyer, key.purchase), &key);
  }
  const std::vector<StoredOrder> missing = missing_orders(key_of, orders, history);
  Judge judge(expectation, verdict);
  const StoredOrder* last = nullptr;
  const auto judge_one = [&](const StoredOrder& order) {
    // The rows of a cart stand together, and are one order.
    const bool is_judged = last != nullptr && last->id == order.id;
    last = &order;
    if (is_judged) return;
    Case one;
    one.order = &order;
    one.payments = of_order(history.payments, order.id);
    one.refunds = of_order(history.refunds, order.id);
    if (const auto key = key_of.find(order.id); key != key_of.end()) {
      one.seen = key->second->seen;
      one.messages = of_key(history.messages, *key->second);
    }
    judge.judge(one);
  };
  std::for_each(orders.begin(), orders.end(), judge_one);
  std::for_each(missing.begin(), missing.end(), judge_one);
}

}  // namespace flashsale::load
