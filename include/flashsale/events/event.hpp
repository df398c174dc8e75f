#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "flashsale/model/event_type.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/event_repository.hpp"

namespace flashsale::events {

/// A CloudEvent 1.0, as every sink and the feed tell it. The same for every delivery, but for what an erasure has taken
/// out of it since.
struct Event {
  std::int64_t position = 0;
  EventType type = EventType::ping;
  std::string id;             ///< `<order id>/<n>`, `<sale id>/<n>`: once for each event, for ever
  std::string subject;        ///< order or sale id; of what is of neither, whom it is about
  std::string time;           ///< RFC 3339
  std::string partition_key;  ///< events of one key are in order
  std::string sale_id;        ///< empty: of no sale
  std::string data;           ///< JSON object
  std::string traceparent;    ///< of the request that has caused it; empty: not known
};
using EventPtr = std::shared_ptr<const Event>;

/// `sale`: the one that the row names; null: it has gone, or there is none.
[[nodiscard]] Event render(const postgres::EventRow& row, const Sale* sale);

/// The position as the attribute `sequence`: decimal, padded to 20 digits.
[[nodiscard]] std::string sequence_of(std::int64_t position);
/// The attribute `dataschema`.
[[nodiscard]] std::string data_schema_of(EventType type);

/// The event in the JSON format of CloudEvents (structured mode), appended. `source`: setting events.source.
void append_cloud_event(std::string& out, const Event& event, std::string_view source);

}  // namespace flashsale::events
