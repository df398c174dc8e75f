#include "flashsale/payments/payment_sweeper.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "flashsale/checkout/give_back.hpp"
#include "flashsale/payments/settlement.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::payments {
namespace {

/// Orders that one transaction ends: it holds their items' rows, which the journal wants, for as long as it takes.
constexpr std::int32_t kExpireAtOnce = 500;
constexpr int kRoundsAtOnce = 20;
/// Sales are gone through in turn, a few messages of each, this often in a pass.
constexpr std::int32_t kOpenOfASale = 10;
constexpr int kOpenTurns = 10;
constexpr std::int32_t kOpenSales = 1000;
/// So many that cannot be asked end a pass: PostgreSQL may be away. The next one begins behind them.
constexpr int kUnreachableSales = 3;
/// Messages that take long, as while Redis is silent, must not put off what expires.
constexpr std::chrono::milliseconds kSettleBudget{500};
/// Whoever was told settles it in less; this is for what they left.
constexpr std::chrono::milliseconds kOpenFor{1000};

bool is_busy(const Error& error) {
  return error == make_error_code(postgres::Failure::busy) || error == make_error_code(postgres::Failure::timed_out);
}

}  // namespace

PaymentSweeper::PaymentSweeper(Options options, catalog::Upkeep& upkeep, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      upkeep_(upkeep),
      metrics_(metrics),
      stores_(postgres::with_brief_waits(options_.postgres), options_.redis, "payment-sweeper", metrics),
      thread_(options_.interval, [this] { pass(); }) {}

void PaymentSweeper::pass() {
  expire();
  if (std::chrono::steady_clock::now() < settle_at_) return;
  settle_open();
  settle_at_ = std::chrono::steady_clock::now() + kOpenFor;
}

/// Sale by sale: a trouble in one is none of the others'.
void PaymentSweeper::expire() {
  const auto sales = postgres::find_sales_due(stores_.session());
  if (!sales) return;
  for (const auto sale_no : *sales) expire(sale_no);
}

void PaymentSweeper::expire(std::int32_t sale_no) {
  // A crowd whose time ends at once is ended in several transactions, between which others get the items' rows.
  for (int round = 0; round < kRoundsAtOnce && !thread_.is_stopping(); ++round) {
    const auto expired = postgres::expire_orders(stores_.session(), sale_no, kExpireAtOnce, items_.held());
    if (!expired && is_busy(expired.error()) && step_over_held_items(sale_no)) continue;
    if (!expired || expired->empty()) return;
    metrics_.payments("expired").Increment(static_cast<double>(expired->size()));
    if (checkout::give_back(stores_, *expired)) {
      telemetry::log_info("units of expired orders will be given back later", {{"orders", expired->size()}});
    }
    if (expired->size() < static_cast<std::size_t>(kExpireAtOnce)) return;
  }
}

/// False: nothing is to be gained by another try now.
bool PaymentSweeper::step_over_held_items(std::int32_t sale_no) {
  const auto held = postgres::find_held_items(stores_.session(), sale_no);
  if (!held || held->empty()) return false;
  telemetry::log_warn("items are locked by somebody, their orders end later", {{"items", held->size()}});
  for (const auto item_no : *held) items_.hold(item_no);
  return true;
}

/// Sale by sale, from where the pass before ended: a pile of messages of one, or some there that cannot be settled for
/// long, must not stand in front of another's.
void PaymentSweeper::settle_open() {
  settle_until_ = std::chrono::steady_clock::now() + kSettleBudget;
  const auto found = postgres::find_sales_with_open_payments(stores_.session(), last_sale_, kOpenSales);
  if (!found) return;
  const bool are_all = last_sale_ == 0 && found->size() < static_cast<std::size_t>(kOpenSales);
  if (are_all)
    std::erase_if(settled_up_to_, [&](const auto& one) { return !std::ranges::binary_search(*found, one.first); });
  auto sales = *found;
  int unreachable = 0;
  for (int turn = 0; turn < kOpenTurns && !sales.empty(); ++turn) {
    std::vector<std::int32_t> with_more;
    for (const auto sale_no : sales) {
      if (is_over() || unreachable >= kUnreachableSales) return;
      last_sale_ = sale_no;
      const auto left = settle_some(sale_no);
      if (left == Left::some) with_more.push_back(sale_no);
      if (left == Left::unreachable) ++unreachable;
    }
    sales = std::move(with_more);
  }
  // The next pass goes on behind them, or begins anew.
  last_sale_ = found->size() < static_cast<std::size_t>(kOpenSales) ? 0 : found->back();
}

/// Some of a sale's messages, from where the last look at them ended.
PaymentSweeper::Left PaymentSweeper::settle_some(std::int32_t sale_no) {
  const auto after = settled_up_to_.find(sale_no);
  const postgres::PaymentKey from{sale_no, after == settled_up_to_.end() ? std::string() : after->second};
  const auto open = postgres::find_open_payments(stores_.session(), from, kOpenFor, kOpenOfASale);
  if (!open) return Left::unreachable;
  for (const auto& message : *open) {
    if (is_over()) return Left::some;
    settled_up_to_[sale_no] = message.webhook_id;
    if (messages_.is_held(message)) continue;
    const auto result = settle(stores_, upkeep_, message, options_.patience, options_.unknown_orders);
    const bool is_settled =
        result && result->outcome != PaymentOutcome::waiting && result->outcome != PaymentOutcome::late;
    if (!result && is_busy(result.error())) messages_.hold(message);
    if (is_settled) metrics_.payments(to_string(result->outcome)).Increment();
    if (!result && result.error() == postgres::make_error_code(postgres::Failure::unavailable)) {
      return Left::unreachable;
    }
  }
  if (open->size() == static_cast<std::size_t>(kOpenOfASale)) return Left::some;
  settled_up_to_.erase(sale_no);
  return Left::none;
}

/// Of this pass.
bool PaymentSweeper::is_over() const {
  return thread_.is_stopping() || std::chrono::steady_clock::now() >= settle_until_;
}

}  // namespace flashsale::payments
