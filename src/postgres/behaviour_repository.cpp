#include "flashsale/postgres/behaviour_repository.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/json_members.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// No order depends on these rows, so no commit of orders is to wait for them: a crash may take the last ones.
constexpr const char* kMayBeLost = "SET LOCAL synchronous_commit = off";
constexpr int kDroppedAtOnce = 5000;

/// As many digits as bring the same number back.
void append_real(std::string& out, std::string_view name, double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  append_member(out, name);
  out.append(digits.data(), end);
}

void append_spread(std::string& out, const std::string& name, const Spread& spread) {
  append_number(out, name + "_count", spread.count);
  append_real(out, name + "_mean", spread.mean);
  append_real(out, name + "_squares", spread.squares);
}

std::string json_of(std::span<const CustomerBehaviour> found) {
  std::string json = "[";
  for (const auto& one : found) {
    const auto& seen = one.behaviour;
    json += json.size() == 1 ? "{" : ",{";
    append_text(json, "customer_id", one.customer_id);
    append_time(json, "seen_at", one.seen_at);
    append_number(json, "score", one.score);
    append_number(json, "checkouts", seen.checkouts);
    append_number(json, "burst", seen.burst);
    append_number(json, "burst_ms", seen.burst_ms);
    append_time(json, "burst_at", seen.burst_at);
    append_spread(json, "rhythm", seen.rhythm);
    if (seen.opening_ms) append_number(json, "opening_ms", *seen.opening_ms);
    append_number(json, "returns", seen.returns);
    append_number(json, "fast_returns", seen.fast_returns);
    append_number(json, "neighbours", seen.neighbours);
    append_number(json, "fast_neighbours", seen.fast_neighbours);
    append_spread(json, "newcomer", seen.newcomers);
    json += '}';
  }
  return json + ']';
}

std::uint32_t read_count(const pqxx::field& field) { return static_cast<std::uint32_t>(field.as<std::int64_t>()); }

Spread read_spread(const pqxx::row& row, int column) {
  return {read_count(row[column]), row[column + 1].as<double>(), row[column + 2].as<double>()};
}

CustomerBehaviour read_row(const pqxx::row& row) {
  CustomerBehaviour one;
  one.customer_id = row[0].as<std::string>();
  one.seen_at = read_time(row[1]);
  auto& seen = one.behaviour;
  seen.checkouts = read_count(row[2]);
  seen.burst = read_count(row[3]);
  seen.burst_ms = read_count(row[4]);
  seen.burst_at = read_time(row[5]);
  seen.rhythm = read_spread(row, 6);
  if (row[9].as<std::int64_t>() >= 0) seen.opening_ms = read_count(row[9]);
  seen.returns = read_count(row[10]);
  seen.fast_returns = read_count(row[11]);
  seen.neighbours = read_count(row[12]);
  seen.fast_neighbours = read_count(row[13]);
  seen.newcomers = read_spread(row, 14);
  return one;
}

std::vector<CustomerBehaviour> put_together(std::vector<CustomerBehaviour>&& rows) {
  std::map<std::string, CustomerBehaviour> customers;
  for (auto& row : rows) {
    const auto [known, is_new] = customers.try_emplace(row.customer_id);
    auto& customer = known->second;
    if (is_new) {
      customer = std::move(row);
      continue;
    }
    customer.behaviour.add(row.behaviour);
    customer.seen_at = std::max(customer.seen_at, row.seen_at);
  }
  std::vector<CustomerBehaviour> all;
  for (auto& [name, customer] : customers) {
    customer.score = behaviour_score(customer.behaviour);
    all.push_back(std::move(customer));
  }
  // Among equals by name, as the map has them.
  std::ranges::stable_sort(all, std::greater<>(), &CustomerBehaviour::score);
  return all;
}

}  // namespace

Error add_behaviour(Session& session, std::int32_t sale_no, std::int64_t process_no,
                    std::span<const CustomerBehaviour> found) {
  if (found.empty()) return {};
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    tx.exec(kMayBeLost);
    execute(tx, embedded::behaviour_insert_sql, sale_no, process_no, json_of(found));
    commit(tx);
  });
}

Result<std::vector<std::string>> update_behaviour(Session& session, std::int32_t sale_no, std::int64_t process_no,
                                                  std::span<const CustomerBehaviour> found) {
  return in_transaction<std::vector<std::string>>(session, [&](pqxx::work& tx) {
    std::vector<std::string> there;
    tx.exec(kMayBeLost);
    for (const auto& row : execute(tx, embedded::behaviour_update_sql, sale_no, process_no, json_of(found))) {
      there.push_back(row[0].as<std::string>());
    }
    commit(tx);
    return there;
  });
}

Result<std::vector<CustomerBehaviour>> read_behaviour(Session& session, std::int32_t sale_no,
                                                      std::string_view customer_id) {
  auto rows = read_rows<CustomerBehaviour>(session, read_row, embedded::behaviour_of_sale_sql, sale_no,
                                           std::string(customer_id), kBehaviourRowsMax);
  if (!rows) return rows;
  return put_together(std::move(*rows));
}

BehaviourBands count_bands(std::span<const CustomerBehaviour> customers) {
  BehaviourBands bands{};
  for (const auto& one : customers) ++bands[static_cast<std::size_t>(behaviour_band(one.score))];
  return bands;
}

Result<BehaviourBands> read_bands(Session& session, std::int32_t sale_no) {
  ArrayLiteral bounds;
  for (const auto bound : kBandsFrom) bounds.add(bound);
  const auto read = [](const pqxx::row& row) { return std::pair{row[0].as<std::size_t>(), row[1].as<std::int64_t>()}; };
  const auto rows = read_rows<std::pair<std::size_t, std::int64_t>>(session, read, embedded::behaviour_bands_sql,
                                                                    sale_no, bounds.close());
  if (!rows) return rows.error();
  BehaviourBands bands{};
  for (const auto& [band, customers] : *rows) bands.at(band) = customers;
  return bands;
}

Result<std::vector<std::int32_t>> find_sales_with_behaviour(Session& session, std::string_view customer_id) {
  const auto read = [](const pqxx::row& row) { return row[0].as<std::int32_t>(); };
  return read_rows<std::int32_t>(session, read, embedded::behaviour_sales_of_customer_sql, std::string(customer_id));
}

Error erase_behaviour(Session& session, std::string_view customer_id) {
  const auto sales = find_sales_with_behaviour(session, customer_id);
  if (!sales) return sales.error();
  for (const auto sale_no : *sales) {
    const auto dropped = change_rows(session, "DELETE FROM customer_behaviour WHERE sale_no = $1 AND customer_id = $2",
                                     sale_no, std::string(customer_id));
    if (!dropped) return dropped.error();
  }
  return {};
}

Error drop_old_behaviour(Session& session, std::int32_t sale_no, std::chrono::seconds older_than) {
  const auto dropped = change_rows(session,
                                   "DELETE FROM customer_behaviour WHERE sale_no = $1 AND ctid = ANY (ARRAY("
                                   "SELECT ctid FROM customer_behaviour"
                                   " WHERE sale_no = $1 AND seen_at < now() - $2 * interval '1 second'"
                                   " LIMIT $3 FOR UPDATE SKIP LOCKED))",
                                   sale_no, std::int64_t{older_than.count()}, kDroppedAtOnce);
  return dropped ? Error() : dropped.error();
}

}  // namespace flashsale::postgres
