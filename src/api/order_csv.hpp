#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"

/// Orders as CSV (RFC 4180): lines end with CRLF, the first names the columns.
namespace flashsale::api {

/// Whole, with its line end.
inline constexpr std::string_view kOrderCsvHeader =
    "order_id,sale_id,customer_id,sku,quantity,unit_price,currency,total,status,created_at,expires_at,reason\r\n";

/// A record for each line of the order, whose total is the line's. Amounts in minor units, times in UTC; what an order
/// does not have is empty. An item that the sale does not have has no SKU and no price.
/// With `scores`, by customer, one column more: kBehaviourCsvColumn, empty of whom nothing is told.
using BehaviourScores = std::unordered_map<std::string, int>;
inline constexpr std::string_view kBehaviourCsvColumn = "behaviour_score";
void append_order_csv(std::string& out, const Order& order, const Sale& sale, const BehaviourScores* scores = nullptr);

/// One field of text that others have written. It is quoted where it must be, and an apostrophe is put before what a
/// spreadsheet would take for a formula, whether commas separate its fields or semicolons, tabs or line ends.
void append_csv_text(std::string& out, std::string_view text);

}  // namespace flashsale::api
