#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "json_body.hpp"

/// Bodies of the admin API that are about sales and orders.
namespace flashsale::api {

[[nodiscard]] ParsedBody<Sale> parse_sale_definition(std::string_view body);
/// What a merchant may not have meant, one sentence each.
[[nodiscard]] std::vector<std::string> warnings_about(const Sale& sale);
[[nodiscard]] ParsedBody<postgres::SalePatch> parse_sale_patch(std::string_view body);
/// `{"add": n}`, n not 0.
[[nodiscard]] ParsedBody<std::int64_t> parse_stock_change(std::string_view body);
/// `{"reason": "…"}`; an empty body has no reason.
[[nodiscard]] ParsedBody<std::string> parse_cancellation(std::string_view body);

}  // namespace flashsale::api
