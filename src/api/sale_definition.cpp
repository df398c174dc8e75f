#include "sale_definition.hpp"

#include <algorithm>
#include <set>

#include "flashsale/model/identifier.hpp"
#include "flashsale/model/order.hpp"

namespace flashsale::api {
namespace {

using nlohmann::json;

constexpr std::size_t kItemsMax = 1000;
constexpr std::int64_t kStockMax = 1'000'000'000;
constexpr std::int64_t kPriceMax = 1'000'000'000'000;
constexpr std::size_t kNameMax = 200;
/// The setting payments.window_max_s allows no more.
constexpr std::int64_t kPaymentWindowMaxS = 604'800;
constexpr std::int64_t kOrdersPerCustomerMax = 1'000'000;
/// Units of one order where neither the sale nor any limit of its items allows more.
constexpr std::int32_t kQuantityPerOrder = 100;
constexpr std::int64_t kPaymentAttemptsMax = 100;
constexpr std::size_t kReasonMax = 200;

QueueSettings read_queue(const json& value, Fault& fault) {
  ObjectReader reader(value, "queue", fault);
  QueueSettings queue;
  if (reader.has("enabled")) queue.enabled = reader.boolean("enabled");
  if (reader.has("rate_per_s"))
    queue.rate_per_s = static_cast<std::int32_t>(reader.integer("rate_per_s", 1, 1'000'000));
  if (reader.has("prequeue_s")) queue.prequeue_s = static_cast<std::int32_t>(reader.integer("prequeue_s", 0, 604'800));
  reader.refuse_unknown();
  if (queue.enabled) fault.unsupported("the waiting room is not served by this version: queue.enabled must be false");
  return queue;
}

CancellableUntil read_cancellation(const json& value, Fault& fault) {
  ObjectReader reader(value, "cancellation", fault);
  const auto until = parse_cancellable_until(reader.text("until"));
  if (!until) fault.malformed("cancellation.until must be paid, closed or never");
  reader.refuse_unknown();
  return until.value_or(CancellableUntil::closed);
}

/// A new sale opens by the clock, or waits until its merchant makes it public.
bool read_is_draft(const std::string& state, Fault& fault) {
  if (state != "draft" && state != "scheduled") fault.malformed("state of a new sale must be draft or scheduled");
  return state == "draft";
}

Item read_item(const json& value, const std::string& path, Fault& fault) {
  ObjectReader reader(value, path, fault);
  Item item;
  item.sku = reader.identifier("sku");
  item.name = reader.label("name", kNameMax);
  ObjectReader price(reader.member("price"), path + ".price", fault);
  item.price.amount = price.integer("amount", 0, kPriceMax);
  const auto currency = parse_currency(price.text("currency"));
  if (!currency) fault.malformed(price.at("currency") + " must be three letters as in ISO 4217");
  item.price.currency = currency.value_or("");
  price.refuse_unknown();
  item.stock = reader.integer("stock", 0, kStockMax);
  if (!reader.has("limit_per_customer")) {
    // What is left out must not mean that the first one may take all.
    fault.malformed(reader.at("limit_per_customer") +
                    " is missing: how many units one customer may hold; 0 says that there is no limit");
  } else {
    item.limit_per_customer = static_cast<std::int32_t>(reader.integer("limit_per_customer", 0, kMaxOrderQuantity));
  }
  reader.refuse_unknown();
  return item;
}

std::vector<Item> read_items(const json& value, Fault& fault) {
  std::vector<Item> items;
  if (!value.is_array() || value.empty() || value.size() > kItemsMax) {
    fault.malformed("items must be an array of 1 to " + std::to_string(kItemsMax));
    return items;
  }
  std::set<std::string> skus;
  for (const auto& element : value) {
    auto item = read_item(element, "items[" + std::to_string(items.size()) + "]", fault);
    if (!skus.insert(item.sku).second) fault.contradictory("items has the sku " + item.sku + " twice");
    items.push_back(std::move(item));
  }
  return items;
}

/// Whoever may hold more than the usual most of an item may order it at once.
std::int32_t quantity_per_order(const std::vector<Item>& items) {
  std::int32_t most = kQuantityPerOrder;
  for (const auto& item : items) most = std::max(most, item.limit_per_customer);
  return most;
}

}  // namespace

ParsedBody<Sale> parse_sale_definition(std::string_view body) {
  Fault fault;
  const auto json = parse_body(body, fault);
  ObjectReader reader(json, "the body", fault);
  Sale sale;
  sale.id = reader.identifier("id");
  sale.name = reader.label("name", kNameMax);
  sale.starts_at = reader.time("starts_at");
  sale.ends_at = reader.time("ends_at");
  if (reader.has("payment")) {
    const auto mode = parse_payment_mode(reader.text("payment"));
    if (!mode) fault.malformed("payment must be none or required");
    sale.payment = mode.value_or(PaymentMode::none);
  }
  if (reader.has("payment_window_s")) {
    sale.payment_window_s = static_cast<std::int32_t>(reader.integer("payment_window_s", 1, kPaymentWindowMaxS));
  }
  if (reader.has("payment_attempts")) {
    sale.payment_attempts = static_cast<std::int32_t>(reader.integer("payment_attempts", 1, kPaymentAttemptsMax));
  }
  if (reader.has("cancellation")) sale.cancellation = read_cancellation(reader.member("cancellation"), fault);
  if (reader.has("state")) sale.is_draft = read_is_draft(reader.text("state"), fault);
  if (sale.is_draft) sale.state = SaleState::paused;
  if (reader.has("rehearsal")) sale.rehearsal = reader.boolean("rehearsal");
  if (reader.has("queue")) sale.queue = read_queue(reader.member("queue"), fault);
  if (reader.has("max_orders_per_customer")) {
    sale.max_orders_per_customer =
        static_cast<std::int32_t>(reader.integer("max_orders_per_customer", 1, kOrdersPerCustomerMax));
  }
  sale.items = read_items(reader.member("items"), fault);
  sale.max_quantity_per_order = quantity_per_order(sale.items);
  if (reader.has("max_quantity_per_order")) {
    sale.max_quantity_per_order =
        static_cast<std::int32_t>(reader.integer("max_quantity_per_order", 1, kMaxOrderQuantity));
  }
  reader.refuse_unknown();
  if (sale.starts_at >= sale.ends_at) fault.contradictory("ends_at must be later than starts_at");
  return finish(std::move(sale), std::move(fault));
}

std::vector<std::string> warnings_about(const Sale& sale) {
  std::vector<std::string> warnings;
  for (const auto& item : sale.items) {
    if (item.limit_per_customer > 0) continue;
    warnings.push_back("the item " + item.sku + " has limit_per_customer 0: one customer may take every unit of it");
  }
  return warnings;
}

ParsedBody<postgres::SalePatch> parse_sale_patch(std::string_view body) {
  Fault fault;
  const auto json = parse_body(body, fault);
  ObjectReader reader(json, "the body", fault);
  postgres::SalePatch patch;
  if (reader.has("name")) patch.name = reader.label("name", kNameMax);
  if (reader.has("state")) {
    patch.state = parse_sale_state(reader.text("state"));
    if (!patch.state) fault.malformed("state must be scheduled, open, paused or closed");
  }
  if (reader.has("starts_at")) patch.starts_at = reader.time("starts_at");
  if (reader.has("ends_at")) patch.ends_at = reader.time("ends_at");
  if (reader.has("queue")) patch.queue = read_queue(reader.member("queue"), fault);
  if (reader.has("cancellation")) patch.cancellation = read_cancellation(reader.member("cancellation"), fault);
  reader.refuse_unknown();
  if (json.is_object() && json.empty()) fault.malformed("the body has nothing to change");
  return finish(std::move(patch), std::move(fault));
}

ParsedBody<std::int64_t> parse_stock_change(std::string_view body) {
  Fault fault;
  const auto json = parse_body(body, fault);
  ObjectReader reader(json, "the body", fault);
  const auto units = reader.integer("add", -kStockMax, kStockMax);
  reader.refuse_unknown();
  if (!fault.problem && units == 0) fault.malformed("add must not be 0");
  return finish(units, std::move(fault));
}

ParsedBody<std::string> parse_cancellation(std::string_view body) {
  Fault fault;
  if (body.empty()) return finish(std::string{}, std::move(fault));
  const auto json = parse_body(body, fault);
  ObjectReader reader(json, "the body", fault);
  auto reason = reader.has("reason") ? reader.label("reason", kReasonMax) : std::string{};
  reader.refuse_unknown();
  return finish(std::move(reason), std::move(fault));
}

}  // namespace flashsale::api
