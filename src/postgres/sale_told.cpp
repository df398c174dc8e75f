#include "sale_told.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/postgres/outbox.hpp"
#include "outbox_rows.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

constexpr int kNothingNew = -1;

bool tells_of_units(EventType type) {
  return type == EventType::sale_created || type == EventType::sale_sold_out || type == EventType::sale_restocked;
}

SaleState state_now(const Sale& sale) {
  const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  return effective_state(sale.state, sale.starts_at, sale.ends_at, now);
}

void append_item(std::string& out, const Item& item) {
  out += '{';
  append_text(out, "sku", item.sku);
  append_text(out, "name", item.name);
  append_money(out, "price", item.price.amount, item.price.currency);
  append_number(out, "stock", item.stock);
  append_number(out, "sold", item.sold);
  append_number(out, "limit_per_customer", item.limit_per_customer);
  out += '}';
}

std::string document_of(const Sale& sale, SaleState state, const std::optional<StockMoved>& moved) {
  std::string out = "{";
  append_text(out, "id", sale.id);
  append_text(out, "name", sale.name);
  append_text(out, "state", sale.is_draft ? "draft" : to_string(state));
  append_time(out, "starts_at", sale.starts_at);
  append_time(out, "ends_at", sale.ends_at);
  append_text(out, "payment", to_string(sale.payment));
  append_number(out, "version", sale.version);
  if (sale.rehearsal) append_rehearsal(out);
  append_member(out, "items");
  for (const auto& item : sale.items) {
    out += &item == sale.items.data() ? '[' : ',';
    append_item(out, item);
  }
  out += ']';
  if (moved) {
    append_member(out, "stock_change");
    out += '{';
    append_text(out, "sku", moved->sku);
    append_number(out, "delta", moved->delta);
    out += '}';
  }
  return out + "}";
}

}  // namespace

bool is_sold_out(const Sale& sale) {
  return std::ranges::all_of(sale.items, [](const Item& item) { return item.sold >= item.stock; });
}

SaleTold read_told(pqxx::transaction_base& tx, const Sale& sale) {
  const auto row =
      execute(tx, "SELECT told_state, told_sold_out, clock_timestamp() FROM sales WHERE sale_no = $1", sale.sale_no)[0];
  return {static_cast<SaleState>(row[0].as<int>()), row[1].as<bool>(),
          effective_state(sale.state, sale.starts_at, sale.ends_at, read_time(row[2]))};
}

void tell_of_sale(pqxx::transaction_base& tx, const Sale& sale, EventType type,
                  const std::optional<SaleState>& new_state, const std::optional<StockMoved>& moved) {
  if (!leaves_events()) return;
  const int told_state = new_state ? static_cast<int>(*new_state) : kNothingNew;
  const int told_sold_out = tells_of_units(type) ? static_cast<int>(is_sold_out(sale)) : kNothingNew;
  const auto number =
      execute(tx, embedded::sale_tell_sql, sale.sale_no, told_state, told_sold_out)[0][0].as<std::int32_t>();
  OutboxRows rows;
  rows.add_event(type, number, document_of(sale, new_state.value_or(state_now(sale)), moved));
  rows.insert(tx, sale.sale_no);
}

}  // namespace flashsale::postgres
