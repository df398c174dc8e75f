#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "flashsale/model/result.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::admin {

struct Erasure {
  std::int64_t orders = 0;      ///< rows that named the customer
  std::set<std::string> sales;  ///< whose they are
  bool is_complete = true;      ///< false: an order in flight may still be written in the name, Redis has it still, or
                                ///< there are more orders than one call takes
};

/// Takes a customer's name out of all orders, in both stores: one fresh random pseudonym stands in its place, so that
/// counts and the audit stay as they are. What was accepted before the call and has no row yet is waited for, some
/// seconds at most. Then PostgreSQL; then Redis is told, in place: no sale is rebuilt for a name. Where Redis cannot be
/// told now, any instance's sweeper does it within seconds of its being there again. May be repeated. Blocking.
[[nodiscard]] Result<Erasure> erase_customer(workers::Stores& stores, std::string_view customer_id,
                                             std::string_view who);

}  // namespace flashsale::admin
