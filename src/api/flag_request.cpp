#include "flag_request.hpp"

#include <algorithm>
#include <set>

#include "flashsale/model/identifier.hpp"
#include "json_body.hpp"

namespace flashsale::api {
namespace {

constexpr std::size_t kSalesMax = 1000;

bool is_sale_id(const nlohmann::json& value) {
  return value.is_string() && is_valid_identifier(value.get_ref<const std::string&>());
}

/// In order, each once.
std::vector<std::string> read_sales(const nlohmann::json& value, Fault& fault) {
  if (value.is_null()) return {};
  if (!value.is_array() || value.empty() || value.size() > kSalesMax || !std::ranges::all_of(value, is_sale_id)) {
    fault.malformed("sales must be an array of 1 to " + std::to_string(kSalesMax) +
                    " ids of sales; left out, the setting is for all");
    return {};
  }
  const auto ids = value.get<std::set<std::string>>();
  return {ids.begin(), ids.end()};
}

}  // namespace

FlagBody parse_flag_body(std::string_view body) {
  Fault fault;
  const auto json = parse_body(body, fault);
  ObjectReader reader(json, "the body", fault);
  Flag flag;
  flag.enabled = reader.boolean("enabled");
  if (reader.has("percent")) flag.percent = static_cast<std::int32_t>(reader.integer("percent", 0, 100));
  if (reader.has("sales")) flag.sales = read_sales(reader.member("sales"), fault);
  reader.refuse_unknown();
  return {std::move(flag), fault.problem, std::move(fault.detail)};
}

}  // namespace flashsale::api
