#include "flashsale/insight/top_buyers.hpp"

namespace flashsale::insight {

/// Zeros of whom there is nothing.
TopBuyers::Count TopBuyers::take_out(const std::string& customer_id) {
  const auto found = counts_.find(customer_id);
  if (found == counts_.end()) return {};
  const auto count = found->second;
  by_units_.erase({count.units, customer_id});
  counts_.erase(found);
  return count;
}

void TopBuyers::add(const std::string& customer_id, std::int64_t units, std::int64_t error) {
  if (customer_id.empty() || units <= 0) return;
  Count count;
  if (counts_.contains(customer_id)) {
    count = take_out(customer_id);
  } else if (counts_.size() >= customers_max_) {
    // Whoever comes takes over the lowest count, which is what they can have bought unnoticed.
    const auto lowest = by_units_.begin()->second;
    count = take_out(lowest);
    count.error = count.units;
  }
  count.units += units;
  count.error += error;
  counts_[customer_id] = count;
  by_units_.emplace(count.units, customer_id);
}

void TopBuyers::rename(const std::string& customer_id, const std::string& pseudonym) {
  const auto count = take_out(customer_id);
  add(pseudonym, count.units, count.error);
}

std::vector<TopBuyers::Buyer> TopBuyers::top(std::size_t count) const {
  std::vector<Buyer> buyers;
  for (auto at = by_units_.rbegin(); at != by_units_.rend() && buyers.size() < count; ++at)
    buyers.push_back({at->second, at->first, counts_.at(at->second).error});
  return buyers;
}

}  // namespace flashsale::insight
