#include "held_rows.hpp"

#include <chrono>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

constexpr int kPatientLooks = 10;
constexpr std::chrono::milliseconds kBetweenLooks{30};

std::int32_t read_key(const pqxx::field& field, std::int32_t /*kind*/) { return field.as<std::int32_t>(); }
OrderId read_key(const pqxx::field& field, const OrderId& /*kind*/) { return read_order_id(field); }

/// `sql` returns those of the keys that are held at the moment.
template <class Key>
Error keep_held(Session& session, std::string_view sql, std::int32_t sale_no, std::set<Key>& keys, Look look) {
  const int looks = look == Look::patient ? kPatientLooks : 1;
  for (int i = 0; i < looks && !keys.empty(); ++i) {
    if (i > 0) std::this_thread::sleep_for(kBetweenLooks);
    std::set<Key> held;
    const Error error = session.run([&](pqxx::connection& connection) {
      held.clear();
      pqxx::work tx(connection);
      const std::vector<Key> asked(keys.begin(), keys.end());
      for (const auto& row : execute(tx, sql, sale_no, array_of(asked))) held.insert(read_key(row[0], Key{}));
    });
    if (error) return error;
    keys = std::move(held);
  }
  return {};
}

}  // namespace

Error keep_held_items(Session& session, std::int32_t sale_no, std::set<std::int32_t>& item_nos, Look look) {
  return keep_held(session, embedded::items_held_sql, sale_no, item_nos, look);
}

Error keep_held_orders(Session& session, std::int32_t sale_no, std::set<OrderId>& ids, Look look) {
  return keep_held(session, embedded::orders_held_sql, sale_no, ids, look);
}

}  // namespace flashsale::postgres
