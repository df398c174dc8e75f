#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "array_literal.hpp"
#include "flashsale/model/event_type.hpp"
#include "flashsale/model/money.hpp"
#include "flashsale/model/order.hpp"
#include "flashsale/postgres/pqxx.hpp"
#include "flashsale/telemetry/trace_context.hpp"

namespace flashsale::postgres {

/// Money that has to go back.
struct RequiredRefund {
  std::string_view payment_id;
  Money paid;
  std::string_view reason;
};

/// What a transaction has made of one order. It owns nothing: it is looked at once, while the call lasts.
struct OrderChange {
  OrderId id;
  std::int32_t change_no = 1;  ///< the order's count of changes after it
  OrderStatus after = OrderStatus::pending;
  std::string_view reason;
  std::optional<TimePoint> expires_at;
  const Order* row = nullptr;              ///< with its lines; not given for a refund
  const RequiredRefund* refund = nullptr;  ///< what has happened is that it was marked, its status is as before
  telemetry::TraceContext trace{};         ///< of the request that has caused it; none: of the thread's TraceScope
  std::string_view client_hash{};          ///< of the buyer's address (identity::OriginHasher); empty: not told
  std::string_view card_hash{};            ///< of the payment that has made it; empty: not told
};

/// In the payload of a row the member `traces` tells which requests have caused its events, of those that are kept:
/// `<order id> <traceparent>`, one behind the other, with a blank between them.
inline constexpr std::string_view kTracesMember = "traces";

/// The traceparent that `traces` has of an order; empty: none.
[[nodiscard]] std::string_view find_trace(std::string_view traces, const OrderId& id);

/// The member `clients` has the hashes of the addresses that its orders came from, one behind the other in the order of
/// the row's ids, up to the last that is known, with `-` in the place of those that are not. The member `card_hash` has
/// that of the card that a row of one event was made by.
inline constexpr std::string_view kClientsMember = "clients";
inline constexpr std::string_view kCardMember = "card_hash";
inline constexpr std::size_t kHashDigits = 32;

/// The hash that `clients` has of the row's order at this place; empty: none.
[[nodiscard]] std::string_view find_client(std::string_view clients, std::size_t place);

/// Of one row of the outbox; so a reader knows how far before a position its row can begin.
inline constexpr std::size_t kEventsOfRowMax = 1024;

/// Rows of the outbox for what one transaction does in one sale: one for all orders that have changed alike.
class OutboxRows {
 public:
  /// What the order's own row cannot tell later goes along.
  void add(const OrderChange& change);
  /// A row of one event that is no order's, with all that it tells, as JSON.
  void add_event(EventType type, std::int32_t change_no, std::string payload);
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  /// Once. `sale_no` 0: of no sale.
  void insert(pqxx::transaction_base& tx, std::int32_t sale_no);

  /// The rows as parallel arrays, in the order in which statements take them.
  struct Columns {
    ArrayLiteral change_nos, events, types, order_ids, reasons, expiries, payloads;
    void close();
  };
  /// Once, for a statement that inserts them with something else. Closed.
  [[nodiscard]] Columns columns() const;

  /// The only row, as parameters; what there is none of is empty.
  struct Parameters {
    std::int32_t change_no = 1;
    std::int64_t events = 0;
    std::int64_t type = 0;
    std::string order_ids, reason, expires_at, payload;
  };
  /// None: there are several, or none of orders.
  [[nodiscard]] std::optional<Parameters> only_row() const;

 private:
  struct Row {
    EventType type = EventType::ping;
    std::int32_t change_no = 1;
    std::string reason;
    std::optional<TimePoint> expires_at;
    std::vector<OrderId> order_ids;  ///< empty: one event without an order's row
    std::string payload;
    std::string traces;   ///< of those orders whose traces are kept
    std::string clients;  ///< as find_client() wants it
    std::string card_hash;
  };
  [[nodiscard]] Row* find_like(EventType type, const OrderChange& change);
  static void note_cause(Row& row, const OrderChange& change);
  static void note_trace(Row& row, const OrderChange& change);
  static std::string payload_of(const Row& row);
  static std::int64_t events_of(const Row& row);
  std::vector<Row> rows_;
};

}  // namespace flashsale::postgres
