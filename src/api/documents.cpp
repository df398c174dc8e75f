#include "documents.hpp"

#include "flashsale/model/json_members.hpp"
#include "shown_level.hpp"

namespace flashsale::api {
namespace {

/// The members that every view of a sale has.
void append_sale_head(std::string& out, const Sale& sale, std::string_view state) {
  append_text(out, "id", sale.id);
  append_text(out, "name", sale.name);
  append_text(out, "state", state);
  append_time(out, "starts_at", sale.starts_at);
  append_time(out, "ends_at", sale.ends_at);
  if (sale.rehearsal) append_rehearsal(out);
}

void append_item_head(std::string& out, const Item& item) {
  append_text(out, "sku", item.sku);
  append_text(out, "name", item.name);
  append_money(out, "price", item.price.amount, item.price.currency);
}

}  // namespace

std::string_view merchants_state(const Sale& sale, TimePoint now) {
  if (sale.is_draft && sale.state != SaleState::closed) return "draft";
  const bool has_ended = sale.state != SaleState::closed && now >= sale.ends_at;
  return has_ended ? "ended" : shown_state(sale, now);
}

void append_public_sale(std::string& out, const catalog::SaleSnapshot& snapshot, catalog::SteadyTime now,
                        ShownStock stock) {
  const auto& sale = *snapshot.sale;
  out += '{';
  const auto earliest = snapshot.clock.earliest(now);
  append_sale_head(out, sale, shown_state(sale, earliest));
  if (!snapshot.is_quiet && !snapshot.sold_out_mark_lives(now)) append_time(out, "as_of", snapshot.clock.reading);
  append_member(out, "items");
  out += '[';
  for (std::size_t i = 0; i < sale.items.size(); ++i) {
    const auto& item = sale.items[i];
    const auto level = shown_level(snapshot, i, earliest);
    if (i > 0) out += ',';
    out += '{';
    append_item_head(out, item);
    if (item.limit_per_customer > 0) append_number(out, "limit_per_customer", item.limit_per_customer);
    if (stock == ShownStock::counts) append_number(out, "remaining", level.remaining);
    append_text(out, "availability", level.availability);
    out += '}';
  }
  out += "]}";
}

void append_admin_sale(std::string& out, const Sale& sale, const catalog::SaleSnapshot* levels, TimePoint now) {
  out += '{';
  append_sale_head(out, sale, merchants_state(sale, now));
  append_text(out, "payment", to_string(sale.payment));
  append_number(out, "payment_window_s", sale.payment_window_s);
  append_number(out, "max_orders_per_customer", sale.max_orders_per_customer);
  append_number(out, "max_quantity_per_order", sale.max_quantity_per_order);
  append_number(out, "payment_attempts", sale.payment_attempts);
  append_member(out, "cancellation");
  out += '{';
  append_text(out, "until", to_string(sale.cancellation));
  out += '}';
  append_member(out, "queue");
  out += sale.queue.enabled ? "{\"enabled\":true" : "{\"enabled\":false";
  append_number(out, "rate_per_s", sale.queue.rate_per_s);
  append_number(out, "prequeue_s", sale.queue.prequeue_s);
  out += '}';
  if (sale.let_go) append_member(out, "let_go"), out += "true";
  if (sale.archived) append_member(out, "archived"), out += "true";
  append_number(out, "version", sale.version);
  append_number(out, "epoch", sale.epoch);
  append_time(out, "created_at", sale.created_at);
  append_member(out, "items");
  out += '[';
  for (std::size_t i = 0; i < sale.items.size(); ++i) {
    const auto& item = sale.items[i];
    if (i > 0) out += ',';
    out += '{';
    append_item_head(out, item);
    append_number(out, "limit_per_customer", item.limit_per_customer);
    append_number(out, "stock", item.stock);
    append_number(out, "sold", item.sold);
    const bool known = levels && levels->known_levels && i < levels->levels.size();
    append_number(out, "remaining", known ? levels->levels[i].remaining : item.stock - item.sold);
    append_number(out, "stock_version", item.stock_version);
    out += '}';
  }
  out += "]}";
}

}  // namespace flashsale::api
