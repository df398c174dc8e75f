#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "flashsale/model/order.hpp"

namespace flashsale::insight {

/// The status of orders that can still become something that depends on it. When there are too many, those that have
/// ended are forgotten first, and of those the one that ended first: few of them are bought after all, while each that
/// awaits payment becomes something else.
class OrderMemory {
 public:
  explicit OrderMemory(std::size_t orders_max) : orders_max_(orders_max) {}

  void remember(const std::string& order_id, OrderStatus status);
  void forget(const std::string& order_id);
  /// Empty: it is not remembered.
  [[nodiscard]] std::optional<OrderStatus> find(const std::string& order_id) const;
  /// Whether one that awaited payment had to go for lack of room.
  [[nodiscard]] bool has_lost_unpaid() const { return has_lost_unpaid_; }

  /// All of them, so that others that remember them in this order forget in the same one.
  [[nodiscard]] std::vector<std::pair<std::string, OrderStatus>> list() const;
  void set_has_lost_unpaid() { has_lost_unpaid_ = true; }

 private:
  using IdsByAge = std::map<std::int64_t, std::string>;
  struct Entry {
    OrderStatus status;
    std::int64_t age_no;  ///< lower: older
  };

  [[nodiscard]] IdsByAge& ids_like(OrderStatus status);
  void make_room();

  std::size_t orders_max_;
  std::int64_t last_age_no_ = 0;
  std::unordered_map<std::string, Entry> entries_;
  IdsByAge unpaid_;
  IdsByAge ended_;
  bool has_lost_unpaid_ = false;
};

}  // namespace flashsale::insight
