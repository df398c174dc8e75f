#include "app/file_limit.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace flashsale::app {
namespace {

TEST(FileLimit, ConnectionsLeaveRoomForTheRest) {
  EXPECT_EQ(connections_within(1'048'576, 20'000, 16), 20'000U);
  EXPECT_EQ(connections_within(20'000, 20'000, 2), 20'000U - 904);
  EXPECT_EQ(connections_within(20'904, 20'000, 2), 20'000U);
  EXPECT_EQ(connections_within(1'024, 20'000, 2), 512U) << "where there are few, half of them";
  EXPECT_EQ(connections_within(1'024, 100, 2), 100U);
  EXPECT_EQ(connections_within(0, 100, 1), 1U);
}

TEST(FileLimit, TheSoftLimitIsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 256;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_file_limit(), before.rlim_max);
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace flashsale::app
