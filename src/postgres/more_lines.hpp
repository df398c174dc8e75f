#pragma once
#include <string>

#include "flashsale/model/order.hpp"

namespace flashsale::postgres {

/// The lines of an order behind its first one, as orders.more_items and more_quantities hold them: array literals.
/// Both empty, for NULL, where there is one line.
struct MoreLines {
  std::string items;
  std::string quantities;
};
[[nodiscard]] MoreLines more_lines(const Order& order);

}  // namespace flashsale::postgres
