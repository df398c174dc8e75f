#include "order_lines.hpp"

#include <cstdint>

namespace flashsale::redis {

void add_lines(Command& command, const Order& order) {
  for (const auto& line : order.lines) {
    command.add(static_cast<std::int64_t>(line.item_no)).add(static_cast<std::int64_t>(line.quantity));
  }
}

}  // namespace flashsale::redis
