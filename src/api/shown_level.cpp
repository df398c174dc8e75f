#include "shown_level.hpp"

namespace flashsale::api {

std::string_view shown_state(const Sale& sale, TimePoint now) {
  return to_string(effective_state(sale.state, sale.starts_at, sale.ends_at, now));
}

ShownLevel shown_level(const catalog::SaleSnapshot& snapshot, std::size_t item, TimePoint earliest) {
  const auto* level = snapshot.known_levels ? &snapshot.levels[item] : nullptr;
  const auto& defined = snapshot.sale->items[item];
  const bool rests = level && level->remaining > 0 && earliest < level->sells_from;
  // Before its first pulse a sale shows what PostgreSQL has.
  const auto remaining = rests ? 0 : level ? level->remaining : defined.stock - defined.sold;
  const bool held = rests || (level && level->held);
  return {remaining, remaining > 0 ? "available" : held ? "held" : "sold_out"};
}

}  // namespace flashsale::api
