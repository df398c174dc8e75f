#include "catalog/directory_reach.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flashsale::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Marks = std::vector<std::string>;

/// Of server `a`, which answers with directory version 10 and 1000 bytes of WAL.
struct Case {
  const char* name;
  Reach seen;
  Reach announced;
  AskedServer server;
  Marks lost_marks;  ///< as PostgreSQL says
  bool has_gone_back = false;
  std::int64_t above = 0;
};

const Reach kNothing{};
const Reach kSame{.server = "a", .version = 10, .wal_position = 1000};
const Reach kBefore{.server = "a", .version = 9, .wal_position = 900};
const Reach kLaterVersion{.server = "a", .version = 11, .wal_position = 900};
const Reach kLaterPosition{.server = "a", .version = 9, .wal_position = 1001};
const Reach kOther{.server = "b", .version = 99, .wal_position = 9999};
const AskedServer kA{"a", "a"};

const Case kCases[] = {
    {"NothingWasHeardOfIt", kNothing, kNothing, kA, {}},
    {"ItHasNotMoved", kSame, kSame, kA, {}},
    {"ItHasMoved", kBefore, kBefore, kA, {}},
    {"ThisProcessHasSeenALaterVersion", kLaterVersion, kNothing, kA, {}, true, 11},
    {"ThisProcessHasSeenMoreWal", kLaterPosition, kNothing, kA, {}, true, 9},
    {"RedisTellsOfALaterVersion", kBefore, kLaterVersion, kA, {}, true, 11},
    {"RedisTellsOfMoreWal", kBefore, kLaterPosition, kA, {}, true, 9},
    {"AMarkIsMissing", kBefore, kSame, kA, {"m"}, true, 10},
    {"AnotherServerMayBeBehind", kOther, kOther, kA, {}},
    {"AnotherServerThanMeantLacksTheMarks", kNothing, kNothing, {"b", "a"}, {"m"}},
    {"AnotherServerThanMeantIsBehindWhatWasSeenOfIt", kLaterVersion, kNothing, {"b", "a"}, {"m"}, true, 11},
};

class GoneBackTest : public ::testing::TestWithParam<Case> {};

TEST_P(GoneBackTest, IsTold) {
  const auto& with = GetParam();
  postgres::DirectoryChanges changes;
  changes.version = 10;
  changes.wal_position = 1000;
  changes.lost_marks = with.lost_marks;
  const auto gone_back = find_gone_back(with.seen, with.announced, with.server, changes);
  ASSERT_EQ(gone_back.has_value(), with.has_gone_back);
  if (!gone_back) return;
  EXPECT_EQ(gone_back->above, with.above);
  // Marks of another server prove nothing of this one.
  EXPECT_EQ(gone_back->lost_marks, with.server.meant == with.server.answered ? with.lost_marks : Marks{});
}

INSTANTIATE_TEST_SUITE_P(Looks, GoneBackTest, ::testing::ValuesIn(kCases),
                         [](const auto& one) { return one.param.name; });

TEST(RememberedMarksTest, AreThoseOfTheServerThatIsMeant) {
  const postgres::ServerMark one{1, "x"};
  const postgres::ServerMark two{2, "y"};
  const Reach seen{"a", 0, 0, one};
  EXPECT_THAT(remembered_marks(seen, {"a", 0, 0, two}, "a"), ElementsAre(one, two));
  EXPECT_THAT(remembered_marks(seen, {}, "a"), ElementsAre(one));
  EXPECT_THAT(remembered_marks(seen, {}, "b"), IsEmpty());
  // Redis keeps them by server, and may have lost the position.
  EXPECT_THAT(remembered_marks({}, {"", 0, 0, two}, "a"), ElementsAre(two));
  EXPECT_THAT(remembered_marks({}, {}, "a"), IsEmpty());
}

}  // namespace
}  // namespace flashsale::catalog
