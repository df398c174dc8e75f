#include "flashsale/postgres/archive.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "sale_scan.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

using Outcome = ArchiveResult::Outcome;

/// Orders that one transaction moves: it must not hold up what waits for one of them.
constexpr std::int32_t kMoveAtOnce = 2000;
/// Ids that are put aside at once, 16 bytes each.
constexpr std::int32_t kIdsMax = 1'000'000;

/// Empty when its orders must stay where they are, and `outcome` says why.
std::optional<Sale> begin_in(pqxx::work& tx, std::string_view sale_id, std::string_view who, Outcome& outcome) {
  auto sale = read_sale(tx, sale_id);
  outcome = !sale             ? Outcome::unknown_sale
            : sale->rehearsal ? Outcome::rehearsal
            : !sale->let_go   ? Outcome::not_let_go
                              : Outcome::archived;
  if (outcome != Outcome::archived) return std::nullopt;
  // Before the first order moves, so that whoever reads the sale in any snapshot knows where to look.
  if (execute(tx, embedded::archive_begin_sql, sale->sale_no).affected_rows() == 1) {
    write_log(tx, who, "sale.archived", sale->id, "{}");
    publish_sale(tx, sale->sale_no);
    commit(tx);
  }
  return sale;
}

/// Behind a cursor that outlives its transaction. Looked for only once: each transaction would step over all the rows
/// that those before it have left dead.
void set_ids_aside(Session& session, pqxx::connection& connection, std::int32_t sale_no) {
  pqxx::work tx(connection);
  allow_long_reads(session, tx);
  // The key's order is not the table's: row by row it would read a page for each.
  tx.exec("SET LOCAL enable_indexscan = off");
  tx.exec("CLOSE ALL");  // what an attempt that failed has left behind
  const std::string declare =
      "DECLARE orders_left NO SCROLL CURSOR WITH HOLD FOR " + std::string(embedded::archive_orders_left_sql);
  execute(tx, declare, sale_no, kIdsMax);
  tx.commit();
}

/// Rows that somebody has locked: stay for the time being, or are waited for.
enum class Locked : std::uint8_t { stay, are_awaited };

struct Moved {
  std::int64_t orders = 0;
  std::int64_t seen = 0;
  bool some_stay = false;  ///< somebody had them locked
};

/// False: there are none left.
bool move_some(pqxx::work& tx, std::int32_t sale_no, Locked locked, Moved& moved) {
  std::vector<OrderId> ids;
  for (const auto& row : tx.exec("FETCH FORWARD " + std::to_string(kMoveAtOnce) + " FROM orders_left")) {
    ids.push_back(read_order_id(row[0]));
  }
  if (ids.empty()) return false;
  // As everybody who changes several orders locks them.
  std::ranges::sort(ids);
  const auto array = array_of(ids);
  if (locked == Locked::are_awaited) {
    execute(tx, "SELECT 1 FROM orders WHERE sale_no = $1 AND order_id = ANY ($2::uuid[]) ORDER BY order_id FOR UPDATE",
            sale_no, array);
  }
  const auto count = static_cast<std::int64_t>(execute(tx, embedded::archive_move_sql, sale_no, array).affected_rows());
  execute(tx, embedded::archive_untold_sql, sale_no, array);
  FLASHSALE_FAULT_POINT("archive.before_commit");
  commit(tx);
  FLASHSALE_FAULT_POINT("archive.after_commit");
  moved.orders += count;
  moved.seen += static_cast<std::int64_t>(ids.size());
  moved.some_stay = moved.some_stay || count < static_cast<std::int64_t>(ids.size());
  return true;
}

Error move_ids(Session& session, std::int32_t sale_no, Locked locked, Moved& moved) {
  return session.run([&](pqxx::connection& connection) {
    set_ids_aside(session, connection, sale_no);
    for (bool more = true; more;) {
      session.more_time(kLongRead);
      pqxx::work tx(connection);
      more = move_some(tx, sale_no, locked, moved);
    }
  });
}

}  // namespace

Result<ArchiveResult> archive_sale(Session& session, std::string_view sale_id, std::string_view who) {
  ArchiveResult result;
  result.outcome = Outcome::unknown_sale;
  // A parameter ends at a NUL, and an empty one would be any sale.
  if (sale_id.empty() || sale_id.find('\0') != std::string_view::npos) return result;
  std::optional<Sale> sale;
  const Error refused = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    sale = begin_in(tx, sale_id, who, result.outcome);
  });
  if (refused) return refused;
  if (!sale) return result;
  const auto sale_no = sale->sale_no;
  Moved moved;
  // One row that somebody has locked must not keep the others here.
  do {
    moved = {};
    if (const Error error = move_ids(session, sale_no, Locked::stay, moved)) return error;
    result.orders += moved.orders;
  } while (moved.seen >= kIdsMax && moved.orders > 0);
  if (!moved.some_stay) return result;
  moved = {};
  if (const Error error = move_ids(session, sale_no, Locked::are_awaited, moved)) return error;
  result.orders += moved.orders;
  return result;
}

Result<bool> has_moved_since(Session& session, const Sale& sale, std::int32_t days) {
  bool moved = false;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    allow_long_reads(session, tx);
    moved = execute(tx, embedded::archive_sale_moved_since_sql, sale.sale_no, days)[0][0].as<bool>();
  });
  if (error) return Result<bool>(boost::system::in_place_error, error);
  return Result<bool>(boost::system::in_place_value, moved);
}

}  // namespace flashsale::postgres
