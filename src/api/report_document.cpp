#include "report_document.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <string_view>

#include "behaviour_bands.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "forecast_document.hpp"

namespace flashsale::api {
namespace {

using postgres::ItemTotals;
using postgres::SaleReport;
using postgres::StatusTotals;
constexpr int kRatioDigits = 4;
constexpr std::size_t kCustomersByUnitsMax = 50;
using Revenue = std::map<std::string, std::int64_t>;  // by currency

constexpr std::array kStatuses{OrderStatus::confirmed, OrderStatus::awaiting_payment, OrderStatus::cancelled,
                               OrderStatus::expired, OrderStatus::rejected};

void append_time(std::string& out, std::string_view name, const std::optional<TimePoint>& at) {
  append_member(out, name);
  out += at ? '"' + format_rfc3339(*at) + '"' : "null";
}

void append_by_status(std::string& out, std::string_view name, const ItemTotals& totals,
                      std::int64_t StatusTotals::*number) {
  append_member(out, name);
  out += '{';
  for (const auto status : kStatuses) append_number(out, to_string(status), totals.of(status).*number);
  out += '}';
}

void append_money(std::string& out, std::string_view currency, std::int64_t amount) {
  out += '{';
  append_number(out, "amount", amount);
  append_member(out, "currency");
  append_json_string(out, currency);
  out += '}';
}

/// Prices and stocks may be set so high that their product is no number any more: then it is the highest there is.
std::int64_t revenue_of(const Item& item, const ItemTotals& totals) {
  std::int64_t amount = 0;
  const bool is_too_high = __builtin_mul_overflow(item.price.amount, totals.of(OrderStatus::confirmed).units, &amount);
  return is_too_high ? std::numeric_limits<std::int64_t>::max() : amount;
}

std::int64_t add_up(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}

/// When the last unit was taken, if it is still sold.
std::optional<TimePoint> sold_out_at(const Item& item, const ItemTotals& totals) {
  if (item.sold < item.stock) return std::nullopt;
  return totals.last_taken_at;
}

void append_item(std::string& out, const Item& item, const ItemTotals& totals) {
  out += '{';
  append_member(out, "sku");
  append_json_string(out, item.sku);
  append_number(out, "stock", item.stock);
  append_number(out, "sold", item.sold);
  append_time(out, "sold_out_at", sold_out_at(item, totals));
  append_by_status(out, "orders", totals, &StatusTotals::orders);
  append_by_status(out, "units", totals, &StatusTotals::units);
  append_member(out, "revenue");
  append_money(out, item.price.currency, revenue_of(item, totals));
  out += '}';
}

/// All items as if they were one.
struct Whole {
  Item item;
  ItemTotals totals;
  Revenue revenue;
};

Whole add_up(const SaleReport& report) {
  Whole whole;
  bool all_sold_out = true;
  for (std::size_t i = 0; i < report.items.size(); ++i) {
    const auto& item = report.sale.items[i];
    const auto& totals = report.items[i];
    whole.item.stock += item.stock;
    whole.item.sold += item.sold;
    for (const auto status : kStatuses) {
      auto& sum = whole.totals.by_status[static_cast<std::size_t>(status)];
      sum.orders += totals.of(status).first_orders;
      sum.units += totals.of(status).units;
    }
    auto& revenue = whole.revenue[item.price.currency];
    revenue = add_up(revenue, revenue_of(item, totals));
    all_sold_out = all_sold_out && item.sold >= item.stock;
    if (totals.last_taken_at) {
      whole.totals.last_taken_at =
          std::max(whole.totals.last_taken_at.value_or(*totals.last_taken_at), *totals.last_taken_at);
    }
  }
  if (!all_sold_out) whole.totals.last_taken_at.reset();
  return whole;
}

void append_totals(std::string& out, const Whole& whole) {
  append_member(out, "totals");
  out += '{';
  append_number(out, "stock", whole.item.stock);
  append_number(out, "sold", whole.item.sold);
  append_time(out, "sold_out_at", whole.totals.last_taken_at);
  append_by_status(out, "orders", whole.totals, &StatusTotals::orders);
  append_by_status(out, "units", whole.totals, &StatusTotals::units);
  append_member(out, "revenue");
  out += '[';
  for (const auto& [currency, amount] : whole.revenue) {
    if (out.back() != '[') out += ',';
    append_money(out, currency, amount);
  }
  out += "]}";
}

void append_refusals(std::string& out, const SaleReport& report) {
  append_member(out, "refusals");
  if (!report.refusals) {
    out += "null";
    return;
  }
  out += '{';
  for (const auto& refusal : *report.refusals) append_number(out, refusal.reason, refusal.count);
  out += '}';
}

std::int64_t units_from(const SaleReport& report, std::size_t first) {
  std::int64_t units = 0;
  for (std::size_t i = first; i < report.customers.size(); ++i) {
    units += report.customers[i].units * report.customers[i].customers;
  }
  return units;
}

void append_curve(std::string& out, const SaleReport& report) {
  append_member(out, "curve");
  out += '{';
  append_number(out, "bucket_s", report.step.count());
  append_member(out, "points");
  out += '[';
  for (const auto& point : report.curve) {
    out += out.back() == '[' ? "{" : ",{";
    append_time(out, "at", point.at);
    append_number(out, "orders", point.orders);
    append_number(out, "units", point.units);
    append_member(out, "checkouts");
    out += report.knows_checkouts ? std::to_string(point.checkouts) : "null";
    out += '}';
  }
  out += "]}";
}

/// The last of the entries has all who have that many units or more.
void append_customers(std::string& out, const SaleReport& report) {
  std::int64_t customers = 0;
  for (const auto& one : report.customers) customers += one.customers;
  append_member(out, "customers");
  out += '{';
  append_number(out, "count", customers);
  append_member(out, "by_units");
  out += '[';
  const auto shown = std::min(report.customers.size(), kCustomersByUnitsMax);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& [units, with_these] = report.customers[i];
    const bool is_last = i + 1 == shown;
    out += out.back() == '[' ? "{" : ",{";
    append_number(out, "units", units);
    append_number(out, "customers", is_last ? customers : with_these);
    append_number(out, "units_in_all", is_last ? units_from(report, i) : units * with_these);
    out += '}';
    customers -= with_these;
  }
  out += "]}";
}

/// How many of the reserved orders were paid; only where that is asked for.
void append_conversion(std::string& out, const SaleReport& report, const ItemTotals& totals) {
  append_member(out, "conversion");
  if (report.sale.payment == PaymentMode::none) {
    out += "null";
    return;
  }
  const auto orders = [&](OrderStatus status) { return totals.of(status).orders; };
  const auto confirmed = orders(OrderStatus::confirmed);
  const auto reserved =
      confirmed + orders(OrderStatus::awaiting_payment) + orders(OrderStatus::expired) + orders(OrderStatus::cancelled);
  out += '{';
  append_number(out, "reserved", reserved);
  append_number(out, "confirmed", confirmed);
  append_number(out, "expired", orders(OrderStatus::expired));
  append_number(out, "cancelled", orders(OrderStatus::cancelled));
  const auto ratio = static_cast<double>(confirmed) / static_cast<double>(std::max<std::int64_t>(1, reserved));
  append_decimal(out, "ratio", reserved > 0 ? std::optional(ratio) : std::nullopt, kRatioDigits);
  out += '}';
}

void append_behaviour(std::string& out, const std::optional<postgres::BehaviourBands>& bands) {
  if (bands) return append_behaviour_bands(out, "behaviour", *bands);
  append_member(out, "behaviour");
  out += "null";
}

void append_unreadable(std::string& out, const std::vector<std::string_view>& parts) {
  append_member(out, "unavailable");
  out += '[';
  for (const auto part : parts) {
    if (out.back() != '[') out += ',';
    append_json_string(out, part);
  }
  out += ']';
}

}  // namespace

