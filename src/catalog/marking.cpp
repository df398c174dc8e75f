#include "marking.hpp"

#include "flashsale/model/selling_times.hpp"
#include "unpaid_items.hpp"

namespace flashsale::catalog {
namespace {

void confirm(SoldOutMark& mark, const RedisClock& clock, const ItemLevels& level) {
  mark.state = {level.version, level.remaining};
  mark.unsold_until = clock.sent_at + kRestockRest;
  mark.unsold_until_at_redis = level.remaining == 0 ? clock.reading + kRestockRest : level.sells_from;
}

}  // namespace

void adopt_marks(SaleMarks& marks, const SoldOutMarks& loaded, const Sale& sale) {
  if (sale.epoch != loaded.epoch) return;
  if (marks.epoch != loaded.epoch) marks.items.clear();
  marks.epoch = loaded.epoch;
  for (const auto& [item_no, state] : loaded.items) marks.items[item_no] = {state, loaded.ids, {}, {}};
}

/// They are while the item shows the same. And when units have come back since the last look: they rest, and what rests
/// from then on is not sold yet. (Not just after a rebuild, in whose rest orders are reserved again: the mark is of the
/// half second before.)
bool still_holds(const SoldOutMark& mark, const SaleSnapshot& sale, const ItemLevels& level) {
  if (mark.state == ItemState{level.version, level.remaining}) return true;
  const auto& clock = sale.clock;
  const bool some_were_reserved_again = clock.reading < sale.resting_until + kRestockRest;
  return level.remaining > 0 && !some_were_reserved_again && clock.received_at < mark.unsold_until &&
         clock.latest(clock.received_at) < mark.unsold_until_at_redis;
}

void attach_marks(SaleMarks& marks, SaleSnapshot& sale) {
  if (marks.epoch != sale.sale->epoch) marks.items.clear();
  const auto now = sale.clock.latest(sale.clock.received_at);
  for (std::size_t i = 0; i < sale.levels.size(); ++i) {
    auto& level = sale.levels[i];
    // Redis's clock has stepped back since: how long that still rests only Redis can tell, by being asked to sell it.
    if (level.sells_from > now + kRestockRest) level.sells_from = {};
    const auto found = marks.items.find(sale.sale->items[i].item_no);
    if (found == marks.items.end()) continue;
    if (level.sells(now) || !still_holds(found->second, sale, level)) {
      marks.items.erase(found);
      continue;
    }
    confirm(found->second, sale.clock, level);
    level.sold_out_ids = found->second.ids;
  }
}

void mark_held(SaleSnapshot& sale, const UnpaidItems& unpaid) {
  // Of a quiet sale nobody asks; what is left of it does not come back.
  if (sale.sale->payment == PaymentMode::none || sale.is_quiet) return;
  for (std::size_t i = 0; i < sale.levels.size(); ++i) {
    auto& level = sale.levels[i];
    const bool may_come_back = sale.log_entries > 0 || unpaid.may_come_back(sale.sale->items[i].item_no);
    level.held = level.remaining == 0 && may_come_back;
  }
}

}  // namespace flashsale::catalog
