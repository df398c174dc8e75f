#include "flashsale/insight/order_memory.hpp"

namespace flashsale::insight {

OrderMemory::IdsByAge& OrderMemory::ids_like(OrderStatus status) {
  return status == OrderStatus::awaiting_payment ? unpaid_ : ended_;
}

void OrderMemory::remember(const std::string& order_id, OrderStatus status) {
  forget(order_id);
  const Entry entry{status, ++last_age_no_};
  entries_.emplace(order_id, entry);
  ids_like(status).emplace(entry.age_no, order_id);
  if (entries_.size() > orders_max_) make_room();
}

void OrderMemory::forget(const std::string& order_id) {
  const auto found = entries_.find(order_id);
  if (found == entries_.end()) return;
  ids_like(found->second.status).erase(found->second.age_no);
  entries_.erase(found);
}

void OrderMemory::make_room() {
  has_lost_unpaid_ = has_lost_unpaid_ || ended_.empty();
  auto& ids = ended_.empty() ? unpaid_ : ended_;
  entries_.erase(ids.begin()->second);
  ids.erase(ids.begin());
}

std::optional<OrderStatus> OrderMemory::find(const std::string& order_id) const {
  const auto found = entries_.find(order_id);
  return found == entries_.end() ? std::nullopt : std::optional(found->second.status);
}

std::vector<std::pair<std::string, OrderStatus>> OrderMemory::list() const {
  std::vector<std::pair<std::string, OrderStatus>> orders;
  orders.reserve(entries_.size());
  for (const auto* ids : {&ended_, &unpaid_}) {
    for (const auto& [age_no, id] : *ids) orders.emplace_back(id, entries_.at(id).status);
  }
  return orders;
}

}  // namespace flashsale::insight
