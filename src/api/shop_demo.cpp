#include "shop_demo.hpp"

#include <optional>
#include <random>
#include <string>

#include "caller.hpp"
#include "flashsale/identity/client_address.hpp"
#include "flashsale/identity/loopback_address.hpp"
#include "flashsale/identity/webhook_signature.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/order_id.hpp"
#include "json_body.hpp"
#include "strict_json.hpp"

namespace flashsale::api {
namespace {

constexpr std::string_view kCustomerPrefix = "demo-";
constexpr std::chrono::hours kTokenLife{12};
constexpr std::size_t kBodyBytesMax = 512;
constexpr std::string_view kHeaders = "Cache-Control: no-store\r\n";

std::string random_hex() {
  std::random_device random;
  std::string text;
  for (int i = 0; i < 4; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (auto bits = random(), digit = 0U; digit < 8; ++digit, bits >>= 4) text += kDigits[bits & 15];
  }
  return text;
}

struct DemoPayment {
  OrderId order_id;
  std::int64_t amount = 0;
  std::string currency;
  bool succeeds = false;
};

/// Empty: not of that form.
std::optional<DemoPayment> read_payment(std::string_view body) {
  if (body.size() > kBodyBytesMax) return std::nullopt;
  const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("order_id") || !json["order_id"].is_string()) return std::nullopt;
  if (!json.contains("amount") || !json["amount"].is_number_unsigned()) return std::nullopt;
  if (!json.contains("currency") || !json["currency"].is_string()) return std::nullopt;
  if (!json.contains("succeeds") || !json["succeeds"].is_boolean()) return std::nullopt;
  const auto id = OrderId::parse(json["order_id"].get<std::string>());
  if (!id || !id->is_derived()) return std::nullopt;
  return DemoPayment{*id, json["amount"].get<std::int64_t>(), json["currency"].get<std::string>(),
                     json["succeeds"].get<bool>()};
}

/// The provider's words of one attempt to pay.
std::string notice_of(const DemoPayment& payment, const std::string& attempt) {
  std::string notice = "{";
  append_text(notice, "type", payment.succeeds ? "payment.succeeded" : "payment.failed");
  append_member(notice, "data");
  notice += '{';
  append_text(notice, "order_id", payment.order_id.to_string());
  append_number(notice, "amount", payment.amount);
  append_text(notice, "currency", payment.currency);
  append_text(notice, "payment_id", "demo-" + attempt);
  return notice += "}}";
}

}  // namespace

void ShopDemo::add_routes(Routes& routes) {
  routes.push_back({Method::post, "/shop/demo/token", [this](Exchange& exchange) { give_token(exchange); }});
  if (options_.demo_webhook_secret.empty()) return;
  routes.push_back({Method::post, "/shop/demo/payments", [this](Exchange& exchange) { sign_payment(exchange); }});
}

/// To everybody else there is no such path. A tunnel has its client on this machine, and a stranger's page can be given
/// a name that leads here: both ask for another host.
bool ShopDemo::is_from_here(Exchange& exchange) {
  const auto& request = exchange.request();
  const bool is_here = identity::is_from_loopback(request.peer_address, request.header(Header::forwarded_for)) &&
                       identity::is_loopback_host(request.header(Header::host));
  if (is_here) return true;
  reply_problem(exchange, ProblemType::not_found, "there is nothing at this path");
  return false;
}

void ShopDemo::give_token(Exchange& exchange) {
  if (!is_from_here(exchange)) return;
  const auto customer = std::string(kCustomerPrefix) + random_hex();
  std::string body = "{";
  append_text(body, "customer_id", customer);
  append_text(body, "token",
              identity::make_token(options_.tokens, customer, std::chrono::system_clock::now(), kTokenLife));
  body += '}';
  exchange.reply({201, "application/json", body, kHeaders});
}

/// For an order of the demo's own buyers; the page then sends it as the provider would.
void ShopDemo::sign_payment(Exchange& exchange) {
  if (!is_from_here(exchange)) return;
  const auto customer = identify_customer(exchange, process_, thread_.tokens);
  if (!customer) return;
  if (!has_json_body(exchange)) return;
  const auto payment = read_payment(exchange.request().body);
  if (!payment) return reply_problem(exchange, ProblemType::malformed_request, "order_id, amount, currency, succeeds");
  const auto& snapshot = *thread_.catalog.snapshot();
  if (!customer->starts_with(kCustomerPrefix) || !payment->order_id.is_of(snapshot.order_salt, *customer)) {
    return reply_problem(exchange, ProblemType::not_found, "there is no such order of this buyer");
  }
  const auto attempt = random_hex();
  const auto notice = notice_of(*payment, attempt);
  const auto now = snapshot.clock.latest(std::chrono::steady_clock::now());
  const auto timestamp =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  const auto key = identity::parse_webhook_secret(options_.demo_webhook_secret);
  if (!key) return reply_problem(exchange, ProblemType::unavailable, "the demo has no provider");
  std::string body = "{";
  append_text(body, "webhook_id", "demo_" + attempt);
  append_text(body, "webhook_timestamp", timestamp);
  append_text(
      body, "webhook_signature",
      "v1," + identity::webhook_signature(*key, identity::webhook_content("demo_" + attempt, timestamp, notice)));
  append_text(body, "body", notice);
  body += '}';
  exchange.reply({200, "application/json", body, kHeaders});
}

}  // namespace flashsale::api
