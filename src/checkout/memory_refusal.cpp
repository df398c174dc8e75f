#include "memory_refusal.hpp"

#include <algorithm>

namespace flashsale::checkout {
namespace {

/// Whether there is surely no unit for these lines under this id, and never was. The id may have an order of other
/// items, which have sold since. (Of a cart all items have to be marked: its key may have an order of those that still
/// sold when the first of them was sold out, R9.)
bool is_marked_sold_out(const Placement& placement, catalog::SteadyTime now) {
  const auto& sale = *placement.sale;
  if (!sale.sold_out_mark_lives(now)) return false;
  return std::ranges::all_of(placement.lines, [&](const OrderLine& line) {
    const auto* level = sale.find_level(line.item_no);
    return level && level->sold_out_ids && !level->sells(sale.clock.latest(now)) &&
           !level->sold_out_ids->contains(placement.id.hash64());
  });
}

}  // namespace

std::optional<PlacementOutcome> refusal_from_memory(const Placement& placement, catalog::SteadyTime now) {
  if (is_marked_sold_out(placement, now)) return PlacementOutcome::sold_out;
  if (placement.sale->surely_not_open(now)) return PlacementOutcome::sale_not_open;
  return std::nullopt;
}

}  // namespace flashsale::checkout
