#include "flashsale/catalog/change_push.hpp"

#include <algorithm>

#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/redis/directory.hpp"
#include "flashsale/redis/pulse.hpp"
#include "flashsale/redis/sale_changes.hpp"

namespace flashsale::catalog {
namespace {

constexpr std::int32_t kStockChangesPage = 1000;

/// The last change of the item's stock that Redis has applied; empty: the sale is lost.
Result<std::optional<std::int64_t>> applied_stock_version(workers::Stores& stores, const Sale& sale,
                                                          std::int32_t item_no) {
  const auto levels = stores.redis().ask(redis::pulse(sale.id, sale.epoch));
  if (!levels) return levels.error();
  const auto item = std::ranges::find(levels->items, item_no, &redis::ItemLevel::item_no);
  if (levels->lost || item == levels->items.end()) return std::optional<std::int64_t>{};
  return std::optional(item->stock_version);
}

}  // namespace

Result<PushOutcome> push_definition(workers::Stores& stores, const Sale& sale) {
  auto& client = stores.redis();
  if (const auto error = client.connect()) return error;
  const auto outcome = client.ask(redis::configure(stores.fence(sale.id, sale.epoch), sale));
  if (!outcome) return outcome.error();
  return *outcome == redis::ConfigureOutcome::lost ? PushOutcome::lost : PushOutcome::done;
}

Result<PushOutcome> push_stock(workers::Stores& stores, const Sale& sale, std::int32_t item_no) {
  auto& client = stores.redis();
  if (const auto error = client.connect()) return error;
  const auto fence = stores.fence(sale.id, sale.epoch);
  const auto applied = applied_stock_version(stores, sale, item_no);
  if (!applied) return applied.error();
  if (!*applied) return PushOutcome::lost;
  const auto changes =
      postgres::stock_changes_after(stores.session(), sale.sale_no, item_no, **applied, kStockChangesPage);
  if (!changes) return changes.error();
  for (const auto& change : *changes) {
    const auto outcome = client.ask(redis::restock(fence, item_no, change.version, change.delta));
    if (!outcome) return outcome.error();
    if (*outcome == redis::RestockOutcome::lost) return PushOutcome::lost;
  }
  return PushOutcome::done;
}

Error announce_directory(workers::Stores& stores, std::int64_t version) {
  const auto raised = stores.redis().ask(redis::raise_directory(version));
  return raised ? Error{} : raised.error();
}

}  // namespace flashsale::catalog
