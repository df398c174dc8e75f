#include "sale_definition.hpp"

#include <algorithm>
#include <set>

#include "flashsale/model/identifier.hpp"
#include "flashsale/model/order.hpp"
#include "strict_json.hpp"

namespace flashsale::api {
namespace {

using nlohmann::json;

constexpr std::size_t kItemsMax = 1000;
constexpr std::int64_t kStockMax = 1'000'000'000;
constexpr std::int64_t kPriceMax = 1'000'000'000'000;
constexpr std::size_t kNameMax = 200;
constexpr std::size_t kReasonMax = 500;

/// The first thing found wrong with a body.
struct Fault {
  std::optional<ProblemType> problem;
  std::string detail;

  void malformed(std::string text) { set(ProblemType::malformed_request, std::move(text)); }
  void contradictory(std::string text) { set(ProblemType::invalid_definition, std::move(text)); }
  void unsupported(std::string text) { set(ProblemType::not_supported, std::move(text)); }

 private:
  void set(ProblemType type, std::string text) {
    if (problem) return;
    problem = type;
    detail = std::move(text);
  }
};

/// Reads the members of one object; whatever is wrong goes to the fault, and the default stays.
class ObjectReader {
 public:
  ObjectReader(const json& object, std::string path, Fault& fault)
      : object_(object), path_(std::move(path)), fault_(fault) {
    if (!object.is_object()) fault_.malformed(path_ + " must be an object");
  }

  [[nodiscard]] bool has(const char* name) {
    names_.insert(name);
    return object_.is_object() && object_.contains(name);
  }

  std::string text(const char* name) {
    if (!require(name)) return {};
    if (object_[name].is_string()) return object_[name].get<std::string>();
    fault_.malformed(at(name) + " must be a string");
    return {};
  }

  std::string label(const char* name, std::size_t most) {
    auto value = text(name);
    const bool printable = std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < ' '; });
    if (value.empty() || value.size() > most || !printable) {
      fault_.malformed(at(name) + " must have 1 to " + std::to_string(most) + " bytes without control characters");
    }
    return value;
  }

  std::string identifier(const char* name) {
    auto value = text(name);
    if (!is_valid_identifier(value)) {
      fault_.malformed(at(name) + " must be 1 to 64 of letters, digits, '.', '_' and '-', and begin with none of '.-'");
    }
    return value;
  }

  std::int64_t integer(const char* name, std::int64_t least, std::int64_t most) {
    if (!require(name)) return least;
    const auto& value = object_[name];
    const bool fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() || value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most)) &&
                      value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
    if (fits) return value.get<std::int64_t>();
    fault_.malformed(at(name) + " must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
    return least;
  }

  bool boolean(const char* name) {
    if (!require(name)) return false;
    if (object_[name].is_boolean()) return object_[name].get<bool>();
    fault_.malformed(at(name) + " must be true or false");
    return false;
  }

  TimePoint time(const char* name) {
    const auto parsed = parse_rfc3339(text(name));
    if (!parsed) fault_.malformed(at(name) + " must be a date-time as in RFC 3339");
    return parsed.value_or(TimePoint{});
  }

  const json& member(const char* name) {
    static const json nothing;
    return require(name) ? object_[name] : nothing;
  }

  /// Call last: what was not read is unknown.
  void refuse_unknown() {
    if (!object_.is_object()) return;
    for (const auto& [name, value] : object_.items()) {
      if (!names_.contains(name)) fault_.malformed(path_ + " has a member that is not known");
    }
  }

  [[nodiscard]] std::string at(std::string_view name) const {
    return path_ == "the body" ? std::string(name) : path_ + "." + std::string(name);
  }

 private:
  bool require(const char* name) {
    if (has(name)) return true;
    fault_.malformed(at(name) + " is missing");
    return false;
  }

  const json& object_;
  std::string path_;
  Fault& fault_;
  std::set<std::string, std::less<>> names_;
};

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

Item read_item(const json& value, const std::string& path, Fault& fault) {
  ObjectReader reader(value, path, fault);
  Item item;
  item.sku = reader.identifier("sku");
  item.name = reader.label("name", kNameMax);
  ObjectReader price(reader.member("price"), path + ".price", fault);
  item.price.amount = price.integer("amount", 0, kPriceMax);
  item.price.currency = price.text("currency");
  if (!is_valid_currency(item.price.currency)) {
    fault.malformed(price.at("currency") + " must be three capital letters as in ISO 4217");
  }
  price.refuse_unknown();
  item.stock = reader.integer("stock", 0, kStockMax);
  if (reader.has("limit_per_customer")) {
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

template <class Value>
ParsedBody<Value> finish(Value value, Fault fault) {
  return {std::move(value), fault.problem, std::move(fault.detail)};
}

json parse_body(std::string_view body, Fault& fault) {
  auto parsed = parse_strict_json(body);
  if (!parsed.error.empty()) fault.malformed(std::string(parsed.error));
  return std::move(parsed.value);
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
    sale.payment_window_s = static_cast<std::int32_t>(reader.integer("payment_window_s", 1, 604'800));
  }
  if (reader.has("rehearsal")) sale.rehearsal = reader.boolean("rehearsal");
  if (reader.has("queue")) sale.queue = read_queue(reader.member("queue"), fault);
  sale.items = read_items(reader.member("items"), fault);
  reader.refuse_unknown();
  if (sale.starts_at >= sale.ends_at) fault.contradictory("ends_at must be later than starts_at");
  return finish(std::move(sale), std::move(fault));
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
