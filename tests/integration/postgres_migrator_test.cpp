#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/migrator.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

using testing::new_order;
using testing::PostgresDatabase;

TEST(PostgresMigratorTest, MigratesOnceAndKnowsItsState) {
  PostgresDatabase database(PostgresDatabase::Schema::empty);
  Session session = database.connect();
  const auto before = schema_state(session);
  ASSERT_TRUE(before) << before.error().message();
  EXPECT_EQ(before->found, 0);
  EXPECT_GT(before->expected, 0);
  const auto applied = migrate(session);
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_EQ(std::stoi(applied->back()), before->expected);
  EXPECT_EQ(applied->front(), "0001_schema.sql");
  EXPECT_TRUE(migrate(session)->empty());
  const auto after = schema_state(session);
  EXPECT_EQ(after->found, after->expected);
  EXPECT_TRUE(after->checksums_match);
}

TEST(PostgresMigratorTest, InstancesThatStartAtOnceApplyEachOnce) {
  PostgresDatabase database(PostgresDatabase::Schema::empty);
  std::atomic<std::size_t> applied{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      Session own = database.connect();
      const auto names = migrate(own);
      ASSERT_TRUE(names) << names.error().message();
      applied += names->size();
    });
  }
  for (auto& thread : threads) thread.join();
  Session session = database.connect();
  EXPECT_EQ(std::to_string(applied.load()), database.ask("SELECT count(*) FROM schema_migrations"));
}

TEST(PostgresMigratorTest, EveryDatabaseHasASaltOfItsOwnForGood) {
  PostgresDatabase one(PostgresDatabase::Schema::empty), other(PostgresDatabase::Schema::empty);
  const auto salt_of = [](const PostgresDatabase& database) {
    Session session = database.connect();
    EXPECT_TRUE(migrate(session));
    return load_directory(session, 0).value().order_salt;
  };
  const auto salt = salt_of(one);
  EXPECT_EQ(salt_of(one), salt);
  EXPECT_NE(salt_of(other), salt);
  EXPECT_NE(salt, OrderIdSalt{});
}

TEST(PostgresMigratorTest, LivesWithWhatANewerVersionHasAdded) {
  PostgresDatabase newer;
  newer.ask("INSERT INTO schema_migrations (number, name, checksum) VALUES (9999, 'later', 'x')");
  Session session = newer.connect();
  const auto applied = migrate(session);
  ASSERT_TRUE(applied);
  EXPECT_TRUE(applied->empty());
  EXPECT_EQ(schema_state(session)->found, 9999);
  EXPECT_TRUE(schema_state(session)->is_complete);
  EXPECT_TRUE(schema_state(session)->checksums_match);
  newer.ask("DELETE FROM schema_migrations WHERE number = 1");
  EXPECT_FALSE(schema_state(session)->is_complete);
}

TEST(PostgresMigratorTest, RefusesAMigrationOfAnotherText) {
  PostgresDatabase edited;
  edited.ask("UPDATE schema_migrations SET checksum = 'x' WHERE number = 1");
  Session other = edited.connect();
  EXPECT_FALSE(migrate(other));
  EXPECT_FALSE(schema_state(other)->checksums_match);
}

TEST(PostgresMigratorTest, TellsWhatTheServerPromises) {
  PostgresDatabase database;
  Session session = database.connect();
  const auto found = durability(session);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->fsync, database.ask("SHOW fsync") == "on");
  EXPECT_EQ(found->full_page_writes, database.ask("SHOW full_page_writes") == "on");
  EXPECT_EQ(found->synchronous_commit, database.ask("SHOW synchronous_commit"));
  EXPECT_FALSE(found->in_recovery);
  EXPECT_GE(found->server_version, 150000);
}

TEST(PostgresSessionTest, KnowsWhichServerItSpeaksTo) {
  PostgresDatabase database;
  Session session = database.connect();
  EXPECT_TRUE(session.server_identity().empty());
  ASSERT_FALSE(session.connect());
  const auto system = database.ask("SELECT system_identifier FROM pg_control_system()");
  EXPECT_EQ(session.server_identity().substr(0, system.size() + 1), system + ":");
  session.disconnect();
  EXPECT_TRUE(session.server_identity().empty());
}

/// As a frozen server looks from here: the call is not answered, and no timeout of the server's ends it.
TEST(PostgresSessionTest, ACallThatIsNotAnsweredIsCut) {
  PostgresDatabase database;
  auto options = database.options();
  options.statement_timeout = std::chrono::milliseconds(100);
  Session session(options, "cut");
  const auto sleep_without_timeout = [](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    tx.exec("SET statement_timeout = 0");
    tx.exec("SELECT pg_sleep(30)");
  };
  const auto started = std::chrono::steady_clock::now();
  const Error error = session.run(sleep_without_timeout, 1);
  EXPECT_EQ(error, make_error_code(Failure::unavailable)) << error.message();
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(15));
  // The next call has a new connection, and work that asks for more time has it.
  const Error patient = session.run(
      [&](pqxx::connection& connection) {
        session.more_time(std::chrono::seconds(60));
        pqxx::nontransaction tx(connection);
        tx.exec("SET statement_timeout = 0");
        tx.exec("SELECT pg_sleep(2.5)");
      },
      1);
  EXPECT_FALSE(patient) << patient.message();
}

