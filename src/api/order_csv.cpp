#include "flashsale/api/order_csv.hpp"

#include "flashsale/model/json_text.hpp"

namespace flashsale::api {
namespace {

bool reads_as_formula(std::string_view text) {
  return !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
}

/// A plain number in decimal, as JSON has it.
void append_number(std::string& out, std::int64_t number) {
  out += ',';
  append_json_number(out, number);
}

/// A word of ours: nothing in it needs quoting.
void append_word(std::string& out, std::string_view word) {
  out += ',';
  out += word;
}

void append_line_csv(std::string& out, const Order& order, const Sale& sale, const OrderLine& line) {
  // A number that was given out anew after a restore; what is known of the line is not left out.
  static const Item kUnknown;
  const auto* found = sale.find_item(line.item_no);
  const auto& item = found ? *found : kUnknown;
  order.id.append_to(out);
  append_word(out, sale.id);
  out += ',';
  append_csv_text(out, order.customer_id);
  append_word(out, item.sku);
  append_number(out, line.quantity);
  append_number(out, item.price.amount);
  append_word(out, item.price.currency);
  append_number(out, item.price.amount * line.quantity);
  append_word(out, to_string(order.status));
  out += ',';
  append_rfc3339(out, order.created_at);
  out += ',';
  if (order.expires_at) append_rfc3339(out, *order.expires_at);
  out += ',';
  append_csv_text(out, order.reason);
  out += "\r\n";
}

}  // namespace

void append_csv_text(std::string& out, std::string_view text) {
  const bool is_quoted = text.find_first_of(",\"\r\n") != std::string_view::npos;
  if (is_quoted) out += '"';
  if (reads_as_formula(text)) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  if (is_quoted) out += '"';
}

void append_order_csv(std::string& out, const Order& order, const Sale& sale) {
  for (const auto& line : order.lines) append_line_csv(out, order, sale, line);
}

}  // namespace flashsale::api
