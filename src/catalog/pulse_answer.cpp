#include "pulse_answer.hpp"

#include <vector>

namespace flashsale::catalog {
namespace {

/// Both are in order of item_no. False: Redis has lost an item.
bool read_levels(const std::vector<redis::ItemLevel>& read, SaleSnapshot& sale) {
  const auto& items = sale.sale->items;
  auto next = read.begin();
  for (std::size_t i = 0; i < items.size(); ++i) {
    while (next != read.end() && next->item_no < items[i].item_no) ++next;
    if (next == read.end() || next->item_no != items[i].item_no) return false;
    sale.levels[i] = {next->remaining, next->version, next->stock_version, nullptr, false, next->sells_from};
  }
  return true;
}

}  // namespace

void apply_answer(SaleSnapshot& sale, const redis::PulseReply& reply, const RedisClock& clock,
                  const ExpectedServers& servers) {
  sale.clock = clock;
  // A PostgreSQL that another was promoted to may not know what this sale was published from.
  const bool is_of_postgres = servers.postgres.empty() || reply.postgres_identity == servers.postgres;
  sale.serving = !reply.lost && reply.identity == servers.redis && is_of_postgres;
  for (auto& level : sale.levels) level.sold_out_ids.reset();
  if (!sale.serving) return;
  sale.known_levels = true;
  sale.redis_version = reply.version;
  sale.order_records = reply.order_records;
  sale.log_entries = reply.log_entries;
  sale.oldest_entry_at = reply.oldest_entry_at;
  sale.resting_until = reply.resting_until;
  sale.items_state = reply.items_state;
  if (!reply.items_unchanged) sale.serving = read_levels(reply.items, sale);
}

}  // namespace flashsale::catalog
