#include "unpaid_items.hpp"

#include <algorithm>

namespace flashsale::catalog {

void UnpaidItems::ask(std::span<const postgres::ItemOfSale> sold_out) {
  const std::lock_guard lock(mutex_);
  asked_.clear();
  for (const auto& item : sold_out) asked_.emplace(item.item_no, item.sale_no);
  // One that came back and is sold out again is a question of its own.
  std::erase_if(all_paid_, [this](std::int32_t item_no) { return !asked_.contains(item_no); });
}

std::vector<postgres::ItemOfSale> UnpaidItems::asked() const {
  const std::lock_guard lock(mutex_);
  std::vector<postgres::ItemOfSale> items;
  for (const auto& [item_no, sale_no] : asked_) items.push_back({sale_no, item_no});
  return items;
}

void UnpaidItems::answer(std::span<const postgres::ItemOfSale> asked, std::span<const std::int32_t> unpaid) {
  const std::lock_guard lock(mutex_);
  all_paid_.clear();
  for (const auto& item : asked) {
    const bool is_unpaid = std::ranges::find(unpaid, item.item_no) != unpaid.end();
    if (!is_unpaid && asked_.contains(item.item_no)) all_paid_.insert(item.item_no);
  }
}

bool UnpaidItems::may_come_back(std::int32_t item_no) const {
  const std::lock_guard lock(mutex_);
  return !all_paid_.contains(item_no);
}

}  // namespace flashsale::catalog
