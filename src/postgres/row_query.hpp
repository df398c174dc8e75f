#pragma once
#include <string_view>
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

}  // namespace flashsale::postgres
