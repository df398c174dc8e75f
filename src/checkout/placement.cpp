#include "flashsale/checkout/placement.hpp"

namespace flashsale::checkout {

bool is_of(const Placement& placement, const Order& row) {
  return row.customer_id == placement.customer_id && row.lines == placement.lines;
}

}  // namespace flashsale::checkout
