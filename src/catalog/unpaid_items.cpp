#include "unpaid_items.hpp"

#include <algorithm>

namespace flashsale::catalog {

void UnpaidItems::ask(std::span<const std::int32_t> sold_out) {
  const std::lock_guard lock(mutex_);
  asked_ = {sold_out.begin(), sold_out.end()};
  // One that came back and is sold out again is a question of its own.
  std::erase_if(all_paid_, [this](std::int32_t item_no) { return !asked_.contains(item_no); });
}

std::vector<std::int32_t> UnpaidItems::asked() const {
  const std::lock_guard lock(mutex_);
  return {asked_.begin(), asked_.end()};
}

void UnpaidItems::answer(std::span<const std::int32_t> asked, std::span<const std::int32_t> unpaid) {
  const std::lock_guard lock(mutex_);
  all_paid_.clear();
  for (const auto item_no : asked) {
    const bool is_unpaid = std::ranges::find(unpaid, item_no) != unpaid.end();
    if (!is_unpaid && asked_.contains(item_no)) all_paid_.insert(item_no);
  }
}

bool UnpaidItems::may_come_back(std::int32_t item_no) const {
  const std::lock_guard lock(mutex_);
  return !all_paid_.contains(item_no);
}

}  // namespace flashsale::catalog
