#include "app/store_versions.hpp"

#include <gtest/gtest.h>

namespace flashsale::app {
namespace {

TEST(StoreVersionsTest, RedisIsOfVersionSevenAtLeast) {
  for (const auto* version : {"7.0.0", "7.0.15", "7.2.4", "8.0.1", "10.0.0", "255.255.255"}) {
    EXPECT_EQ(why_redis_is_too_old(version), "") << version;
  }
  EXPECT_EQ(why_redis_is_too_old("6.2.14"), "is of version 6.2.14; Redis 7.0 or later, or Valkey, is needed");
  EXPECT_NE(why_redis_is_too_old("5.0.3"), "");
}

TEST(StoreVersionsTest, ARedisThatDoesNotTellItsVersionIsNotJudged) {
  EXPECT_EQ(why_redis_is_too_old(""), "");
  EXPECT_EQ(why_redis_is_too_old("unstable"), "");
}

TEST(StoreVersionsTest, PostgresIsOfVersionFifteenAtLeast) {
  EXPECT_EQ(why_postgres_is_too_old(150000), "");
  EXPECT_EQ(why_postgres_is_too_old(170002), "");
  EXPECT_EQ(why_postgres_is_too_old(140013), "is of version 14; 15 or later is needed");
  EXPECT_NE(why_postgres_is_too_old(90624), "");
}

}  // namespace
}  // namespace flashsale::app
