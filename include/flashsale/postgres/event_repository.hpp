#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/event_type.hpp"
#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/session.hpp"

// The line of events: what changes have left in the outbox gets positions, is read by them, and goes when its time is
// over (docs/decisions.md, "Events get their positions after the commit").
namespace flashsale::postgres {

/// Where the line begins and ends: events of `gone_until` and before are not kept any more.
struct EventLine {
  std::int64_t last_position = 0;  ///< 0: there has been none
  std::int64_t gone_until = 0;
};
[[nodiscard]] Result<EventLine> find_event_line(Session& session);

/// How many rows wait to be numbered, at most `most`: with 1, a cheap look.
[[nodiscard]] Result<std::int64_t> count_unnumbered(Session& session, std::int32_t most);

/// Leaves the events that no transaction of somebody's brings about: sales that opened or ended by the clock, that are
/// sold out, or of which units came back. How many.
[[nodiscard]] Result<std::int64_t> tell_of_sales(Session& session);

/// One event as it stands: what its row of the outbox has, and what the order's own has.
struct EventRow {
  std::int64_t position = 0;
  EventType type = EventType::ping;
  TimePoint at{};
  std::int32_t sale_no = 0;
  std::int64_t row_no = 0;
  std::int32_t change_no = 0;       ///< of its order's or its sale's changes
  std::optional<Order> order;       ///< as it stands now, with reason, status and time to pay of then
  std::optional<OrderId> order_id;  ///< of an order; it need not have a row (any more)
  std::string payload;              ///< JSON, or empty
  std::string traceparent;          ///< of the request that has caused it, if its trace is kept; of orders alone
  std::string client_hash{};        ///< of the address that the order came from, in the first of its events
  std::string card_hash{};          ///< of the card of the payment that has caused it
};
/// Events behind position `after`, in order and without a gap, at most `limit`. An empty list: there is none yet.
[[nodiscard]] Result<std::vector<EventRow>> read_events(Session& session, std::int64_t after, std::int32_t limit);

/// The position of the first event that is kept of a sale; 0: none is.
[[nodiscard]] Result<std::int64_t> first_event_of_sale(Session& session, std::int32_t sale_no);

/// Sales by number, with their items, for what events leave to them.
[[nodiscard]] Result<std::optional<Sale>> find_sale_by_number(Session& session, std::int32_t sale_no);

/// Removes rows up to `position` that are older than `keep`, at most `rows` of them. How far the line is gone now.
[[nodiscard]] Result<std::int64_t> retire_events(Session& session, std::int64_t position, std::chrono::seconds keep,
                                                 std::int32_t rows);

/// Where events are switched off: removes what is older than `keep`, whoever was to be told of it, at most `rows` with
/// a position and as many without; nothing while a process leads, for which they are on. True: there may be more.
[[nodiscard]] Result<bool> retire_all_events(Session& session, std::chrono::seconds keep, std::int32_t rows);

/// Leaves one event of no sale: `webhook_disabled` or `ping`. `payload` is JSON.
[[nodiscard]] Error leave_event(Session& session, EventType type, const std::string& payload);

}  // namespace flashsale::postgres
