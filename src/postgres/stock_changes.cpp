#include <optional>
#include <string>

#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/json_text.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/outbox.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "row_query.hpp"
#include "sale_rows.hpp"
#include "sale_told.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

using Outcome = StockChangeResult::Outcome;

struct Request {
  std::int32_t sale_no = 0;
  std::int32_t item_no = 0;
  OrderId change_id;
  std::int64_t delta = 0;
  std::optional<std::int64_t> epoch;  ///< must still be the item's
  std::int64_t taken_epoch = 0;       ///< of a withdrawal
};

struct Recorded {
  std::int32_t item_no = 0;
  StockChange change;
};

std::optional<Recorded> find_recorded(pqxx::transaction_base& tx, std::int32_t sale_no, const OrderId& change_id) {
  const auto rows = execute(tx, embedded::stock_change_find_sql, sale_no, change_id.to_string());
  if (rows.empty()) return std::nullopt;
  return Recorded{rows[0][0].as<std::int32_t>(),
                  {rows[0][1].as<std::int64_t>(), rows[0][2].as<std::int64_t>(), rows[0][3].as<std::int64_t>()}};
}

StockChangeResult repeated(const Recorded& recorded, const Request& request) {
  const bool same = recorded.item_no == request.item_no && recorded.change.delta == request.delta;
  return {same ? Outcome::repeated : Outcome::key_reused, recorded.change};
}

std::string describe(const StockChange& change) {
  std::string json = "{\"delta\":";
  append_json_number(json, change.delta);
  json += ",\"stock\":";
  append_json_number(json, change.stock);
  json += ",\"stock_version\":";
  append_json_number(json, change.version);
  return json + "}";
}

bool is_refused(pqxx::transaction_base& tx, const Request& request) {
  const auto rows =
      execute(tx, "SELECT 1 FROM refused_withdrawals WHERE sale_no = $1 AND change_id = $2 AND epoch >= $3",
              request.sale_no, request.change_id.to_string(), request.taken_epoch);
  return !rows.empty();
}

void tell_of_stock(pqxx::transaction_base& tx, std::int32_t sale_no, const StockMoved& moved) {
  if (!leaves_events()) return;
  const auto sale = read_sale(tx, sale_no);
  const auto type = moved.delta > 0 ? EventType::sale_restocked : EventType::sale_changed;
  tell_of_sale(tx, *sale, type, std::nullopt, moved);
}

/// For good: the entry that stands in the pending log must not be carried out after somebody was told so (R4).
StockChangeResult refuse(pqxx::work& tx, const Request& request) {
  if (request.delta < 0) {
    execute(tx, embedded::refused_withdrawal_put_sql, request.sale_no, request.change_id.to_string(),
            request.taken_epoch);
    commit(tx);
  }
  return {Outcome::not_enough, {}};
}

/// The item's row is locked first, so that a repetition waits for the first to end and then finds its row.
StockChangeResult change_in(pqxx::work& tx, const Request& request, std::string_view who) {
  const auto rows = execute(tx, embedded::item_lock_sql, request.sale_no, request.item_no);
  if (const auto recorded = find_recorded(tx, request.sale_no, request.change_id)) {
    commit_found(tx);
    return repeated(*recorded, request);
  }
  if (rows.empty()) return {Outcome::unknown_item, {}};
  const auto row = rows[0];
  const auto sale_no = request.sale_no;
  const auto stock = row[1].as<std::int64_t>();
  if (request.epoch && *request.epoch != row[4].as<std::int64_t>()) return {Outcome::stale_epoch, {}};
  if (request.delta < 0 && is_refused(tx, request)) {
    commit_found(tx);
    return {Outcome::not_enough, {}};
  }
  if (request.delta < 0 && stock + request.delta < row[2].as<std::int64_t>()) return refuse(tx, request);
  if (execute(tx, embedded::item_stock_update_sql, sale_no, request.item_no, request.delta).affected_rows() != 1) {
    return refuse(tx, request);
  }
  const StockChange change{row[3].as<std::int64_t>() + 1, request.delta, stock + request.delta};
  execute(tx, embedded::stock_change_insert_sql, sale_no, request.item_no, change.version,
          request.change_id.to_string(), change.delta, change.stock, std::string(who));
  const std::string subject = row[5].as<std::string>() + "/" + row[0].as<std::string>();
  write_log(tx, who, request.delta > 0 ? "stock.added" : "stock.withdrawn", subject, describe(change));
  lock_sale(tx, sale_no);
  publish_sale(tx, sale_no);
  tell_of_stock(tx, sale_no, {row[0].as<std::string>(), request.delta});
  commit(tx);
  return {Outcome::done, change};
}

Result<StockChangeResult> change_stock(Session& session, const Request& request, std::string_view who) {
  StockChangeResult result;
  const auto once = [&] {
    return session.run([&](pqxx::connection& connection) {
      pqxx::work tx(connection);
      result = change_in(tx, request, who);
    });
  };
  Error error = once();
  // The same change_id for another item at the same moment: now its row can be read.
  if (error == make_error_code(Failure::data_refused)) error = once();
  if (error) return error;
  return result;
}

}  // namespace

Result<StockChangeResult> add_stock(Session& session, std::int32_t sale_no, std::int32_t item_no,
                                    const OrderId& change_id, std::int64_t delta, std::string_view who) {
  if (delta <= 0) return Error(Failure::data_refused);
  return change_stock(session, {sale_no, item_no, change_id, delta, std::nullopt, 0}, who);
}

Result<StockChangeResult> withdraw_stock(Session& session, std::int32_t sale_no, std::int32_t item_no,
                                         const OrderId& change_id, std::int64_t units, std::int64_t epoch,
                                         std::string_view who, std::optional<std::int64_t> taken_epoch) {
  if (units <= 0) return Error(Failure::data_refused);
  return change_stock(session, {sale_no, item_no, change_id, -units, epoch, taken_epoch.value_or(epoch)}, who);
}

Result<std::optional<StockChangeResult>> find_stock_change(Session& session, std::int32_t sale_no,
                                                           const OrderId& change_id) {
  std::optional<StockChangeResult> found;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    found.reset();
    if (const auto recorded = find_recorded(tx, sale_no, change_id)) {
      found = {Outcome::repeated, recorded->change};
      commit_found(tx);
    }
  });
  if (error) return error;
  return found;
}

Result<std::vector<StockChange>> stock_changes_after(Session& session, std::int32_t sale_no, std::int32_t item_no,
                                                     std::int64_t after, std::int32_t limit) {
  const auto read = [](const pqxx::row& row) {
    return StockChange{row[0].as<std::int64_t>(), row[1].as<std::int64_t>(), row[2].as<std::int64_t>()};
  };
  return read_rows<StockChange>(session, read,
                                "SELECT version, delta, stock_after FROM stock_changes"
                                " WHERE sale_no = $1 AND item_no = $2 AND version > $3 ORDER BY version LIMIT $4",
                                sale_no, item_no, after, limit);
}

}  // namespace flashsale::postgres
