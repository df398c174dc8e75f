#include "flashsale/admin/audited_item.hpp"

namespace flashsale::admin {

AuditedItem judge(const Item& item, const postgres::ItemAudit& row, const LevelsAround& levels,
                  const UnwrittenUnits& unwritten) {
  AuditedItem audited{item.sku, row.stock, row.sold, 0, 0, row.live_units};
  if (levels.before == nullptr || levels.after == nullptr) return audited;
  const auto &before = *levels.before, &after = *levels.after;
  // What comes back raises the version, so while that stands orders alone move the units.
  const bool nothing_came_back = before.version == after.version && before.stock_version == row.stock_version;
  const bool orders_came = before.remaining != after.remaining;
  // Else all rows are of orders that were accepted before, whatever moment they name.
  const auto live_units = orders_came ? row.live_units_until : row.live_units;
  const auto freed_units = orders_came ? row.freed_units_until : row.freed_units;
  audited.live_units = live_units;
  audited.remaining = before.remaining;
  audited.pending = unwritten.ordered;
  const auto accounted = before.remaining + live_units + unwritten.ordered + freed_units + unwritten.withdrawn;
  audited.drift = accounted - row.stock;
  // Redis may have been told of them already, and only the note of that be missing: then they stand here twice.
  const bool may_be_counted_twice = audited.drift > 0 && audited.drift <= freed_units;
  // Redis's clock has stepped back: the moments of orders do not tell which came in between.
  const bool has_stepped_back = row.newest > levels.after_at || levels.before_at > levels.after_at;
  // PostgreSQL that contradicts itself is nothing to hold Redis against.
  audited.judged =
      nothing_came_back && row.sold == row.live_units && !may_be_counted_twice && !(orders_came && has_stepped_back);
  audited.consistent = audited.judged && audited.drift == 0;
  return audited;
}

}  // namespace flashsale::admin
