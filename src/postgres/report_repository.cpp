#include "flashsale/postgres/report_repository.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/identifier.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "sale_scan.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

constexpr std::size_t kCurvePointsMax = 600;

/// From the first order that took units to the last.
struct Span {
  TimePoint first = TimePoint::max();
  TimePoint last = TimePoint::min();
};

Span read_totals(pqxx::transaction_base& tx, SaleReport& report) {
  Span span;
  report.items.resize(report.sale.items.size());
  for (const auto& row : execute(tx, embedded::orders_totals_sql, report.sale.sale_no, report.sale.archived)) {
    const auto item = std::ranges::find(report.sale.items, row[0].as<std::int32_t>(), &Item::item_no);
    auto& totals = report.items[static_cast<std::size_t>(item - report.sale.items.begin())];
    const auto status = static_cast<OrderStatus>(row[1].as<int>());
    totals.by_status.at(static_cast<std::size_t>(status)) = {row[2].as<std::int64_t>(), row[3].as<std::int64_t>(),
                                                             row[4].as<std::int64_t>()};
    const auto last = read_time(row[6]);
    if (is_live(status)) totals.last_taken_at = std::max(totals.last_taken_at.value_or(last), last);
    if (status == OrderStatus::rejected) continue;
    span.first = std::min(span.first, read_time(row[5]));
    span.last = std::max(span.last, last);
  }
  return span;
}

void read_curve(pqxx::transaction_base& tx, const Span& span, SaleReport& report) {
  if (span.last < span.first) return;
  report.step = choose_step(span.first, span.last, kCurvePointsMax);
  std::vector<CurvePoint> points;
  const auto rows = execute(tx, embedded::orders_curve_sql, report.sale.sale_no, std::int64_t{report.step.count()},
                            report.sale.archived);
  for (const auto& row : rows) {
    points.push_back({read_time(row[0]), row[1].as<std::int64_t>(), row[2].as<std::int64_t>()});
  }
  report.curve = with_empty_steps(points, report.step);
}

void read_checkouts(pqxx::transaction_base& tx, SaleReport& report) {
  if (report.curve.empty()) return;
  const auto came = execute(tx, embedded::arrivals_curve_sql, report.sale.sale_no, std::int64_t{report.step.count()});
  auto point = report.curve.begin();
  for (const auto& row : came) {
    const auto at = read_time(row[0]);
    while (point != report.curve.end() && point->at < at) ++point;
    if (point != report.curve.end() && point->at == at) point->checkouts = row[1].as<std::int64_t>();
  }
}

void read_customers(pqxx::transaction_base& tx, SaleReport& report) {
  const std::array live{static_cast<std::int32_t>(OrderStatus::confirmed),
                        static_cast<std::int32_t>(OrderStatus::awaiting_payment)};
  const auto rows = execute(tx, embedded::customers_by_units_sql, report.sale.sale_no, report.sale.archived,
                            array_of(std::span<const std::int32_t>(live)));
  for (const auto& row : rows) report.customers.push_back({row[0].as<std::int64_t>(), row[1].as<std::int64_t>()});
}

void read_refusals(pqxx::transaction_base& tx, SaleReport& report) {
  const auto rows =
      execute(tx, "SELECT reason, count FROM refusals WHERE sale_no = $1 ORDER BY reason", report.sale.sale_no);
  report.refusals.emplace();
  for (const auto& row : rows) {
    report.refusals->push_back({report.sale.sale_no, row[0].as<std::string>(), row[1].as<std::int64_t>()});
  }
}

/// Of a part without which the report is still one. False: it cannot be read; the snapshot goes on all the same.
template <class Read>
bool try_part(pqxx::work& tx, const Read& read) {
  try {
    pqxx::subtransaction part(tx, "part");
    // What somebody has locked is not worth more.
    part.exec("SET LOCAL lock_timeout = '500ms'");
    read(part);
    part.commit();
    return true;
  } catch (const pqxx::sql_error&) {
    return false;
  }
}

std::optional<SaleReport> read_in(Session& session, pqxx::work& tx, std::string_view sale_id) {
  use_one_snapshot(tx);
  allow_long_reads(session, tx);
  auto sale = read_sale(tx, sale_id);
  if (!sale) return std::nullopt;
  SaleReport report;
  report.sale = std::move(*sale);
  report.as_of = read_time(tx.exec("SELECT now()")[0][0]);
  const Span span = read_totals(tx, report);
  session.more_time(kLongRead);
  read_curve(tx, span, report);
  session.more_time(kLongRead);
  read_customers(tx, report);
  session.more_time(kLongRead);
  report.knows_checkouts = try_part(tx, [&](auto& part) { read_checkouts(part, report); });
  try_part(tx, [&](auto& part) { read_refusals(part, report); });
  return report;
}

}  // namespace

Result<std::optional<SaleReport>> read_report(Session& session, std::string_view sale_id) {
  std::optional<SaleReport> report;
  // A parameter ends at a NUL, and an empty one would be any sale.
  if (!is_valid_identifier(sale_id)) return report;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    report = read_in(session, tx, sale_id);
  });
  if (error) return error;
  return report;
}

Error add_refusals(Session& session, std::int32_t sale_no, const std::map<std::string, std::int64_t>& counts) {
  if (counts.empty()) return {};
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    ArrayLiteral reasons, numbers;
    for (const auto& [reason, count] : counts) {
      reasons.add_text(reason);
      numbers.add(count);
    }
    execute(tx, embedded::refusals_add_sql, sale_no, reasons.close(), numbers.close());
    commit(tx);
  });
}

}  // namespace flashsale::postgres
