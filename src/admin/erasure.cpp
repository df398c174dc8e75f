#include "flashsale/admin/erasure.hpp"

#include <chrono>
#include <optional>
#include <random>

#include "flashsale/checkout/erased_names.hpp"
#include "flashsale/checkout/pending_of_customer.hpp"
#include "flashsale/postgres/behaviour_repository.hpp"
#include "flashsale/postgres/erasure_repository.hpp"

namespace flashsale::admin {
namespace {

using Clock = std::chrono::steady_clock;

/// Each batch holds the rows of its items for a moment.
constexpr std::int32_t kBatch = 1000;
/// Of one call: whoever has more orders than this is erased by several.
constexpr std::int64_t kOrdersMax = 100'000;
constexpr std::chrono::seconds kInFlightBudget{3};

std::string make_pseudonym() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::random_device random;
  std::string pseudonym = "erased-";
  for (int i = 0; i < 32; ++i) pseudonym += kHex[random() % kHex.size()];
  return pseudonym;
}

Error erase_rows(workers::Stores& stores, const postgres::SaleOfCustomer& sale, std::string_view customer_id,
                 std::string_view pseudonym, std::string_view who, Erasure& erasure) {
  for (std::optional<OrderId> after = OrderId{}; after;) {
    if (erasure.orders >= kOrdersMax) {
      erasure.is_complete = false;
      return {};
    }
    const auto erased = postgres::erase_orders(stores.session(), sale, customer_id, pseudonym, *after, kBatch, who);
    if (!erased) return erased.error();
    if (erased->count > 0) erasure.sales.insert(sale.sale_id);
    erasure.orders += erased->count;
    after = erased->last;
  }
  return {};
}

Error erase_rows(workers::Stores& stores, std::string_view customer_id, std::string_view pseudonym,
                 std::string_view who, Erasure& erasure) {
  const auto sales = postgres::find_sales_of_customer(stores.session(), customer_id);
  if (!sales) return sales.error();
  for (const auto& sale : *sales) {
    if (const auto error = erase_rows(stores, sale, customer_id, pseudonym, who, erasure)) return error;
  }
  return {};
}

}  // namespace

/// Orders in flight first: they get their rows in the name.
Result<Erasure> erase_customer(workers::Stores& stores, std::string_view customer_id, std::string_view who) {
  Erasure erasure;
  const bool all_written = checkout::await_rows_of(stores, customer_id, Clock::now() + kInFlightBudget);
  const auto pseudonym = make_pseudonym();
  if (const auto error = erase_rows(stores, customer_id, pseudonym, who, erasure)) return error;
  // Also of whom there is no order.
  if (const auto error = postgres::erase_behaviour(stores.session(), customer_id)) return error;
  const bool redis_told = erasure.orders == 0 || checkout::tell_erased_name(stores, pseudonym);
  erasure.is_complete = erasure.is_complete && all_written && redis_told;
  return erasure;
}

}  // namespace flashsale::admin
