#include <nlohmann/json.hpp>

#include "flashsale/insight/report.hpp"

namespace flashsale::insight {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBuyersShown = 20;
constexpr std::size_t kOriginsShown = 20;

Json row_of(const SeriesKey& key) {
  return {{"sale_id", key.sale_id}, {"sku", key.sku.empty() ? Json() : Json(key.sku)}, {"currency", key.currency}};
}

Json rows_by_status(const Figures& figures) {
  auto rows = Json::array();
  for (const auto& [key, totals] : figures.series()) {
    for (const auto& [status, amounts] : totals.by_status) {
      if (amounts == Amounts{}) continue;
      auto row = row_of(key);
      row["status"] = to_string(status);
      row["orders"] = amounts.orders;
      row["units"] = amounts.units;
      row["revenue"] = amounts.amount;
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

Json rows_of_items(const Figures& figures, TimePoint now) {
  auto rows = Json::array();
  for (const auto& [key, totals] : figures.series()) {
    const auto sell_out = figures.sell_out(key, now);
    if (!sell_out) continue;
    auto row = row_of(key);
    row["stock"] = *totals.stock;
    row["taken_units"] = totals.taken_units();
    row["remaining_units"] = sell_out->remaining_units;
    row["units_per_s"] = sell_out->units_per_s;
    row["sold_out_within_s"] = sell_out->within_s ? Json(*sell_out->within_s) : Json();
    rows.push_back(std::move(row));
  }
  return rows;
}

Json row_of_window(std::int64_t begins_at_s, std::int64_t width_s, const SeriesKey& key, const WindowFigures& cell) {
  Json row{{"window_start", format_rfc3339(TimePoint{std::chrono::seconds{begins_at_s}})}, {"window_s", width_s}};
  row.update(row_of(key));
  row["placed_orders"] = cell.placed.orders;
  row["placed_units"] = cell.placed.units;
  row["orders"] = cell.confirmed.orders;
  row["units"] = cell.confirmed.units;
  row["revenue"] = cell.confirmed.amount;
  row["cancelled_orders"] = cell.cancelled.orders;
  row["cancelled_units"] = cell.cancelled.units;
  row["cancelled_amount"] = cell.cancelled.amount;
  row["returned_units"] = cell.returned_units;
  return row;
}

Json rows_of_windows(const Windows& windows) {
  auto rows = Json::array();
  for (std::size_t i = 0; i < Windows::kWidths.size(); ++i) {
    for (const auto& [begins_at_s, cells] : windows.rings()[i]) {
      for (const auto& [key, cell] : cells)
        rows.push_back(row_of_window(begins_at_s, Windows::kWidths[i].seconds, key, cell));
    }
  }
  return rows;
}

Json rows_of_buyers(const TopBuyers& buyers) {
  auto rows = Json::array();
  for (const auto& buyer : buyers.top(kBuyersShown))
    rows.push_back({{"customer_id", buyer.customer_id}, {"units", buyer.units}, {"units_too_many_max", buyer.error}});
  return rows;
}

/// What several customers have in common.
Json rows_of_origins(const SharedOrigins& origins) {
  auto rows = Json::array();
  for (std::size_t kind = 0; kind < kOriginKinds.size(); ++kind) {
    for (const auto& one : origins.top(static_cast<OriginKind>(kind), kOriginsShown))
      rows.push_back({{"window_start", format_rfc3339(TimePoint{std::chrono::seconds{one.begins_at_s}})},
                      {"window_s", SharedOrigins::kWindowSeconds},
                      {"origin", kOriginKinds[kind]},
                      {"hash", one.hash},
                      {"orders", one.orders},
                      {"customers", one.customers}});
  }
  return rows;
}

void append_rows(std::string& out, const char* name, const Json& rows) {
  out.append(",\n\"").append(name).append("\":[");
  for (const auto& row : rows) {
    out += out.back() == '[' ? "\n  " : ",\n  ";
    out += row.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  out += "]";
}

}  // namespace

std::string figures_document(const Figures& figures, TimePoint now) {
  const auto& counts = figures.counts();
  const Json head{{"position", figures.position() ? Json(*figures.position()) : Json()},
                  {"is_whole", figures.is_whole()},
                  {"events", counts.events},
                  {"repeated", counts.repeated},
                  {"late", counts.late},
                  {"unreadable", counts.unreadable},
                  {"rehearsed", counts.rehearsed},
                  {"unknown", counts.unknown},
                  {"refunds", counts.refunds},
                  {"origins_forgotten", figures.origins().forgotten()}};
  std::string out = head.dump();
  out.pop_back();
  append_rows(out, "orders", rows_by_status(figures));
  append_rows(out, "items", rows_of_items(figures, now));
  append_rows(out, "windows", rows_of_windows(figures.windows()));
  append_rows(out, "buyers", rows_of_buyers(figures.buyers()));
  append_rows(out, "shared_origins", rows_of_origins(figures.origins()));
  return out + "}\n";
}

}  // namespace flashsale::insight
