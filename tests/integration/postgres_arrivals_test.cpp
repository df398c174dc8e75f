#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "admin/sale_curves.hpp"
#include "flashsale/admin/forecast_watch.hpp"
#include "flashsale/postgres/arrival_repository.hpp"
#include "flashsale/postgres/rehearsal.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale {
namespace {

using postgres::NewestRun;
using postgres::read_arrivals;
using postgres::read_newest_run;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::PostgresDatabase;

MATCHER_P2(Second, second, checkouts, "") { return arg.second == second && arg.checkouts == checkouts; }

Error add_arrivals(postgres::Session& session, std::int32_t sale_no,
                   const std::map<std::int64_t, std::int64_t>& counts) {
  return postgres::add_arrivals(session, sale_no, counts, 1000);
}

class PostgresArrivalsTest : public ::testing::Test {
 protected:
  Sale create(const std::string& id, bool rehearsal = false) {
    auto definition = testing::sale_definition(id, {100});
    definition.rehearsal = rehearsal;
    return **postgres::create_sale(session, definition, "test");
  }
  void reset(const Sale& sale) { ASSERT_TRUE(postgres::reset_rehearsal(session, sale.id, "test")); }
  /// So many checkouts in each of thirty seconds.
  void rush(const Sale& sale, std::int64_t each) {
    std::map<std::int64_t, std::int64_t> counts;
    for (std::int64_t second = 100; second < 130; ++second) counts[second] = each;
    ASSERT_FALSE(add_arrivals(session, sale.sale_no, counts));
  }
  static catalog::Snapshot snapshot_of(std::vector<Sale> sales) {
    catalog::Snapshot snapshot;
    for (auto& sale : sales) {
      auto shown = std::make_shared<catalog::SaleSnapshot>();
      shown->sale = std::make_shared<const Sale>(std::move(sale));
      snapshot.sales.push_back(std::move(shown));
    }
    return snapshot;
  }

