#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/api/problem.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/sale_repository.hpp"

/// Bodies of the admin API: what was asked for, or the problem and a sentence that names the member at fault.
namespace flashsale::api {

template <class Value>
struct ParsedBody {
  Value value;
  std::optional<ProblemType> problem;
  std::string detail;
};

[[nodiscard]] ParsedBody<Sale> parse_sale_definition(std::string_view body);
[[nodiscard]] ParsedBody<postgres::SalePatch> parse_sale_patch(std::string_view body);
/// `{"add": n}`, n not 0.
[[nodiscard]] ParsedBody<std::int64_t> parse_stock_change(std::string_view body);
/// `{"reason": "…"}`; an empty body has no reason.
[[nodiscard]] ParsedBody<std::string> parse_cancellation(std::string_view body);

}  // namespace flashsale::api
