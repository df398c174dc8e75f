#include "known_sales.hpp"

#include <algorithm>
#include <utility>

#include "pulse_schedule.hpp"

namespace flashsale::catalog {
namespace {

/// Redis has nothing of it any more, and nothing in it moves: PostgreSQL tells all there is.
void show_as_stored(SaleSnapshot& sale) {
  sale.serving = false;
  sale.known_levels = false;
  sale.is_quiet = true;
  sale.log_entries = 0;
  sale.oldest_entry_at.reset();
}

/// Levels of the same epoch stay good, in the order of the items, which never changes.
std::shared_ptr<const SaleSnapshot> redefined(const SaleSnapshot* last, const Sale& sale) {
  auto snapshot = last ? std::make_shared<SaleSnapshot>(*last) : std::make_shared<SaleSnapshot>();
  if (last && last->sale->epoch != sale.epoch) snapshot->serving = false;
  snapshot->sale = std::make_shared<const Sale>(sale);
  snapshot->levels.resize(sale.items.size());
  if (sale.let_go) show_as_stored(*snapshot);
  return snapshot;
}

}  // namespace

void KnownSales::adopt(const postgres::DirectoryChanges& changes) {
  if (changes.is_whole) sales_.clear();
  directory_version_ = changes.version;
  order_salt_ = changes.order_salt;
  if (changes.flags) flags_ = std::make_shared<const FeatureFlags>(*changes.flags);
  const auto before = sales_.size();
  for (const auto& sale : changes.sales) {
    auto& known = sales_[sale.sale_no];
    known.last = redefined(known.last.get(), sale);
    known.next_at = {};
  }
  if (!index_ || changes.is_whole || sales_.size() > before) make_index();
}

/// Sales never go, unless with all of PostgreSQL, and their items never change: places move only when one is added.
void KnownSales::make_index() {
  in_order_.clear();
  for (const auto& [sale_no, known] : sales_) in_order_.push_back(&known);
  std::ranges::sort(in_order_, {},
                    [](const KnownSale* known) { return std::pair(known->sale().created_at, known->sale().sale_no); });
  auto index = std::make_shared<Index>();
  for (std::size_t position = 0; position < in_order_.size(); ++position) {
    const auto& sale = in_order_[position]->sale();
    for (std::size_t i = 0; i < sale.items.size(); ++i) index->items[sale.items[i].item_no] = {position, i};
    index->sales.emplace(sale.id, position);
    index->numbers.emplace(sale.sale_no, position);
  }
  index_ = std::move(index);
}

void KnownSales::adopt(const SoldOutMarks& marks) {
  const auto found = sales_.find(marks.sale_no);
  if (found != sales_.end()) adopt_marks(found->second.marks, marks, found->second.sale());
}

std::vector<KnownSale*> KnownSales::take_due(SteadyTime now, TimePoint redis_now) {
  std::vector<KnownSale*> due;
  for (auto& [sale_no, known] : sales_) {
    if (known.next_at > now || known.sale().let_go) continue;
    due.push_back(&known);
    known.is_quiet = is_quiet(*known.last, redis_now);
    known.next_at = known.is_quiet ? now + kQuietInterval : SteadyTime{};
  }
  return due;
}

std::vector<postgres::ItemOfSale> KnownSales::sold_out_items() const {
  std::vector<postgres::ItemOfSale> items;
  for (const auto& [sale_no, known] : sales_) {
    if (known.sale().payment == PaymentMode::none || known.is_quiet || !known.last->known_levels) continue;
    for (std::size_t i = 0; i < known.last->levels.size(); ++i) {
      if (known.last->levels[i].remaining == 0) items.push_back({sale_no, known.sale().items[i].item_no});
    }
  }
  return items;
}

Snapshot KnownSales::snapshot() const {
  Snapshot snapshot;
  snapshot.directory_version = directory_version_;
  snapshot.index = index_;
  snapshot.flags = flags_;
  snapshot.order_salt = order_salt_;
  snapshot.sales.reserve(sales_.size());
  for (const auto* known : in_order_) snapshot.sales.push_back(known->last);
  return snapshot;
}

std::string_view items_state_to_ask_with(KnownSale& known, SteadyTime now) {
  // An item that is sold out moves its sale's state as any other does, so its mark is confirmed with that.
  if (known.last->serving && now < known.all_items_at) return known.last->items_state;
  known.all_items_at = now + kAllItemsInterval;
  return {};
}

UpkeepNeeds take_answer(KnownSale& known, const redis::PulseReply& reply, const RedisClock& clock,
                        const ExpectedServers& servers, const UnpaidItems& unpaid) {
  auto sale = std::make_shared<SaleSnapshot>(*known.last);
  sale->is_quiet = known.is_quiet;
  apply_answer(*sale, reply, clock, servers);
  if (sale->serving) {
    attach_marks(known.marks, *sale);
    mark_held(*sale, unpaid);
  }
  auto needs = find_upkeep_needs(*sale, reply);
  known.last = std::move(sale);
  return needs;
}

}  // namespace flashsale::catalog
