#pragma once
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/pqxx.hpp"
#include "flashsale/postgres/session.hpp"
#include "statement.hpp"

namespace flashsale::postgres {

/// One statement that only reads; `read` makes a `Row` of each row.
template <class Row, class Read, class... Parameters>
Result<std::vector<Row>> read_rows(Session& session, const Read& read, std::string_view sql,
                                   const Parameters&... parameters) {
  std::vector<Row> found;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    found.clear();
    for (const auto& row : execute(tx, sql, parameters...)) found.push_back(read(row));
  });
  if (error) return error;
  return found;
}

/// The first column of the first row of a statement that only reads, which has one.
template <class Value, class... Parameters>
Result<Value> read_value(Session& session, std::string_view sql, const Parameters&... parameters) {
  const auto read = [](const pqxx::row& row) { return row[0].as<Value>(); };
  auto rows = read_rows<Value>(session, read, sql, parameters...);
  if (!rows) return Result<Value>(boost::system::in_place_error, rows.error());
  return Result<Value>(boost::system::in_place_value, std::move(rows->at(0)));
}

/// One transaction, whose value is what `work` makes of it; what it does not commit is rolled back.
template <class Value, class Work>
Result<Value> in_transaction(Session& session, const Work& work) {
  Value value{};
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    value = work(tx);
  });
  if (error) return Result<Value>(boost::system::in_place_error, error);
  return Result<Value>(boost::system::in_place_value, std::move(value));
}

/// One statement that changes something, in a transaction of its own; how many rows it has changed.
template <class... Parameters>
Result<std::int64_t> change_rows(Session& session, std::string_view sql, const Parameters&... parameters) {
  return in_transaction<std::int64_t>(session, [&](pqxx::work& tx) {
    const auto rows = execute(tx, sql, parameters...).affected_rows();
    commit(tx);
    return static_cast<std::int64_t>(rows);
  });
}

}  // namespace flashsale::postgres