std::vector<std::string_view> unreadable_parts(const SaleReport& report, const ReportExtras& extras) {
  std::vector<std::string_view> parts;
  if (!report.refusals) parts.emplace_back("refusals");
  if (!report.knows_checkouts) parts.emplace_back("curve.points.checkouts");
  if (!extras.knows_hindsight) parts.emplace_back("forecast.hindsight");
  if (!extras.behaviour) parts.emplace_back("behaviour");
  return parts;
}

std::string report_document(const SaleReport& report, const ReportExtras& extras) {
  const Whole whole = add_up(report);
  std::string out = "{";
  append_member(out, "sale_id");
  append_json_string(out, report.sale.id);
  if (report.sale.rehearsal) append_rehearsal(out);
  append_time(out, "as_of", report.as_of);
  append_totals(out, whole);
  append_member(out, "items");
  out += '[';
  for (std::size_t i = 0; i < report.items.size(); ++i) {
    if (i > 0) out += ',';
    append_item(out, report.sale.items[i], report.items[i]);
  }
  out += ']';
  append_refusals(out, report);
  append_curve(out, report);
  append_customers(out, report);
  append_conversion(out, report, whole.totals);
  append_member(out, "forecast");
  out += '{';
  append_forecast(out, "now", extras.forecast, report.items.size());
  append_hindsight(out, "hindsight", extras.hindsight);
  out += '}';
  append_behaviour(out, extras.behaviour);
  append_unreadable(out, unreadable_parts(report, extras));
  out += '}';
  return out;
}

}  // namespace flashsale::api
