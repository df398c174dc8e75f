#include "upkeep_needs.hpp"

namespace flashsale::catalog {

UpkeepNeeds find_upkeep_needs(const SaleSnapshot& sale, const redis::PulseReply& reply) {
  UpkeepNeeds needs;
  const auto& definition = *sale.sale;
  if (!sale.serving) {
    // A fence ahead of the directory. Or PostgreSQL has gone back behind it (a standby, a backup): who comes to the
    // rebuild reads the epoch there anew.
    needs.reload_directory = reply.lost && reply.fence_epoch > definition.epoch;
    needs.rebuild = true;
    return needs;
  }
  needs.push_definition = reply.version < definition.version;
  const auto now = sale.clock.latest(sale.clock.received_at);
  for (std::size_t i = 0; i < sale.levels.size(); ++i) {
    const auto& level = sale.levels[i];
    const auto& item = definition.items[i];
    if (level.stock_version < item.stock_version) needs.push_stock.push_back(item.item_no);
    if (!level.sells(now) && !level.sold_out_ids) needs.load_marks = true;
  }
  return needs;
}

}  // namespace flashsale::catalog
