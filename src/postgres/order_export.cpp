#include "flashsale/postgres/order_export.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/identifier.hpp"
#include "flashsale/postgres/error.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "sale_scan.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

using Clock = std::chrono::steady_clock;

/// For the reader to see by itself that its time is over.
constexpr std::chrono::seconds kEndSlack{5};

/// Its COMMIT is what runs the query, and puts the rows aside.
std::optional<Sale> set_rows_aside(Session& session, pqxx::connection& connection, std::string_view sale_id) {
  pqxx::work tx(connection);
  use_one_snapshot(tx);
  allow_long_reads(session, tx);
  tx.exec("CLOSE ALL");  // what an export that failed has left behind
  auto sale = read_sale(tx, sale_id);
  if (!sale) return std::nullopt;
  const std::string declare =
      "DECLARE exported_orders NO SCROLL CURSOR WITH HOLD FOR " + std::string(embedded::orders_of_sale_sql);
  execute(tx, declare, sale->sale_no, sale->archived);
  tx.commit();
  return sale;
}

/// False: `end` has passed.
bool read_rows(Session& session, pqxx::transaction_base& tx, const SnapshotReader& reader, std::int32_t chunk,
               Clock::time_point end) {
  const std::string fetch = "FETCH FORWARD " + std::to_string(std::max(chunk, 1)) + " FROM exported_orders";
  std::vector<Order> orders;
  while (Clock::now() < end) {
    session.more_time(kLongRead);
    const auto rows = tx.exec(fetch);
    if (rows.empty()) return true;
    orders.clear();
    for (const auto& row : rows) orders.push_back(read_order(row));
    // The reader's own time is not PostgreSQL's silence.
    session.more_time(std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()) + kEndSlack);
    if (!reader.orders(orders)) return true;
  }
  return false;
}

}  // namespace

Error export_orders(Session& session, std::string_view sale_id, const SnapshotReader& reader,
                    const ExportLimits& limits) {
  if (!is_valid_identifier(sale_id)) return {};
  const auto end = Clock::now() + limits.time_max;
  bool in_time = true;
  // Once only: the callbacks have seen part of it.
  const Error error = session.run(
      [&](pqxx::connection& connection) {
        const auto sale = set_rows_aside(session, connection, sale_id);
        if (!sale) return;
        session.more_time(limits.time_max + kEndSlack);
        pqxx::nontransaction tx(connection);
        if (reader.sale(*sale)) in_time = read_rows(session, tx, reader, limits.chunk, end);
        tx.exec("CLOSE exported_orders");
      },
      1);
  if (error) return error;
  return in_time ? Error() : Error(Failure::timed_out);
}

}  // namespace flashsale::postgres
