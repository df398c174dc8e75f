#include "flashsale/catalog/snapshot.hpp"

#include "flashsale/catalog/catalog.hpp"
#include "flashsale/model/selling_times.hpp"

namespace flashsale::catalog {

const ItemLevels* SaleSnapshot::find_level(std::int32_t item_no) const {
  const auto* item = sale->find_item(item_no);
  const auto index = item ? static_cast<std::size_t>(item - sale->items.data()) : levels.size();
  return index < levels.size() ? &levels[index] : nullptr;
}

bool SaleSnapshot::sold_out_mark_lives(SteadyTime now) const { return serving && clock.age(now) < kSoldOutMarkLife; }

bool SaleSnapshot::may_have_sold_since(SteadyTime now) const {
  // Redis still goes by an older definition, which may sell.
  if (redis_version != sale->version) return true;
  // While a rebuilt sale rests, orders are reserved again whatever the clock says.
  if (sale->state == SaleState::closed) return false;
  if (clock.reading < resting_until) return true;
  if (sale->state == SaleState::paused) return false;
  const bool has_begun = sale->state == SaleState::open || clock.latest(now) >= sale->starts_at;
  return has_begun && clock.reading < sale->ends_at;
}

/// "Nobody has an order" is of the pulse, "not open" must hold from then on: what was accepted between the two, as the
/// first order of a sale in its last moment, would be refused to its own key (PROTOCOL R9).
bool SaleSnapshot::surely_not_open(SteadyTime now) const {
  if (!serving || order_records > 0) return false;
  return clock.age(now) < kNotOpenMemoryLife && !may_have_sold_since(now);
}

std::shared_ptr<const SaleSnapshot> Snapshot::find(std::string_view sale_id) const {
  if (!index) return nullptr;
  const auto found = index->sales.find(sale_id);
  return found == index->sales.end() ? nullptr : sales[found->second];
}

std::optional<std::size_t> Snapshot::place_of(std::int32_t sale_no) const {
  if (!index) return std::nullopt;
  const auto found = index->numbers.find(sale_no);
  if (found == index->numbers.end()) return std::nullopt;
  return found->second;
}

std::shared_ptr<const SaleSnapshot> Snapshot::find(std::int32_t sale_no) const {
  const auto place = place_of(sale_no);
  return place ? sales[*place] : nullptr;
}

Snapshot::FoundItem Snapshot::find_item(std::int32_t item_no) const {
  if (!index) return {};
  const auto found = index->items.find(item_no);
  if (found == index->items.end()) return {};
  const auto& sale = *sales[found->second.sale]->sale;
  return {&sale, &sale.items[found->second.item]};
}

Catalog::Catalog() : snapshot_(std::make_shared<const Snapshot>()) {}

}  // namespace flashsale::catalog
