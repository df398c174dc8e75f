#include "payment_notice.hpp"

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

PaymentNotice malformed(std::string detail) {
  return {std::nullopt, ProblemType::malformed_request, std::move(detail)};
}

/// Empty: missing, or not a text of 1 to `most` visible characters.
std::string text_of(const json& object, const char* name, std::size_t most) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  auto text = found->get<std::string>();
  for (const char c : text) {
    if (c <= ' ' || c == '\x7f') return {};
  }
  return text.size() <= most ? text : std::string();
}

std::optional<std::int64_t> amount_of(const json& object) {
  const auto found = object.find("amount");
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  const bool fits = !found->is_number_unsigned() ||
                    found->get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()};
  if (!fits || found->get<std::int64_t>() < 0) return std::nullopt;
  return found->get<std::int64_t>();
}

PaymentNotice read_data(const json& data, bool succeeded) {
  PaymentEvent event;
  event.succeeded = succeeded;
  const auto id = OrderId::parse(text_of(data, "order_id", 36));
  if (!id) return malformed("data.order_id must be an order's id");
  event.order_id = *id;
  event.payment_id = text_of(data, "payment_id", kPaymentIdMax);
  event.paid.currency = text_of(data, "currency", 3);
  const auto amount = amount_of(data);
  event.paid.amount = amount.value_or(0);
  if (!succeeded) return {std::move(event), std::nullopt, {}};
  if (event.payment_id.empty()) return malformed("data.payment_id must be a text of 1 to 255 visible characters");
  if (!is_valid_currency(event.paid.currency)) return malformed("data.currency must be three capital letters");
  if (!amount) return malformed("data.amount must be an integer of minor units, not negative");
  return {std::move(event), std::nullopt, {}};
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
