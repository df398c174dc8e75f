#include "flashsale/events/event.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "flashsale/model/check.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "flashsale/model/order_json.hpp"

namespace flashsale::events {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kTypePrefix = "flashsale.";

Json payload_of(const postgres::EventRow& row) {
  auto json = Json::parse(row.payload, nullptr, false);
  return json.is_object() ? json : Json::object();
}

std::string text_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

template <class Number>
Number number_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<Number>() : Number{};
}

/// The try that was refused, whose row a later one may have taken.
void take_refused_try(Order& order, const Json& payload) {
  if (const auto at = parse_rfc3339(text_of(payload, "created_at"))) order.created_at = *at;
  const auto lines = payload.find("lines");
  if (lines == payload.end() || !lines->is_array() || lines->empty() || lines->size() > kMaxOrderLines) return;
  order.lines.clear();
  for (const auto& line : *lines)
    order.lines.push_back({number_of<std::int32_t>(line, "item_no"), number_of<std::int32_t>(line, "quantity")});
}

void append_refund(std::string& out, const Json& payload) {
  append_member(out, "refund");
  out += '{';
  append_text(out, "payment_id", text_of(payload, "payment_id"));
  const auto paid = payload.value("paid", Json::object());
  append_money(out, "amount", number_of<std::int64_t>(paid, "amount"), text_of(paid, "currency"));
  append_text(out, "reason", text_of(payload, "reason"));
  out += '}';
}

/// An order whose row is not there, or says nothing to this sale any more.
std::string bare_order(const postgres::EventRow& row, const std::string& order_id, const Sale* sale) {
  std::string out = "{";
  append_text(out, "id", order_id);
  if (sale != nullptr) append_text(out, "sale_id", sale->id);
  if (sale != nullptr && sale->rehearsal) append_rehearsal(out);
  if (row.type != EventType::order_refund_required)
    append_text(out, "status", to_string(static_cast<OrderStatus>(row.type)));
  else append_member(out, "refund_required"), out += "true";
  return out + "}";
}

/// Where the order came from, and what it was paid with.
void append_origins(std::string& out, const postgres::EventRow& row) {
  if (!row.client_hash.empty()) append_text(out, "client_hash", row.client_hash);
  if (row.card_hash.empty()) return;
  append_member(out, "payment");
  out += '{';
  append_text(out, "card_hash", row.card_hash);
  out += '}';
}

std::string order_document(const postgres::EventRow& row, const Json& payload, const std::string& order_id,
                           const Sale* sale) {
  std::string out;
  if (row.order && sale != nullptr) {
    Order order = *row.order;
    if (row.type == EventType::order_rejected) take_refused_try(order, payload);
    if (row.type == EventType::order_refund_required)
      order.status = static_cast<OrderStatus>(number_of<int>(payload, "status"));
    if (!append_order(out, order, *sale, OrderAudience::admin)) out.clear();
  }
  if (out.empty()) out = bare_order(row, order_id, sale);
  out.pop_back();
  if (row.type == EventType::order_refund_required) append_refund(out, payload);
  append_origins(out, row);
  return out + "}";
}

/// AMQP takes ids of 255 bytes: a long one is named by its SHA-256.
std::string short_form(const std::string& payment_id) {
  constexpr std::size_t kPaymentIdMax = 128;
  if (payment_id.size() <= kPaymentIdMax) return payment_id;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  FLASHSALE_CHECK(EVP_Digest(payment_id.data(), payment_id.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  std::string text = "sha256-";
  for (unsigned i = 0; i < size; ++i) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", digest[i]);
    text += hex;
  }
  return text;
}

void render_order(Event& event, const postgres::EventRow& row, const Sale* sale) {
  const auto payload = row.payload.empty() ? Json::object() : payload_of(row);
  const auto order_id = row.order_id ? row.order_id->to_string() : text_of(payload, "order_id");
  event.subject = event.partition_key = order_id;
  // Money can come for an order that is not there, and has no changes to count then.
  event.id = row.order_id ? order_id + '/' + std::to_string(row.change_no)
                          : order_id + "/refund/" + short_form(text_of(payload, "payment_id"));
  event.data = order_document(row, payload, order_id, sale);
}

/// Of what is neither an order nor a sale: the member of its data that says whom it is about.
std::string about(const postgres::EventRow& row) {
  const auto payload = payload_of(row);
  return text_of(payload, row.type == EventType::customer_erased ? "pseudonym" : "webhook_id");
}

}  // namespace

Event render(const postgres::EventRow& row, const Sale* sale) {
  Event event;
  event.position = row.position;
  event.type = row.type;
  event.time = format_rfc3339(row.at);
  if (sale != nullptr) event.sale_id = sale->id;
  event.traceparent = row.traceparent;
  if (is_of_an_order(row.type)) {
    render_order(event, row, sale);
    return event;
  }
  event.data = row.payload.empty() ? "{}" : row.payload;
  if (is_of_a_sale(row.type)) {
    event.subject = sale != nullptr ? sale->id : text_of(payload_of(row), "id");
    event.id = event.subject + '/' + std::to_string(row.change_no);
  } else {
    event.subject = about(row);
    event.id = event.subject + '/' + std::to_string(row.sale_no) + '-' + std::to_string(row.row_no);
  }
  event.partition_key = event.subject;
  return event;
}

std::string sequence_of(std::int64_t position) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%020lld", static_cast<long long>(position));
  return digits;
}

std::string data_schema_of(EventType type) {
  return std::string("urn:flashsaled:schema:").append(to_string(type).substr(kTypePrefix.size())).append(":1");
}

void append_cloud_event(std::string& out, const Event& event, std::string_view source) {
  out += '{';
  append_text(out, "specversion", "1.0");
  append_text(out, "id", event.id);
  append_text(out, "source", source);
  append_text(out, "type", to_string(event.type));
  append_text(out, "subject", event.subject);
  append_text(out, "time", event.time);
  append_text(out, "datacontenttype", "application/json");
  append_text(out, "dataschema", data_schema_of(event.type));
  append_text(out, "sequence", sequence_of(event.position));
  append_text(out, "partitionkey", event.partition_key);
  if (!event.traceparent.empty()) append_text(out, "traceparent", event.traceparent);
  append_member(out, "data");
  out += event.data;
  out += '}';
}

}  // namespace flashsale::events
