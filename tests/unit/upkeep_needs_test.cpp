#include "catalog/upkeep_needs.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <utility>
#include <vector>

#include "catalog/pulse_answer.hpp"
#include "pulse_sale.hpp"

namespace flashsale::catalog {
namespace {

using namespace std::chrono_literals;

struct Case {
  const char* name;
  std::function<void(redis::PulseReply&)> change;  ///< of a reply that asks for nothing
  UpkeepNeeds needs;
};

UpkeepNeeds needs(std::initializer_list<bool UpkeepNeeds::*> wanted, std::vector<std::int32_t> push_stock = {}) {
  UpkeepNeeds all;
  for (const auto member : wanted) all.*member = true;
  all.push_stock = std::move(push_stock);
  return all;
}

constexpr auto kReload = &UpkeepNeeds::reload_directory;
constexpr auto kRebuild = &UpkeepNeeds::rebuild;
constexpr auto kDefine = &UpkeepNeeds::push_definition;
constexpr auto kMarks = &UpkeepNeeds::load_marks;

const Case kCases[] = {
    {"AllIsWell", [](auto&) {}, needs({})},
    {"TheFenceIsGone", [](auto& reply) { reply = {}; }, needs({kRebuild})},
    {"TheFenceIsOfAnOlderEpoch",
     [](auto& reply) {
       reply = {};
       reply.fence_epoch = 2;
     },
     needs({kRebuild})},
    {"TheFenceIsOfThisEpochAndClosed",
     [](auto& reply) {
       reply = {};
       reply.fence_epoch = 3;
     },
     needs({kRebuild})},
    {"SomebodyHasRebuiltItAlready",
     [](auto& reply) {
       reply = {};
       reply.fence_epoch = 4;
     },
     needs({kReload, kRebuild})},
    {"AnotherRedis", [](auto& reply) { reply.identity = "other"; }, needs({kRebuild})},
    {"AnotherPostgres", [](auto& reply) { reply.postgres_identity = "other"; }, needs({kRebuild})},
    {"AnItemIsLost", [](auto& reply) { reply.items.pop_back(); }, needs({kRebuild})},
    {"AnOlderDefinition", [](auto& reply) { reply.version = 4; }, needs({kDefine})},
    {"ANewerDefinition", [](auto& reply) { reply.version = 6; }, needs({})},
    {"AnOlderStock", [](auto& reply) { reply.items[1].stock_version = 1; }, needs({}, {12})},
    {"BothOlder",
     [](auto& reply) {
       reply.version = 4;
       for (auto& item : reply.items) item.stock_version = 0;
     },
     needs({kDefine}, {11, 12})},
    {"AnItemIsSoldOut", [](auto& reply) { reply.items[0].remaining = 0; }, needs({kMarks})},
    {"WhatCameBackRests", [](auto& reply) { reply.items[0].sells_from = kReading + 400ms; }, needs({kMarks})},
    {"WhatCameBackHasRested", [](auto& reply) { reply.items[0].sells_from = kReading; }, needs({})},
    {"LostAndSoldOut",
     [](auto& reply) {
       reply.items[0].remaining = 0;
       reply.items.pop_back();
     },
     needs({kRebuild})},
};

class UpkeepNeedsTest : public ::testing::TestWithParam<Case> {};

TEST_P(UpkeepNeedsTest, AReplyAsksFor) {
  const auto definition = open_sale(2);
  auto sale = served(definition);
  auto reply = reply_for(definition);
  GetParam().change(reply);
  apply_answer(sale, reply, sale.clock, {"redis", "postgres"});
  EXPECT_EQ(find_upkeep_needs(sale, reply), GetParam().needs);
}

INSTANTIATE_TEST_SUITE_P(Replies, UpkeepNeedsTest, ::testing::ValuesIn(kCases),
                         [](const auto& one) { return one.param.name; });

TEST(UpkeepNeedsOfMarksTest, AMarkThatIsThereIsNotLoadedAgain) {
  auto sale = served(open_sale(1));
  sale.levels[0].remaining = 0;
  sale.levels[0].sold_out_ids = std::make_shared<const OrderIdSet>(std::vector<std::uint64_t>{});
  EXPECT_EQ(find_upkeep_needs(sale, reply_for(*sale.sale)), UpkeepNeeds{});
}

}  // namespace
}  // namespace flashsale::catalog
