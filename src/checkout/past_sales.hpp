#pragma once
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>

#include "flashsale/checkout/order_lookup.hpp"
#include "flashsale/checkout/placement.hpp"

namespace flashsale::checkout {

/// Checkouts in sales that Redis has let go, of one I/O thread: whoever has an order in such a sale gets it from
/// PostgreSQL, nobody gets a new one. Bounded: those who come to a sale that is over must not stand in the way of one
/// that sells.
class PastSales : public std::enable_shared_from_this<PastSales> {
 public:
  PastSales(boost::asio::io_context& context, OrderLookup& lookup) : context_(context), lookup_(lookup) {}

  /// May call back before it returns.
  void place(const Placement& placement, const PlacementCallback& callback);

 private:
  boost::asio::io_context& context_;
  OrderLookup& lookup_;
  std::size_t under_way_ = 0;
};

}  // namespace flashsale::checkout
