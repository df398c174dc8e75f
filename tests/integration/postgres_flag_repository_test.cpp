#include "flashsale/postgres/flag_repository.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

using testing::PostgresDatabase;

class FlagRepositoryTest : public ::testing::Test {
 protected:
  PostgresDatabase database;
  Session session = database.connect();
};

TEST_F(FlagRepositoryTest, NothingIsSetAtFirst) {
  const auto records = list_flags(session);
  ASSERT_TRUE(records) << records.error().message();
  EXPECT_TRUE(records->empty());
  const auto directory = load_directory(session, 0);
  ASSERT_TRUE(directory && directory->flags);
  EXPECT_TRUE(directory->flags->is_on(Feature::checkout, "drop", "alice"));
}

TEST_F(FlagRepositoryTest, WhatIsSetIsReadBack) {
  const Flag some{false, 30, {"a.b", "drop_1", "x-2"}};
  const auto change = put_flag(session, Feature::live_stock, some, "anna");
  ASSERT_TRUE(change) << change.error().message();
  EXPECT_EQ(change->record.flag, some);
  ASSERT_TRUE(put_flag(session, Feature::checkout, {true, 0, {}}, "anna"));
  const auto records = list_flags(session);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 2U);
  EXPECT_EQ((*records)[0].feature, Feature::checkout);
  EXPECT_EQ((*records)[0].flag, (Flag{true, 0, {}}));
  EXPECT_EQ((*records)[1].feature, Feature::live_stock);
  EXPECT_EQ((*records)[1].flag, some);
  EXPECT_EQ((*records)[1].changed_at, change->record.changed_at);
}

TEST_F(FlagRepositoryTest, AChangeIsOneOfTheDirectoryAndIsLogged) {
  const auto before = directory_version(session);
  ASSERT_TRUE(put_flag(session, Feature::checkout, {false, 100, {}}, "anna"));
  const auto change = put_flag(session, Feature::checkout, {true, 50, {"drop"}}, "bert");
  ASSERT_TRUE(before && change);
  EXPECT_EQ(change->directory_version, *before + 2);
  EXPECT_EQ(*directory_version(session), *before + 2);

  const auto moved = load_directory(session, *before);
  ASSERT_TRUE(moved && moved->flags);
  EXPECT_TRUE(moved->sales.empty());
  EXPECT_EQ(moved->flags->is_on(Feature::checkout, "drop", "alice"), rollout_bucket(Feature::checkout, "alice") < 50);
  EXPECT_TRUE(moved->flags->is_on(Feature::checkout, "other", "alice"));
  const auto still = load_directory(session, change->directory_version);
  ASSERT_TRUE(still);
  EXPECT_FALSE(still->flags);

  const auto log = read_admin_log(session, 1'000'000, 10);
  ASSERT_TRUE(log);
  ASSERT_EQ(log->size(), 2U);
  EXPECT_EQ(log->front().who, "bert");
  EXPECT_EQ(log->front().action, "flag.set");
  EXPECT_EQ(log->front().subject, "checkout");
  EXPECT_EQ(log->front().change, R"({"enabled":true,"percent":50,"sales":["drop"]})");
  EXPECT_EQ(log->back().change, R"({"enabled":false,"percent":100})");
}

TEST_F(FlagRepositoryTest, WhatAnotherReleaseHasSetIsLeftAlone) {
  database.ask("INSERT INTO feature_flags (name, enabled, percent) VALUES ('of_tomorrow', false, 0)");
  ASSERT_TRUE(put_flag(session, Feature::webhooks, {false, 100, {}}, "anna"));
  const auto records = list_flags(session);
  ASSERT_TRUE(records) << records.error().message();
  ASSERT_EQ(records->size(), 1U);
  EXPECT_EQ(records->front().feature, Feature::webhooks);
  EXPECT_EQ(database.count("SELECT count(*) FROM feature_flags"), 2);
}

TEST_F(FlagRepositoryTest, TheSchemaRefusesWhatIsNoPercentage) {
  EXPECT_FALSE(put_flag(session, Feature::checkout, {true, 101, {}}, "anna"));
  EXPECT_EQ(database.count("SELECT count(*) FROM feature_flags"), 0);
  EXPECT_EQ(database.count("SELECT count(*) FROM admin_log"), 0);
  EXPECT_EQ(*directory_version(session), 0);
}

TEST_F(FlagRepositoryTest, WritersAtOnceAreOneAfterTheOther) {
  constexpr int kWriters = 4;
  constexpr int kChanges = 25;
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kWriters; ++t) {
    threads.emplace_back([&, t] {
      Session own = database.connect();
      for (int i = 0; i < kChanges; ++i) {
        const auto feature = i % 2 == t % 2 ? Feature::checkout : Feature::live_stock;
        done += put_flag(own, feature, {true, i, {}}, "anna") ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, kWriters * kChanges);
  EXPECT_EQ(*directory_version(session), kWriters * kChanges);
  EXPECT_EQ(database.count("SELECT count(*) FROM admin_log"), kWriters * kChanges);
}

}  // namespace
}  // namespace flashsale::postgres
