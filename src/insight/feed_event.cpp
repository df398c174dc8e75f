#include "flashsale/insight/feed_event.hpp"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "flashsale/model/identifier.hpp"

namespace flashsale::insight {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kUnitsMax = 1'000'000'000;
constexpr std::int64_t kStockMax = 1'000'000'000'000;
constexpr std::int64_t kAmountMax = 1'000'000'000'000'000;  // of a line; thousands of such still fit into 64 bits
constexpr std::size_t kLinesMax = 1000;

const Json& member(const Json& json, const char* name) {
  static const Json none;
  const auto found = json.is_object() ? json.find(name) : json.end();
  return json.is_object() && found != json.end() ? *found : none;
}

std::string text_of(const Json& json, const char* name) {
  const auto& value = member(json, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::optional<std::int64_t> number_of(const Json& json, const char* name, std::int64_t most) {
  const auto& value = member(json, name);
  if (!value.is_number_integer()) return std::nullopt;
  const auto number = value.get<std::int64_t>();
  return number >= 0 && number <= most ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

bool read_lines(FeedEvent& event, const Json& data) {
  const auto& lines = member(data, "lines");
  if (!lines.is_array()) return true;  // a bare order: its row has gone
  if (lines.size() > kLinesMax) return false;
  for (const auto& line : lines) {
    const auto& price = member(line, "unit_price");
    const auto units = number_of(line, "quantity", kUnitsMax);
    const auto amount = number_of(price, "amount", kAmountMax);
    const auto currency = parse_currency(text_of(price, "currency"));
    auto sku = text_of(line, "sku");
    std::int64_t cost = 0;
    if (!units || !amount || __builtin_mul_overflow(*units, *amount, &cost) || cost > kAmountMax) return false;
    if (!currency || !is_valid_identifier(sku)) return false;
    event.lines.push_back({std::move(sku), *units, {*amount, *currency}});
  }
  return true;
}

bool read_order(FeedEvent& event, const Json& data) {
  event.sale_id = text_of(data, "sale_id");
  event.customer_id = text_of(data, "customer_id");
  event.client_hash = text_of(data, "client_hash");
  event.card_hash = text_of(member(data, "payment"), "card_hash");
  return (event.sale_id.empty() || is_valid_identifier(event.sale_id)) && read_lines(event, data);
}

bool read_sale(FeedEvent& event, const Json& data) {
  event.sale_id = event.subject;
  const auto& items = member(data, "items");
  if (!is_valid_identifier(event.sale_id) || !items.is_array() || items.size() > kLinesMax) return false;
  for (const auto& item : items) {
    const auto stock = number_of(item, "stock", kStockMax);
    const auto currency = parse_currency(text_of(member(item, "price"), "currency"));
    auto sku = text_of(item, "sku");
    if (!stock || !currency || !is_valid_identifier(sku)) return false;
    event.stock.push_back({std::move(sku), *stock, *currency});
  }
  return true;
}

std::optional<FeedEvent> read_event(const Json& json) {
  const auto type = parse_event_type(text_of(json, "type"));
  const auto at = parse_rfc3339(text_of(json, "time"));
  const auto position = whole_number(text_of(json, "sequence"));
  if (!type || !at || !position) return std::nullopt;
  FeedEvent event{.position = *position, .type = *type, .at = *at, .subject = text_of(json, "subject")};
  const auto id = text_of(json, "id");
  event.change_no = whole_number(std::string_view(id).substr(id.rfind('/') + 1)).value_or(0);
  const auto& data = member(json, "data");
  event.is_rehearsal = member(data, "rehearsal") == Json(true);
  if (is_of_an_order(*type) && !read_order(event, data)) return std::nullopt;
  if (is_of_a_sale(*type) && !read_sale(event, data)) return std::nullopt;
  if (*type == EventType::customer_erased) {
    event.customer_id = text_of(data, "customer_id");
    event.pseudonym = text_of(data, "pseudonym");
  }
  return event;
}

}  // namespace

std::optional<FeedPage> parse_feed_page(std::string_view body) {
  const auto json = Json::parse(body, nullptr, false);
  const auto& events = member(json, "events");
  const auto next_after = number_of(json, "next_after", std::numeric_limits<std::int64_t>::max());
  if (!events.is_array() || !next_after) return std::nullopt;
  FeedPage page;
  page.next_after = *next_after;
  page.events.reserve(events.size());
  for (const auto& event : events) {
    if (auto read = read_event(event)) page.events.push_back(std::move(*read));
    else ++page.unreadable;
  }
  return page;
}

}  // namespace flashsale::insight
