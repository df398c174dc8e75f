#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/event_type.hpp"
#include "flashsale/model/money.hpp"
#include "flashsale/model/time.hpp"

namespace flashsale::insight {

struct FeedLine {
  std::string sku;
  std::int64_t units = 0;
  Money unit_price;
};

/// What a sale's event says of the stock of an item.
struct FeedStock {
  std::string sku;
  std::int64_t units = 0;
  std::string currency;  ///< that it is sold in
};

/// One event of the feed, as far as figures need it.
struct FeedEvent {
  std::int64_t position = 0;
  EventType type = EventType::ping;
  TimePoint at{};
  std::string subject{};       ///< order or sale id
  std::int64_t change_no = 0;  ///< which change of its order or sale, from 1; 0: it is not counted
  bool is_rehearsal = false;
  std::string sale_id{};
  std::string customer_id{};
  std::string pseudonym{};  ///< what takes the customer's place
  std::vector<FeedLine> lines{};
  std::vector<FeedStock> stock{};
  std::string client_hash{};  ///< of the address that the order came from
  std::string card_hash{};    ///< of the card that it was paid with
};

struct FeedPage {
  std::vector<FeedEvent> events;
  std::int64_t next_after = 0;
  std::size_t unreadable = 0;  ///< events of a kind, or a form, that is not known here
};

/// The answer of `GET /admin/v1/events`. Empty: it is none.
[[nodiscard]] std::optional<FeedPage> parse_feed_page(std::string_view body);

}  // namespace flashsale::insight
