// Whatever a buyer may send as the body of a checkout and in the header fields beside it. The quick scanner of bodies
// must take and refuse exactly what the general parser does, which is asked here directly.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "api/order_request.hpp"
#include "api/strict_json.hpp"
#include "flashsale/model/check.hpp"
#include "flashsale/model/identifier.hpp"
#include "flashsale/model/order.hpp"

namespace flashsale::api {
namespace {

using Json = nlohmann::json;

std::size_t depth_of(const Json& value) {
  if (!value.is_structured()) return 0;
  std::size_t deepest = 0;
  for (const Json& element : value) deepest = std::max(deepest, depth_of(element));
  return deepest + 1;
}

StrictJson checked_strict_json(std::string_view text) {
  StrictJson strict = parse_strict_json(text);
  if (!strict.error.empty()) return strict;
  FLASHSALE_CHECK(is_valid_utf8(text) && text.find('\0') == std::string_view::npos);
  FLASHSALE_CHECK(strict.value == Json::parse(text, nullptr, false));
  FLASHSALE_CHECK(depth_of(strict.value) <= 16);
  return strict;
}

enum class LineKind : std::uint8_t { none, of_bad_quantity, good };

LineKind kind_of_line(const Json& json) {
  const bool is_line = json.is_object() && json.size() == 2 && json.contains("sku") && json["sku"].is_string() &&
                       json.contains("quantity") && json["quantity"].is_number_integer();
  if (!is_line) return LineKind::none;
  // The double tells a huge unsigned number from a negative one.
  const auto quantity = json["quantity"].get<double>();
  const bool is_good = quantity >= 1 && quantity <= static_cast<double>(kMaxOrderQuantity);
  return is_good ? LineKind::good : LineKind::of_bad_quantity;
}

/// The lines that a body asks for, in either form; empty when it has neither.
Json lines_of(const Json& json) {
  if (!json.is_object()) return Json::array();
  if (!json.contains("lines")) return Json::array({json});
  const Json& lines = json["lines"];
  const bool is_cart = json.size() == 1 && lines.is_array() && lines.size() <= kMaxOrderLines;
  return is_cart ? lines : Json::array();
}

void test_body(std::string_view text) {
  const OrderBody body = parse_order_body(text);
  const StrictJson strict = checked_strict_json(text);
  const Json lines = strict.error.empty() ? lines_of(strict.value) : Json::array();
  const auto has_kind = [](LineKind kind) { return [kind](const Json& line) { return kind_of_line(line) == kind; }; };
  std::set<std::string> skus;
  for (const Json& line : lines) {
    if (kind_of_line(line) != LineKind::none) skus.insert(line["sku"].get<std::string>());
  }
  const bool is_read = text.size() <= kOrderBodyBytesMax;
  const bool is_good =
      is_read && !lines.empty() && std::ranges::all_of(lines, has_kind(LineKind::good)) && skus.size() == lines.size();
  FLASHSALE_CHECK(is_good != body.problem.has_value());
  if (!is_good) {
    FLASHSALE_CHECK(!body.detail.empty());
    const bool is_one = is_read && lines.size() == 1 && kind_of_line(lines[0]) == LineKind::of_bad_quantity;
    FLASHSALE_CHECK(!is_one || body.problem == ProblemType::invalid_quantity);
    return;
  }
  FLASHSALE_CHECK(body.lines.size() == lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    FLASHSALE_CHECK(body.lines[i].sku == lines[i]["sku"].get<std::string>());
    FLASHSALE_CHECK(body.lines[i].quantity == lines[i]["quantity"].get<std::int64_t>());
  }
}

void test_idempotency_key(std::string_view header) {
  const std::string_view key = parse_idempotency_key(header);
  if (key.empty()) return;
  FLASHSALE_CHECK(key.data() >= header.data() && key.data() + key.size() <= header.data() + header.size());
  FLASHSALE_CHECK(key.size() <= 255);
  FLASHSALE_CHECK(std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7f'; }));
  if (key.starts_with('"')) return;
  FLASHSALE_CHECK(parse_idempotency_key(key) == key);
  FLASHSALE_CHECK(parse_idempotency_key(" \"" + std::string(key) + "\"\t") == key);
}

/// The preferences of a list are those of its elements; of one that stands twice the first counts.
void test_prefer(std::string_view header) {
  const Preference all = parse_prefer(header);
  Preference joined;
  for (std::string_view rest = header; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const Preference one = parse_prefer(rest.substr(0, comma));
    joined.respond_async = joined.respond_async || one.respond_async;
    if (!joined.wait) joined.wait = one.wait;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  FLASHSALE_CHECK(all.respond_async == joined.respond_async);
  FLASHSALE_CHECK(all.wait == joined.wait);
  FLASHSALE_CHECK(!all.wait || (all.wait->count() >= 0 && header.find('=') != std::string_view::npos));
}

void test(std::string_view text) {
  test_body(text);
  test_idempotency_key(text);
  test_prefer(text);
  FLASHSALE_CHECK(!is_json(text) || text.size() >= std::string_view("application/json").size());
}

}  // namespace
}  // namespace flashsale::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flashsale::api::test({reinterpret_cast<const char*>(data), size});
  return 0;
}
