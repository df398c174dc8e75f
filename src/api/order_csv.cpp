#include "order_csv.hpp"

#include <array>
#include <span>

#include "flashsale/model/json_text.hpp"

namespace flashsale::api {
namespace {

using Texts = std::span<const std::string_view>;

/// What spreadsheets take for the begin of a formula; the wide forms in East Asian settings.
constexpr std::array<std::string_view, 8> kFormulaSigns{"=", "+", "-", "@", "\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"};
/// What some leave out before they look for it. A quote that is doubled here opens and closes a quoted nothing there.
constexpr std::array<std::string_view, 7> kSkipped{" ", "\"", "\u00A0", "\u200B", "\u202F", "\u3000", "\uFEFF"};

/// Ends a cell for a reader whose separator is no comma: within quotes too, since there they do not begin the cell.
constexpr bool ends_cell(char c) { return c == ';' || c == '\t' || c == '\r' || c == '\n'; }

std::size_t front_of(std::string_view text, Texts some) {
  for (const auto one : some) {
    if (text.starts_with(one)) return one.size();
  }
  return 0;
}

bool reads_as_formula(std::string_view cell) {
  while (const auto skipped = front_of(cell, kSkipped)) cell.remove_prefix(skipped);
  return front_of(cell, kFormulaSigns) > 0;
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

void append_score(std::string& out, const std::string& customer_id, const BehaviourScores& scores) {
  out += ',';
  const auto found = scores.find(customer_id);
  if (found != scores.end()) append_json_number(out, found->second);
}

void append_line_csv(std::string& out, const Order& order, const Sale& sale, const OrderLine& line,
                     const BehaviourScores* scores) {
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
  if (scores != nullptr) append_score(out, order.customer_id, *scores);
  out += "\r\n";
}

}  // namespace

void append_csv_text(std::string& out, std::string_view text) {
  const bool is_quoted = text.find_first_of(",;\"\t\r\n") != std::string_view::npos;
  if (is_quoted) out += '"';
  bool begins_cell = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_blank_cell = i == 0 && ends_cell(text[i]) && text[i] != ';';
    if (begins_cell && (is_blank_cell || reads_as_formula(text.substr(i)))) out += '\'';
    begins_cell = ends_cell(text[i]);
    if (text[i] == '"') out += '"';
    out += text[i];
  }
  if (is_quoted) out += '"';
}

void append_order_csv(std::string& out, const Order& order, const Sale& sale, const BehaviourScores* scores) {
  for (const auto& line : order.lines) append_line_csv(out, order, sale, line, scores);
}

}  // namespace flashsale::api
