#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/distribution.hpp"
#include "flashsale/postgres/migrator.hpp"
#include "flashsale/postgres/order_writer.hpp"
#include "flashsale/postgres/pqxx.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/postgres/session.hpp"
#include "order_ids.hpp"

namespace flashsale::testing {

/// A database of its own on the server that FLASHSALE_TEST_POSTGRES_URL names, with the schema migrated; dropped at
/// the end, whoever is still connected. Where FLASHSALE_TEST_CITUS names a database on the coordinator of a Citus
/// cluster: a schema of its own in that one, distributed.
class PostgresDatabase {
 public:
  enum class Schema { migrated, empty };

  explicit PostgresDatabase(Schema schema = Schema::migrated) : name_(fresh_name()) {
    on_server((is_citus() ? "CREATE SCHEMA " : "CREATE DATABASE ") + name_);
    if (schema == Schema::empty) return;
    postgres::Session session = connect("migrate");
    if (!postgres::migrate(session)) throw std::runtime_error("the migrations fail");
    if (is_citus() && !postgres::distribute(session)) throw std::runtime_error("the tables cannot be distributed");
    // So that the ids of new_order() below are in their customers' ranges.
    ask("UPDATE directory SET order_salt = '01234567-89ab-cdef-fedc-ba9876543210'");
  }
  ~PostgresDatabase() {
    try {
      on_server(is_citus() ? "DROP SCHEMA " + name_ + " CASCADE" : "DROP DATABASE " + name_ + " WITH (FORCE)");
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  PostgresDatabase(const PostgresDatabase&) = delete;
  PostgresDatabase& operator=(const PostgresDatabase&) = delete;

  [[nodiscard]] std::string url() const {
    return is_citus() ? with_schema(server_url(), name_) : with_database(server_url(), name_);
  }
  [[nodiscard]] postgres::Options options() const {
    postgres::Options options;
    options.url = url();
    return options;
  }
  [[nodiscard]] postgres::Session connect(std::string name = "test") const { return {options(), std::move(name)}; }

  /// The first field of the first row, or an empty text; any SQL.
  std::string ask(const std::string& sql) const {
    pqxx::connection connection(url());
    pqxx::work tx(connection);
    const auto rows = tx.exec(sql);
    tx.commit();
    return rows.empty() || rows[0][0].is_null() ? std::string() : std::string(rows[0][0].c_str());
  }
  [[nodiscard]] std::int64_t count(const std::string& sql) const { return std::stoll(ask(sql)); }

  /// Ends the connections of the session of this name, as a failing server does. How many there were.
  int terminate(const std::string& session_name) const {
    return std::stoi(ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '" +
                         session_name + "' AND datname = current_database()"));
  }

 private:
  static bool is_citus() { return std::getenv("FLASHSALE_TEST_CITUS") != nullptr; }
  static std::string server_url() {
    const char* url = std::getenv(is_citus() ? "FLASHSALE_TEST_CITUS" : "FLASHSALE_TEST_POSTGRES_URL");
    if (url == nullptr) throw std::runtime_error("FLASHSALE_TEST_POSTGRES_URL is not set");
    return url;
  }
  static std::string fresh_name() {
    static std::atomic<int> number{0};
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    return "flashsale_test_" + std::to_string(getpid()) + "_" + std::to_string(now) + "_" + std::to_string(number++);
  }
  static std::string with_schema(const std::string& url, const std::string& name) {
    if (url.find("://") == std::string::npos) return url + " options='-csearch_path=" + name + "'";
    return url + (url.find('?') == std::string::npos ? "?" : "&") + "options=-csearch_path%3D" + name;
  }
  static std::string with_database(const std::string& url, const std::string& name) {
    const auto scheme = url.find("://");
    if (scheme == std::string::npos) return url + " dbname=" + name;
    const auto authority_end = std::min(url.find_first_of("/?", scheme + 3), url.size());
    const auto query = std::min(url.find('?', authority_end), url.size());
    return url.substr(0, authority_end) + "/" + name + url.substr(query);
  }
  static void on_server(const std::string& sql) {
    pqxx::connection connection(server_url());
    pqxx::nontransaction tx(connection);
    tx.exec(sql);
  }

  std::string name_;
};

/// A sale that is open for a day; `stocks` gives one item each, sku-1, sku-2, …
inline Sale sale_definition(std::string id, const std::vector<std::int64_t>& stocks) {
  const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  Sale sale;
  sale.id = std::move(id);
  sale.name = "A \"sale\" of \\ things, für alle";
  sale.starts_at = now;
  sale.ends_at = now + std::chrono::hours(24);
  for (std::size_t i = 0; i < stocks.size(); ++i) {
    Item item;
    item.sku = "sku-" + std::to_string(i + 1);
    item.name = "Thing, {no} " + std::to_string(i + 1);
    item.price = {1999, "EUR"};
    item.stock = stocks[i];
    item.limit_per_customer = 2;
    sale.items.push_back(item);
  }
  return sale;
}

/// Creates it; epoch 0, which new_order below names too.
inline Sale created_sale(postgres::Session& session, const std::string& id, const std::vector<std::int64_t>& stocks) {
  const auto created = postgres::create_sale(session, sale_definition(id, stocks), "test");
  if (!created || !*created) throw std::runtime_error("the sale cannot be created");
  return **created;
}

/// Where a customer's range of ids begins in a sale.
inline OrderId first_of(const Sale& sale, const std::string& customer) {
  return sample::order_id(customer, {}, sale.sale_no).first_of_customer();
}

inline postgres::NewOrder new_order(const Sale& sale, std::size_t item, const std::string& customer,
                                    const std::string& key, std::int32_t quantity = 1, std::int64_t epoch = 0) {
  postgres::NewOrder order;
  order.order.id = sample::order_id(customer, key, sale.sale_no);
  order.order.lines = {{sale.items.at(item).item_no, quantity}};
  order.order.customer_id = customer;
  order.order.status = OrderStatus::confirmed;
  order.order.created_at = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  order.epoch = epoch;
  return order;
}

}  // namespace flashsale::testing
