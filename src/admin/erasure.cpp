#include "flashsale/admin/erasure.hpp"

#include <array>
#include <chrono>
#include <random>

#include "flashsale/admin/sales.hpp"
#include "flashsale/postgres/erasure_repository.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::admin {
namespace {

using Clock = std::chrono::steady_clock;

/// Each batch holds the rows of its items for a moment.
constexpr std::int32_t kBatch = 1000;
/// Of one call: whoever has more orders than this is erased by several.
constexpr int kBatchesMax = 100;
/// A rebuild writes down what was in flight, perhaps in the customer's name.
constexpr int kRoundsMax = 3;
/// Rebuilds of very large sales are left to the pulses.
constexpr std::chrono::seconds kRebuildBudget{5};

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

/// The epoch was raised with the rows, so that a pulse asks for what is not done here.
void rebuild(catalog::Publisher& stores, const std::string& sale_id) {
  const auto sale = postgres::find_sale(stores.session(), sale_id);
  if (!sale || !*sale || (*sale)->let_go || !stores.hold_rebuild_lease(sale_id)) return;
  const auto rebuilt = stores.rebuild(**sale, (*sale)->epoch);
  stores.give_back_rebuild_lease(sale_id);
  if (!rebuilt) telemetry::log_warn("sale is rebuilt later", {{"sale", sale_id}, {"error", rebuilt.error().message()}});
}

}  // namespace

Result<Erasure> erase_customer(catalog::Publisher& stores, std::string_view customer_id, std::string_view who) {
  const auto rebuild_until = Clock::now() + kRebuildBudget;
  const auto pseudonym = make_pseudonym();
  Erasure erasure;
  for (int round = 0; round < kRoundsMax; ++round) {
    const auto before = erasure.orders;
    if (const auto error = erase_rows(stores, customer_id, pseudonym, who, erasure)) return error;
    if (erasure.orders == before) break;
    for (const auto& sale_id : erasure.sales) {
      if (Clock::now() < rebuild_until) rebuild(stores, sale_id);
    }
    announce(stores);
  }
  return erasure;
}

}  // namespace flashsale::admin