  PostgresDatabase database;
  postgres::Session session = database.connect();
};

TEST_F(PostgresArrivalsTest, InstancesAddUp) {
  const auto sale = create("sale"), other = create("other");
  ASSERT_FALSE(add_arrivals(session, sale.sale_no, {{100, 5}, {102, 7}}));
  ASSERT_FALSE(add_arrivals(session, sale.sale_no, {{100, 1}, {101, 2}}));
  ASSERT_FALSE(add_arrivals(session, other.sale_no, {{100, 50}}));
  ASSERT_FALSE(add_arrivals(session, sale.sale_no, {}));
  EXPECT_THAT(read_arrivals(session, sale.sale_no, 0, 100)->counts,
              ElementsAre(Second(100, 6), Second(101, 2), Second(102, 7)));
  EXPECT_THAT(read_arrivals(session, sale.sale_no, 101, 1)->counts, ElementsAre(Second(101, 2)));
  EXPECT_THAT(read_arrivals(session, sale.sale_no, 103, 100)->counts, IsEmpty());
}

TEST_F(PostgresArrivalsTest, ACurveHasABound) {
  const auto sale = create("sale"), rehearsal = create("rehearsal", true);
  for (const auto& one : {sale, rehearsal}) {
    ASSERT_FALSE(add_arrivals(session, one.sale_no, {{100, 5}}));
    ASSERT_FALSE(add_arrivals(session, one.sale_no, {{99, 1}, {1098, 7}, {1099, 8}, {5000, 9}}));
  }
  const auto kept = ElementsAre(Second(99, 1), Second(100, 5), Second(1098, 7), Second(1099, 8));
  EXPECT_THAT(read_arrivals(session, sale.sale_no, 0, 100)->counts, kept);
  ASSERT_FALSE(add_arrivals(session, sale.sale_no, {{1099, 1}}));
  EXPECT_THAT(read_arrivals(session, sale.sale_no, 1000, 100)->counts, ElementsAre(Second(1098, 7), Second(1099, 8)));
  reset(rehearsal);
  ASSERT_FALSE(add_arrivals(session, rehearsal.sale_no, {{5000, 9}}));
  EXPECT_THAT(read_arrivals(session, rehearsal.sale_no, 0, 100)->counts, ElementsAre(Second(5000, 9)));
}

TEST_F(PostgresArrivalsTest, AResetBeginsACurveAndKeepsTheLastOne) {
  const auto sale = create("rehearsal", true);
  ASSERT_FALSE(add_arrivals(session, sale.sale_no, {{100, 5}}));
  EXPECT_THAT(read_newest_run(session, sale.sale_no, NewestRun::ended, 100)->counts, IsEmpty());
  EXPECT_THAT(read_newest_run(session, sale.sale_no, NewestRun::any, 100)->counts, ElementsAre(Second(100, 5)));
  const auto first = read_arrivals(session, sale.sale_no, 0, 100)->reset_epoch;
  reset(sale);
  EXPECT_THAT(read_arrivals(session, sale.sale_no, 0, 100)->counts, IsEmpty());
  ASSERT_FALSE(add_arrivals(session, sale.sale_no, {{200, 3}, {201, 4}}));
  const auto second = *read_arrivals(session, sale.sale_no, 0, 100);
  EXPECT_THAT(second.counts, ElementsAre(Second(200, 3), Second(201, 4)));
  EXPECT_NE(second.reset_epoch, first);
  EXPECT_THAT(read_newest_run(session, sale.sale_no, NewestRun::ended, 100)->counts, ElementsAre(Second(100, 5)));
  EXPECT_THAT(read_newest_run(session, sale.sale_no, NewestRun::any, 100)->counts,
              ElementsAre(Second(200, 3), Second(201, 4)));
  reset(sale);
  EXPECT_EQ(database.count("SELECT count(*) FROM arrivals"), 2) << "one run back is enough";
}

TEST_F(PostgresArrivalsTest, ThePriorIsTheSalesOwnLastRunOrElseTheLastSale) {
  auto earlier = create("earlier"), quiet = create("quiet"), sale = create("sale", true);
  const auto now = sale.starts_at + std::chrono::minutes(1);
  for (auto* one : {&earlier, &quiet}) one->state = SaleState::closed;
  const auto snapshot = snapshot_of({earlier, quiet, sale});
  EXPECT_FALSE(admin::find_prior(session, snapshot, sale, now)->earlier);
  rush(earlier, 10);
  ASSERT_FALSE(add_arrivals(session, quiet.sale_no, {{100, 5}}));
  const auto of_the_other = admin::find_prior(session, snapshot, sale, now)->earlier;
  ASSERT_TRUE(of_the_other) << "five checkouts are no crowd, so it is the one before";
  EXPECT_EQ(of_the_other->total(1000), 300);
  rush(sale, 2);
  EXPECT_EQ(admin::find_prior(session, snapshot, sale, now)->earlier->total(1000), 300)
      << "what is under way is no earlier curve";
  reset(sale);
  EXPECT_EQ(admin::find_prior(session, snapshot, sale, now)->earlier->total(1000), 60);
}

/// By a view that stands in for the table.
class ForecastWatchTest : public PostgresArrivalsTest {
 protected:
  void make_unreadable(const Sale& sale) {
    database.ask(
        "CREATE FUNCTION is_readable(number integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF number = " +
        std::to_string(sale.sale_no) +
        " THEN RAISE 'a damaged page'; END IF; RETURN true; END $$;"
        "ALTER TABLE arrivals RENAME TO stored_arrivals;"
        "CREATE VIEW arrivals AS SELECT * FROM stored_arrivals WHERE is_readable(sale_no)");
  }
  [[nodiscard]] bool await(const Sale& sale, std::int64_t checkouts) {
    const auto count = [&] {
      return database.count("SELECT coalesce(sum(checkouts), 0) FROM arrivals WHERE sale_no = " +
                            std::to_string(sale.sale_no));
    };
    for (int i = 0; i < 1500 && count() != checkouts; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return count() == checkouts;
  }
  /// As if Redis had just said what time it is.
  static std::shared_ptr<const catalog::Snapshot> now_of(catalog::Snapshot snapshot, TimePoint reading) {
    auto index = std::make_shared<catalog::Index>();
    for (std::size_t i = 0; i < snapshot.sales.size(); ++i) {
      index->sales.emplace(snapshot.sales[i]->sale->id, i);
      index->numbers.emplace(snapshot.sales[i]->sale->sale_no, i);
    }
    snapshot.index = index;
    snapshot.clock.reading = reading;
    snapshot.clock.sent_at = snapshot.clock.received_at = std::chrono::steady_clock::now();
    return std::make_shared<const catalog::Snapshot>(std::move(snapshot));
  }
};

TEST_F(ForecastWatchTest, WhatComesIsWrittenThoughAnEarlierSaleCannotBeRead) {
  auto earlier = create("earlier"), sale = create("sale"), beside = create("beside");
  earlier.state = SaleState::closed;
  for (auto* one : {&sale, &beside}) one->state = SaleState::open;
  rush(earlier, 10);
  make_unreadable(earlier);
  const auto snapshot = now_of(snapshot_of({earlier, sale, beside}), sale.starts_at + std::chrono::minutes(1));
  ASSERT_FALSE(admin::find_prior(session, *snapshot, sale, snapshot->clock.reading));
  admin::ForecastWatch watch({.postgres = database.options()});
  watch.observe(snapshot);
  watch.start();
  watch.add({{sale.sale_no, 30}, {beside.sale_no, 7}}, *snapshot);
  EXPECT_TRUE(await(sale, 30));
  EXPECT_TRUE(await(beside, 7));
  // Some tries later it goes without.
  for (int i = 0; i < 1500 && watch.latest()->size() != 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(watch.latest()->size(), 2U);
  watch.add({{sale.sale_no, 5}}, *snapshot);
  watch.stop();
  EXPECT_TRUE(await(sale, 35)) << "a stop writes what there is";
}

TEST_F(ForecastWatchTest, WhatCannotBeWrittenOfOneSaleIsNoReasonToForgetAnother) {
  auto first = create("first"), second = create("second");
  for (auto* one : {&first, &second}) one->state = SaleState::open;
  database.ask(
      "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this sale'; END $$;"
      "CREATE TRIGGER fail BEFORE INSERT ON arrivals FOR EACH ROW WHEN (NEW.sale_no = " +
      std::to_string(first.sale_no) + ") EXECUTE FUNCTION fail()");
  const auto snapshot = now_of(snapshot_of({first, second}), second.starts_at + std::chrono::minutes(1));
  admin::ForecastWatch watch({.postgres = database.options()});
  watch.observe(snapshot);
  watch.start();
  watch.add({{first.sale_no, 3}, {second.sale_no, 4}}, *snapshot);
  EXPECT_TRUE(await(second, 4));
  database.ask("DROP TRIGGER fail ON arrivals");
  EXPECT_TRUE(await(first, 3)) << "it waits";
}

TEST_F(PostgresArrivalsTest, LooksBackAtAWholeSale) {
  const auto sale = create("sale");
  const auto snapshot = snapshot_of({sale});
  const auto look = [&] { return *admin::look_back(session, snapshot, sale, sale.starts_at); };
  EXPECT_FALSE(look());
  rush(sale, 40);
  ASSERT_FALSE(add_arrivals(session, sale.sale_no, {{199, 1}}));
  const auto looked_back = look();
  ASSERT_TRUE(looked_back);
  EXPECT_EQ(looked_back->checkouts, 1201);
  EXPECT_EQ(looked_back->seconds, 100);
  EXPECT_EQ(looked_back->hindsight.targets[0].judged, 97U);
}

}  // namespace
}  // namespace flashsale
