#pragma once
#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/catalog/catalog.hpp"
#include "flashsale/catalog/sale_lookup.hpp"
#include "flashsale/catalog/upkeep.hpp"
#include "flashsale/checkout/journal.hpp"
#include "flashsale/checkout/order_lookup.hpp"
#include "flashsale/checkout/permits.hpp"
#include "flashsale/postgres/report_repository.hpp"
#include "flashsale/redis/connection.hpp"

namespace flashsale::checkout {

struct Options {
  std::size_t reservation_batch_max = 128;
  unsigned reservation_batches_in_flight_max = 2;
  std::int64_t pending_log_entries_max = 20'000;
  std::chrono::milliseconds redis_timeout{1000};
  std::int64_t unpaid_orders_max = 0;  ///< as in redis::ReservationTerms
  std::chrono::seconds unpaid_pause{};
};

struct Placement {
  std::shared_ptr<const catalog::SaleSnapshot> sale;
  OrderId id;
  OrderLines lines;  ///< of items of the sale
  std::string customer_id;
  std::chrono::milliseconds wait{2000};  ///< for the commit; 0: answer as soon as Redis has taken it
};

/// How a checkout ends. All but the last three are normal outcomes.
enum class PlacementOutcome : std::uint8_t {
  committed,   ///< this call's order stands in PostgreSQL
  taken,       ///< the order stands in the pending log and will be written
  replayed,    ///< the key's order was there already; `order` is it as it stands now
  key_reused,  ///< the key's order has other lines
  sold_out,
  limit_exceeded,        ///< units of an item
  order_limit_exceeded,  ///< orders of the sale
  unpaid_pause,          ///< the last ones were left unpaid: not now
  sale_not_open,
  unknown_item,
  overloaded,       ///< given before any stock was touched
  unavailable,      ///< nothing was changed
  outcome_unknown,  ///< it may stand: the same key or a poll finds out
};

/// Their names, in the order of the enumeration: labels of metrics, reasons in reports.
inline constexpr std::array<std::string_view, 13> kPlacementOutcomes{"committed",
                                                                     "taken",
                                                                     "replayed",
                                                                     "key_reused",
                                                                     "sold_out",
                                                                     "limit_exceeded",
                                                                     "order_limit_exceeded",
                                                                     "unpaid_pause",
                                                                     "sale_not_open",
                                                                     "unknown_item",
                                                                     "overloaded",
                                                                     "unavailable",
                                                                     "outcome_unknown"};

/// The client has no order by this answer.
[[nodiscard]] constexpr bool is_refusal(PlacementOutcome outcome) { return outcome >= PlacementOutcome::key_reused; }

struct PlacementResult {
  PlacementOutcome outcome = PlacementOutcome::unavailable;
  Order order;
};

/// The checkout of one I/O thread: decides from memory what it can, collects reservations into batches (one Lua call
/// each), hands what Redis accepted to the journal and answers when it is committed (PROTOCOL R8-R14).
/// All calls and callbacks on the thread of `context`.
class Checkout {
 public:
  using Callback = std::function<void(const PlacementResult&)>;
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

  /// Orders of this thread that are not settled.
  [[nodiscard]] std::size_t in_flight() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace flashsale::checkout
