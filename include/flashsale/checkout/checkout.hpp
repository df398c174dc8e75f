#pragma once
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "flashsale/catalog/catalog.hpp"
#include "flashsale/catalog/sale_lookup.hpp"
#include "flashsale/catalog/upkeep.hpp"
#include "flashsale/checkout/arrivals.hpp"
#include "flashsale/checkout/journal.hpp"
#include "flashsale/checkout/options.hpp"
#include "flashsale/checkout/order_lookup.hpp"
#include "flashsale/checkout/permits.hpp"
#include "flashsale/checkout/placement.hpp"
#include "flashsale/identity/origin_hasher.hpp"
#include "flashsale/postgres/report_repository.hpp"
#include "flashsale/redis/connection.hpp"
#include "flashsale/telemetry/tracer.hpp"

namespace flashsale::checkout {

/// The checkout of one I/O thread: decides from memory what it can, collects reservations into batches (one Lua call
/// each), hands what Redis accepted to the journal and answers when it is committed (PROTOCOL R8-R14).
/// All calls and callbacks on the thread of `context`.
class Checkout {
 public:
  using Callback = PlacementCallback;
  struct Parts {
    boost::asio::io_context& context;
    redis::Connection& redis;
    catalog::Catalog& catalog;
    catalog::SaleLookup& sales;
    catalog::Upkeep& upkeep;
    Journal& journal;
    OrderLookup& lookup;
    Permits& permits;
    telemetry::Metrics& metrics;
    telemetry::Tracer* tracer;              ///< null: tracing is off
    const identity::OriginHasher& origins;  ///< of clients
  };

  Checkout(Options options, const Parts& parts);
  ~Checkout();
  void start();
  void stop();

  /// May call back before it returns.
  void place(Placement placement, Callback callback);

  /// An order that PostgreSQL does not show (yet). The callback gets the order (any customer's), `pending` or as its
  /// row has it by now, nothing when it is surely nowhere, or an error when that cannot be told. It takes until the
  /// next pulse. `rows_can_be_read` false: PostgreSQL does not answer, and is not asked again.
  using FindCallback = std::function<void(Result<std::optional<Order>>)>;
  void find_pending(const OrderId& id, bool rows_can_be_read, FindCallback callback);

  /// To be called when the thread's catalog has got a new snapshot.
  void snapshot_replaced();

  /// Refusals since the last call.
  [[nodiscard]] std::vector<postgres::RefusalCount> take_refusals();
  /// What came since the last call, to sales that are not let go.
  [[nodiscard]] std::vector<SaleArrivals> take_arrivals();

  /// Orders of this thread that are not settled.
  [[nodiscard]] std::size_t in_flight() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace flashsale::checkout
