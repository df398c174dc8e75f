#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "integration/postgres_fixture.hpp"
#include "postgres/statement.hpp"

namespace flashsale::postgres {
namespace {

using testing::PostgresDatabase;

constexpr const char* kNext = "SELECT $1::integer + 1";

class PostgresStatementsTest : public ::testing::Test {
 protected:
  static std::int64_t next(pqxx::transaction_base& tx, int number) {
    return execute(tx, kNext, number)[0][0].as<std::int64_t>();
  }
  /// How often the session has executed a plan of this statement; -1: it has not prepared it.
  static std::int64_t executed(pqxx::transaction_base& tx, const std::string& sql) {
    const auto rows =
        tx.exec("SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement = " + tx.quote(sql));
    return rows.empty() ? -1 : rows[0][0].as<std::int64_t>();
  }

  PostgresDatabase database{PostgresDatabase::Schema::empty};
  Session session = database.connect("statements");
};

TEST_F(PostgresStatementsTest, AStatementIsPreparedOnceForItsConnection) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(session.run([&](pqxx::connection& connection) {
      pqxx::work tx(connection);
      EXPECT_EQ(next(tx, i), i + 1);
      EXPECT_EQ(executed(tx, kNext), i + 1);
    }));
  }
}

TEST_F(PostgresStatementsTest, ATransactionThatIsRolledBackLeavesItPrepared) {
  ASSERT_TRUE(session.run(
      [&](pqxx::connection& connection) {
        pqxx::work tx(connection);
        EXPECT_EQ(next(tx, 1), 2);
        tx.exec("SELECT 1 / 0");
      },
      1));
  ASSERT_FALSE(session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    EXPECT_EQ(next(tx, 2), 3);
    EXPECT_EQ(executed(tx, kNext), 2);
  }));
}

TEST_F(PostgresStatementsTest, AnotherSessionWithinHasItsOwn) {
  Session other = database.connect("other");
  ASSERT_FALSE(session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    EXPECT_EQ(next(tx, 1), 2);
    EXPECT_FALSE(other.run([&](pqxx::connection& within) {
      pqxx::work tx_within(within);
      EXPECT_EQ(executed(tx_within, kNext), -1);
      EXPECT_EQ(next(tx_within, 5), 6);
      EXPECT_EQ(next(tx, 2), 3) << "of the connection around it, whose statements are not in use";
      EXPECT_EQ(executed(tx_within, kNext), 1);
    }));
    EXPECT_EQ(next(tx, 3), 4);
    EXPECT_EQ(executed(tx, kNext), 2);
  }));
}

TEST_F(PostgresStatementsTest, ANewConnectionPreparesAnew) {
  const auto ask = [&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    EXPECT_EQ(next(tx, 1), 2);
    EXPECT_EQ(executed(tx, kNext), 1);
  };
  ASSERT_FALSE(session.run(ask));
  ASSERT_EQ(database.terminate("statements"), 1);
  ASSERT_FALSE(session.run(ask));
}

/// As after a migration beside a server that runs.
TEST_F(PostgresStatementsTest, AStatementThatReturnsSomethingElseNowIsPreparedAnew) {
  database.ask("CREATE TABLE things AS SELECT 1 AS a");
  std::size_t columns = 0;
  const auto look = [&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    columns = static_cast<std::size_t>(execute(tx, "SELECT * FROM things WHERE a = $1", 1).columns());
  };
  ASSERT_FALSE(session.run(look));
  EXPECT_EQ(columns, 1U);
  database.ask("ALTER TABLE things ADD COLUMN b integer");
  ASSERT_FALSE(session.run(look));
  EXPECT_EQ(columns, 2U);
}

/// As each statement is after ten seconds: within a transaction, and after one in which that failed.
TEST_F(PostgresStatementsTest, AStatementIsPlannedAnewWhenItIsOld) {
  ASSERT_FALSE(session.run([&](pqxx::connection& connection) {
    StatementCache impatient(connection, std::chrono::milliseconds(0));
    const StatementCache::Use use(impatient);
    {
      pqxx::work tx(connection);
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(next(tx, i), i + 1);
        EXPECT_EQ(executed(tx, kNext), 1) << "one that was prepared just now";
      }
      EXPECT_THROW(tx.exec("SELECT 1 / 0"), pqxx::sql_error);
    }
    pqxx::work tx(connection);
    EXPECT_EQ(next(tx, 7), 8);
  }));
}

TEST_F(PostgresStatementsTest, WhatSomebodyHasDiscardedIsPreparedAnew) {
  const auto ask = [&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    EXPECT_EQ(next(tx, 1), 2);
  };
  ASSERT_FALSE(session.run(ask));
  ASSERT_FALSE(session.run([](pqxx::connection& connection) { pqxx::nontransaction(connection).exec("DISCARD ALL"); }));
  ASSERT_FALSE(session.run(ask));
}

/// An operator has to see what failed, and not what it is called here.
TEST_F(PostgresStatementsTest, WhatFailsIsToldByItsText) {
  for (const char* sql : {"SELECT 1 / $1::integer", "SELECT $1::integer FROM nowhere"}) {
    ::testing::internal::CaptureStderr();
    EXPECT_TRUE(session.run(
        [&](pqxx::connection& connection) {
          pqxx::work tx(connection);
          execute(tx, sql, 0);
        },
        1));
    EXPECT_NE(::testing::internal::GetCapturedStderr().find(sql), std::string::npos) << sql;
  }
}

/// Texts that are made as one goes would fill the server's memory.
TEST_F(PostgresStatementsTest, AConnectionKeepsNoMoreThanItsShare) {
  ASSERT_FALSE(session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    for (int i = 0; i < 300; ++i) {
      EXPECT_EQ(execute(tx, "SELECT $1::integer + " + std::to_string(i), 1)[0][0].as<int>(), i + 1);
    }
    EXPECT_EQ(tx.exec("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'statement_%'")[0][0].as<int>(),
              256);
  }));
}

}  // namespace
}  // namespace flashsale::postgres
