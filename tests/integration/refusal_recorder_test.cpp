#include "flashsale/checkout/refusal_recorder.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "integration/postgres_fixture.hpp"

namespace flashsale::checkout {
namespace {

using testing::PostgresDatabase;
using namespace std::chrono_literals;

class RefusalRecorderTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::int64_t count(const Sale& sale) const {
    return database.count("SELECT coalesce(sum(count), 0) FROM refusals WHERE sale_no = " +
                          std::to_string(sale.sale_no));
  }
  [[nodiscard]] bool await(const Sale& sale, std::int64_t expected) const {
    for (int i = 0; i < 1500 && count(sale) != expected; ++i) std::this_thread::sleep_for(20ms);
    return count(sale) == expected;
  }

  PostgresDatabase database;
  postgres::Session session = database.connect();
  Sale first = testing::created_sale(session, "first", {10});
  Sale second = testing::created_sale(session, "second", {10});
};

TEST_F(RefusalRecorderTest, WhatCannotBeWrittenOfOneSaleHoldsNoOther) {
  for (const char* sqlstate : {"P0001", "08006"}) {
    const auto before = count(second);
    database.ask(
        "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this sale'"
        " USING ERRCODE = '" +
        std::string(sqlstate) +
        "'; END $$; CREATE TRIGGER fail BEFORE INSERT ON refusals FOR EACH ROW WHEN (NEW.sale_no = " +
        std::to_string(first.sale_no) + ") EXECUTE FUNCTION fail()");
    RefusalRecorder recorder(database.options());
    recorder.start();
    recorder.add({{first.sale_no, "sold_out", 2}, {second.sale_no, "sold_out", 3}, {second.sale_no, "closed", 1}});
    EXPECT_TRUE(await(second, before + 4)) << sqlstate;
    EXPECT_EQ(count(first), before / 4 * 3) << sqlstate;
    recorder.add({{first.sale_no, "sold_out", 1}});
    database.ask("DROP TRIGGER fail ON refusals");
    EXPECT_TRUE(await(first, before / 4 * 3 + 3)) << sqlstate;
    EXPECT_EQ(count(second), before + 4) << sqlstate;
  }
}

/// Written one after the other, also when the process ends.
TEST_F(RefusalRecorderTest, WritesWhatThereIsOfEachSaleAtTheEnd) {
  RefusalRecorder recorder(database.options());
  recorder.add({{first.sale_no, "sold_out", 2}, {second.sale_no, "sold_out", 3}});
  recorder.add({{first.sale_no, "sold_out", 1}});
  recorder.stop();
  EXPECT_EQ(count(first), 3);
  EXPECT_EQ(count(second), 3);
}

}  // namespace
}  // namespace flashsale::checkout
