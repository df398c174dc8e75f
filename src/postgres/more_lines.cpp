#include "more_lines.hpp"

#include <cstddef>

#include "array_literal.hpp"

namespace flashsale::postgres {

MoreLines more_lines(const Order& order) {
  if (order.lines.size() < 2) return {};
  ArrayLiteral items;
  ArrayLiteral quantities;
  for (std::size_t i = 1; i < order.lines.size(); ++i) {
    items.add(std::int64_t{order.lines[i].item_no});
    quantities.add(std::int64_t{order.lines[i].quantity});
  }
  return {items.close(), quantities.close()};
}

}  // namespace flashsale::postgres
