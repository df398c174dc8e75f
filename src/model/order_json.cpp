#include "flashsale/model/order_json.hpp"

#include "flashsale/model/json_members.hpp"
#include "flashsale/model/order_total.hpp"

namespace flashsale {
namespace {

/// The members that tell of one item of an order. False: the sale has no such item.
bool append_order_line(std::string& out, const OrderLine& line, const Sale& sale) {
  const auto* item = sale.find_item(line.item_no);
  if (!item) return false;
  append_text(out, "sku", item->sku);
  append_number(out, "quantity", line.quantity);
  append_money(out, "unit_price", item->price.amount, item->price.currency);
  return true;
}

}  // namespace

bool append_order(std::string& out, const Order& order, const Sale& sale, OrderAudience audience) {
  out += '{';
  append_member(out, "id");
  out += '"';
  order.id.append_to(out);
  out += '"';
  append_text(out, "sale_id", sale.id);
  if (sale.rehearsal) append_rehearsal(out);
  if (audience == OrderAudience::admin) append_text(out, "customer_id", order.customer_id);
  if (order.lines.size() == 1 && !append_order_line(out, order.lines.front(), sale)) return false;
  append_member(out, "lines");
  for (const auto& line : order.lines) {
    out += &line == order.lines.data() ? "[{" : ",{";
    if (!append_order_line(out, line, sale)) return false;
    out += '}';
  }
  out += ']';
  if (const auto total = order_total(order.lines, sale)) append_money(out, "total", total->amount, total->currency);
  append_text(out, "status", to_string(order.status));
  append_time(out, "created_at", order.created_at);
  if (order.expires_at) append_time(out, "expires_at", *order.expires_at);
  if (order.refund_required) append_member(out, "refund_required"), out += "true";
  // Why support has cancelled an order is not the buyer's to read; why the sale refused it is.
  const bool shows_reason = audience == OrderAudience::admin || order.status == OrderStatus::rejected;
  if (shows_reason && !order.reason.empty()) append_text(out, "reason", order.reason);
  out += '}';
  return true;
}

}  // namespace flashsale