TEST(PostgresMigratorTest, ADatabaseThatDoesNotSyncIsSeenThroughTheSessionsOwnSetting) {
  PostgresDatabase database;
  const std::string name = database.ask("SELECT current_database()");
  database.ask("ALTER DATABASE " + name + " SET synchronous_commit = off");
  Session session = database.connect();
  EXPECT_EQ(durability(session)->synchronous_commit, "off");
  std::string own;
  ASSERT_FALSE(session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    own = tx.exec("SHOW synchronous_commit")[0][0].c_str();
  }));
  EXPECT_EQ(own, "on");
}

TEST(PostgresSchemaTest, TheViewsShowEveryOrderAndItemInTheModelsWords) {
  PostgresDatabase database;
  Session session = database.connect();
  const Sale sale = testing::created_sale(session, "drop", {10});
  EXPECT_EQ(database.ask("SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position)"
                         " FROM information_schema.columns WHERE table_name = 'order_units'"),
            "order_id uuid, sale_id text, customer_id text, sku text, quantity integer, status text");
  EXPECT_EQ(database.ask("SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position)"
                         " FROM information_schema.columns WHERE table_name = 'item_stock'"),
            "sale_id text, sku text, stock bigint, sold bigint");
  OrderWriter writer(database.options(), "writer");
  for (const auto status : {OrderStatus::confirmed, OrderStatus::awaiting_payment, OrderStatus::cancelled,
                            OrderStatus::expired, OrderStatus::rejected}) {
    const NewOrder order = new_order(sale, 0, "buyer", std::string(to_string(status)), 2);
    ASSERT_TRUE(writer.write({&order, 1}, false));
    const std::string id = order.order.id.to_string();
    database.ask("UPDATE orders SET status = " + std::to_string(static_cast<int>(status)) + " WHERE order_id = '" + id +
                 "'");
    EXPECT_EQ(database.ask("SELECT concat_ws('|', sale_id, customer_id, sku, quantity, status) FROM order_units"
                           " WHERE order_id = '" +
                           id + "'"),
              "drop|buyer|sku-1|2|" + std::string(to_string(status)));
  }
  EXPECT_EQ(database.ask("SELECT concat_ws('|', sale_id, sku, stock, sold) FROM item_stock"), "drop|sku-1|10|10");
}

TEST(PostgresSchemaTest, TheTableItselfRefusesToOversell) {
  PostgresDatabase database;
  Session session = database.connect();
  testing::created_sale(session, "drop", {10});
  EXPECT_THROW(database.ask("UPDATE items SET sold = 11"), pqxx::check_violation);
  EXPECT_THROW(database.ask("UPDATE items SET sold = -1"), pqxx::check_violation);
}

TEST(PostgresSchemaTest, UpdatesOfAHotItemStayHeapOnly) {
  PostgresDatabase database;
  Session session = database.connect();
  const Sale sale = testing::created_sale(session, "drop", {1000});
  OrderWriter writer(database.options(), "writer");
  for (int i = 0; i < 300; ++i) {
    const NewOrder order = new_order(sale, 0, "a", std::to_string(i));
    ASSERT_TRUE(writer.write({&order, 1}, false));
  }
  EXPECT_LE(database.count("SELECT pg_relation_size('items') / 8192"), 3);
}

/// On a distributed PostgreSQL a unique key is one of a shard, and rows of a sale are found by their primary key.
TEST(PostgresSchemaTest, WhatIsOfASaleHasItsNumberFirstInItsPrimaryKey) {
  PostgresDatabase database;
  const std::string of_sales =
      "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, "
      "table_name)"
      " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'sale_no'";
  EXPECT_EQ(database.ask("SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM (" + of_sales + ") AS t"),
            "archived_orders arrivals customer_behaviour erased_names items orders outbox payment_events refunds"
            " refusals refused_withdrawals rehearsal_orders sales stock_changes");
  EXPECT_EQ(database.ask("SELECT string_agg(table_name, ' ') FROM (" + of_sales +
                         ") AS t WHERE NOT EXISTS (SELECT 1 FROM pg_index JOIN pg_attribute ON attrelid = indrelid"
                         " AND attnum = indkey[0] WHERE indrelid = table_name::regclass AND indisprimary"
                         " AND attname = 'sale_no')"),
            "");
  EXPECT_EQ(database.ask("SELECT string_agg(indexname, ' ') FROM pg_indexes WHERE indexdef LIKE '%UNIQUE%'"
                         " AND tablename <> 'sales' AND tablename IN (" +
                         of_sales + ") AND indexdef NOT LIKE '%(sale_no%'"),
            "");
  EXPECT_EQ(database.ask("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'orders'::regclass"),
            "0");
}

}  // namespace
}  // namespace flashsale::postgres
