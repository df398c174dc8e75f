#include "payment_notice.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "flashsale/model/identifier.hpp"
#include "strict_json.hpp"

namespace flashsale::api {
namespace {

using nlohmann::json;

constexpr std::size_t kPaymentIdMax = 255;
/// Providers tell much of which nothing is read here.
constexpr JsonBounds kNoticeBounds{.values_max = 4096};
constexpr std::size_t kForeignIdMax = 255;
constexpr std::size_t kCardFingerprintMax = 128;

PaymentNotice malformed(std::string detail) {
  PaymentNotice notice;
  notice.problem = ProblemType::malformed_request;
  notice.detail = std::move(detail);
  return notice;
}

/// Empty: missing, or not a text of 1 to `characters_max` characters, none of them a space or a control character.
std::string text_of(const json& object, const char* name, std::size_t characters_max) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  auto text = found->get<std::string>();
  const bool is_visible = is_valid_text(text, characters_max) && text.find(' ') == std::string::npos;
  return is_visible ? text : std::string();
}

std::optional<std::int64_t> amount_of(const json& object) {
  const auto found = object.find("amount");
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  const bool fits = !found->is_number_unsigned() ||
                    found->get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()};
  if (!fits || found->get<std::int64_t>() < 0) return std::nullopt;
  return found->get<std::int64_t>();
}

/// An order's id as this system makes them (PROTOCOL R18).
std::optional<OrderId> order_id_of(const json& data) {
  const auto id = OrderId::parse(text_of(data, "order_id", 36));
  return id && id->is_derived() ? id : std::nullopt;
}

/// What stands in the id's place, as text of visible characters.
std::string foreign_id_of(const json& data) {
  const auto& id = data.at("order_id");
  auto text = text_of(data, "order_id", kForeignIdMax);
  if (!text.empty()) return text;
  // As JSON in ASCII, so that no character is cut.
  return id.dump(-1, ' ', /*ensure_ascii=*/true).substr(0, kForeignIdMax);
}

PaymentNotice read_foreign(const json& data, bool succeeded) {
  ForeignPayment payment;
  payment.succeeded = succeeded;
  payment.order_id = foreign_id_of(data);
  payment.payment_id = text_of(data, "payment_id", kPaymentIdMax);
  payment.paid = {amount_of(data).value_or(0), parse_currency(text_of(data, "currency", 3)).value_or("")};
  PaymentNotice notice;
  notice.foreign = std::move(payment);
  return notice;
}

/// Empty: there is none, or what stands there is none. Nobody's payment is refused because of it.
std::string card_fingerprint_of(const json& data) {
  const auto found = data.find("card_fingerprint");
  if (found == data.end() || !found->is_string()) return {};
  auto text = found->get<std::string>();
  const bool is_printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  return is_printable && text.size() <= kCardFingerprintMax ? text : std::string();
}

PaymentNotice of_event(PaymentEvent event, std::string card_fingerprint) {
  PaymentNotice notice;
  notice.event = std::move(event);
  notice.card_fingerprint = std::move(card_fingerprint);
  return notice;
}

PaymentNotice read_data(const json& data, bool succeeded) {
  if (!data.contains("order_id")) return malformed("data.order_id is missing");
  const auto id = order_id_of(data);
  if (!id) return read_foreign(data, succeeded);
  PaymentEvent event;
  event.succeeded = succeeded;
  event.order_id = *id;
  event.payment_id = text_of(data, "payment_id", kPaymentIdMax);
  const auto currency = parse_currency(text_of(data, "currency", 3));
  event.paid.currency = currency.value_or("");
  const auto amount = amount_of(data);
  event.paid.amount = amount.value_or(0);
  auto card = card_fingerprint_of(data);
  if (!succeeded) return of_event(std::move(event), std::move(card));
  if (event.payment_id.empty()) return malformed("data.payment_id must be a text of 1 to 255 visible characters");
  if (!currency) return malformed("data.currency must be three letters");
  if (!amount) return malformed("data.amount must be an integer of minor units, not negative");
  return of_event(std::move(event), std::move(card));
}

}  // namespace

PaymentNotice parse_payment_notice(std::string_view body) {
  const auto parsed = parse_strict_json(body, kNoticeBounds);
  if (!parsed.error.empty()) return malformed(std::string(parsed.error));
  const auto& json = parsed.value;
  if (!json.is_object()) return malformed("the body must be a JSON object");
  const auto type = text_of(json, "type", 255);
  if (type.empty()) return malformed("type must be a text");
  if (type != "payment.succeeded" && type != "payment.failed") return {};
  const auto data = json.find("data");
  if (data == json.end() || !data->is_object()) return malformed("data must be an object");
  return read_data(*data, type == "payment.succeeded");
}

}  // namespace flashsale::api
