#include "flashsale/admin/erasure.hpp"

#include <chrono>
#include <random>
#include <thread>

#include "flashsale/checkout/erased_names.hpp"
#include "flashsale/postgres/erasure_repository.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/telemetry/fault_point.hpp"

namespace flashsale::admin {
namespace {

using Clock = std::chrono::steady_clock;

/// Each batch holds the rows of its items for a moment.
constexpr std::int32_t kBatch = 1000;
/// Of one call: whoever has more orders than this is erased by several.
constexpr int kBatchesMax = 100;
/// Orders that are in flight are written in the customer's name after the first round.
constexpr int kRoundsMax = 3;
constexpr std::chrono::seconds kInFlightBudget{3};
constexpr std::chrono::milliseconds kLookAgain{20};

std::string make_pseudonym() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::random_device random;
  std::string pseudonym = "erased-";
  for (int i = 0; i < 32; ++i) pseudonym += kHex[random() % kHex.size()];
  return pseudonym;
}

Error erase_rows(catalog::Publisher& stores, std::string_view customer_id, std::string_view pseudonym,
                 std::string_view who, Erasure& erasure) {
  for (int batch = 0; batch < kBatchesMax; ++batch) {
    const auto erased = postgres::erase_orders(stores.session(), customer_id, pseudonym, kBatch, who);
    if (!erased) return erased.error();
    erasure.orders += erased->orders;
    erasure.sales.insert(erased->sale_ids.begin(), erased->sale_ids.end());
    if (erased->orders < kBatch) break;
  }
  return {};
}

/// Until no order of the customer waits to be written in these sales, or the time is over.
void await_in_flight(catalog::Publisher& stores, const std::set<std::string>& sale_ids, std::string_view customer_id,
                     Clock::time_point until) {
  for (const auto& sale_id : sale_ids) {
    const auto sale = postgres::find_sale(stores.session(), sale_id);
    if (!sale || !*sale || (*sale)->let_go) continue;
    while (checkout::has_pending_order(stores, **sale, customer_id) && Clock::now() < until) {
      std::this_thread::sleep_for(kLookAgain);
    }
  }
}

}  // namespace

Result<Erasure> erase_customer(catalog::Publisher& stores, std::string_view customer_id, std::string_view who) {
  const auto until = Clock::now() + kInFlightBudget;
  const auto pseudonym = make_pseudonym();
  Erasure erasure;
  for (int round = 0; round < kRoundsMax; ++round) {
    const auto before = erasure.orders;
    if (const auto error = erase_rows(stores, customer_id, pseudonym, who, erasure)) return error;
    if (erasure.orders == before) break;
    FLASHSALE_FAULT_POINT("erasure.written");
    checkout::tell_erased_names(stores, pseudonym);
    await_in_flight(stores, erasure.sales, customer_id, until);
  }
  return erasure;
}

}  // namespace flashsale::admin
