#include "flashsale/catalog/snapshot.hpp"

#include "flashsale/catalog/catalog.hpp"

namespace flashsale::catalog {

const ItemLevels* SaleSnapshot::find_level(std::int32_t item_no) const {
  const auto* item = sale->find_item(item_no);
  const auto index = item ? static_cast<std::size_t>(item - sale->items.data()) : levels.size();
  return index < levels.size() ? &levels[index] : nullptr;
}

bool SaleSnapshot::sold_out_mark_lives(SteadyTime now) const {
  return serving && now < clock.sent_at + kSoldOutMarkLife;
}

bool SaleSnapshot::surely_not_open(SteadyTime now) const {
  if (!serving || order_records > 0 || redis_version != sale->version) return false;
  if (now >= clock.sent_at + kNotOpenMemoryLife) return false;
  const auto state = effective_state(sale->state, sale->starts_at, sale->ends_at, clock.latest(now));
  if (state == SaleState::open) return false;
  // Only `scheduled` turns by the clock into something that sells; its latest moment was judged above.
  return true;
}

std::shared_ptr<const SaleSnapshot> Snapshot::find(std::string_view sale_id) const {
  if (!index) return nullptr;
  const auto found = index->sales.find(sale_id);
  return found == index->sales.end() ? nullptr : sales[found->second];
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
