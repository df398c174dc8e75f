#include "pending_arrivals.hpp"

#include <iterator>

namespace flashsale::admin {

void PendingArrivals::add(std::int32_t sale_no, std::int64_t second, std::int64_t checkouts) {
  const std::lock_guard lock(mutex_);
  add_locked(sale_no, second, checkouts);
}

void PendingArrivals::add_locked(std::int32_t sale_no, std::int64_t second, std::int64_t checkouts) {
  if (by_sale_.size() >= kSalesMax && !by_sale_.contains(sale_no)) return;
  auto& counts = by_sale_[sale_no];
  counts[second] += checkouts;
  if (counts.size() > kSecondsMax) counts.erase(counts.begin());
}

std::map<std::int32_t, PendingArrivals::Counts> PendingArrivals::take(std::int64_t before) {
  const std::lock_guard lock(mutex_);
  std::map<std::int32_t, Counts> taken;
  for (auto sale = by_sale_.begin(); sale != by_sale_.end();) {
    auto& [sale_no, counts] = *sale;
    const auto end = counts.lower_bound(before);
    if (end != counts.begin()) taken[sale_no] = Counts(counts.begin(), end);
    counts.erase(counts.begin(), end);
    sale = counts.empty() ? by_sale_.erase(sale) : std::next(sale);
  }
  return taken;
}

void PendingArrivals::put_back(std::int32_t sale_no, const Counts& counts) {
  const std::lock_guard lock(mutex_);
  for (const auto& [second, checkouts] : counts) add_locked(sale_no, second, checkouts);
}

}  // namespace flashsale::admin
