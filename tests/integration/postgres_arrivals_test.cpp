#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admin/sale_curves.hpp"
#include "flashsale/postgres/arrival_repository.hpp"
#include "flashsale/postgres/rehearsal.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale {
namespace {

using postgres::add_arrivals;
using postgres::NewestRun;
using postgres::read_arrivals;
using postgres::read_newest_run;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::PostgresDatabase;

MATCHER_P2(Second, second, checkouts, "") { return arg.second == second && arg.checkouts == checkouts; }

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
