#include "flashsale/postgres/flag_repository.hpp"

#include <string>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flag_rows.hpp"
#include "flashsale/model/json_text.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// For the log.
std::string describe(const Flag& flag) {
  std::string json = flag.enabled ? "{\"enabled\":true,\"percent\":" : "{\"enabled\":false,\"percent\":";
  append_json_number(json, flag.percent);
  if (flag.sales.empty()) return json + "}";
  json += ",\"sales\":[";
  for (const auto& sale_id : flag.sales) {
    if (json.back() != '[') json += ',';
    append_json_string(json, sale_id);
  }
  return json + "]}";
}

FlagChange put_in(pqxx::work& tx, Feature feature, const Flag& flag, std::string_view who) {
  // First of all, since flags are changed one at a time; nobody else locks a flag's row.
  const auto version = execute(tx, embedded::directory_raise_sql)[0][0].as<std::int64_t>();
  const std::string name(to_string(feature));
  const auto rows = execute(tx, embedded::flag_put_sql, name, flag.enabled, flag.percent, array_of(flag.sales));
  FlagChange change{{feature, flag, read_time(rows[0][0])}, version};
  write_log(tx, who, "flag.set", name, describe(flag));
  commit(tx);
  return change;
}

}  // namespace

Result<std::vector<FlagRecord>> list_flags(Session& session) {
  std::vector<FlagRecord> records;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    records = read_flag_records(tx);
  });
  if (error) return error;
  return records;
}

Result<FlagChange> put_flag(Session& session, Feature feature, const Flag& flag, std::string_view who) {
  FlagChange change;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    change = put_in(tx, feature, flag, who);
  });
  if (error) return error;
  return change;
}

}  // namespace flashsale::postgres
