#include "held_items.hpp"

#include <chrono>
#include <thread>
#include <vector>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// A hot item's row is locked most of the time, but each time by another batch, and free in between.
constexpr int kLooksAtItems = 10;
constexpr std::chrono::milliseconds kBetweenLooks{30};

}  // namespace

Error keep_held(Session& session, std::set<std::int32_t>& item_nos) {
  for (int look = 0; look < kLooksAtItems && !item_nos.empty(); ++look) {
    if (look > 0) std::this_thread::sleep_for(kBetweenLooks);
    const Error error = session.run([&](pqxx::connection& connection) {
      pqxx::work tx(connection);
      const std::vector<std::int32_t> asked(item_nos.begin(), item_nos.end());
      for (const auto& row : execute(tx, embedded::items_free_sql, array_of(asked))) {
        item_nos.erase(row[0].as<std::int32_t>());
      }
    });
    if (error) return error;
  }
  return {};
}

}  // namespace flashsale::postgres
