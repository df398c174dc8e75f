#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flashsale/redis/order_record.hpp"
#include "order_ids.hpp"

namespace flashsale::redis {
namespace {

const std::string kStamp("\1\0\0\0\0\0\0\0", 8);
constexpr OrderLine kLine{7, 2};
constexpr OrderLine kCart[] = {{7, 2}, {8, 1}};

std::string packed(std::string customer, std::span<const OrderLine> lines, std::string_view generation = {}) {
  std::string text(sample::order_id(customer, "key").bytes());
  append_order_payload(text, lines, customer);
  return text + std::string(generation);
}

constexpr std::string_view kSecondTime("\2\0", 2);
const std::string kAnn = packed("ann", std::span(&kLine, 1));
const std::string kBob = packed("bob", kCart);
const std::string kAnnAgain = packed("ann", std::span(&kLine, 1), kSecondTime);

std::optional<PendingEntry> parse(std::string_view kind, const std::string& text) {
  return parse_pending_entry("1-1", kStamp, kind, text);
}

TEST(PendingEntryTest, ABatchHoldsItsOrdersInTheirOrder) {
  for (const char* const kind : {"o", "c"}) {
    const auto entry = parse(kind, kAnn + kBob).value();
    EXPECT_EQ(entry.id, "1-1");
    EXPECT_EQ(entry.created_at, from_unix_us(1));
    EXPECT_FALSE(entry.is_retake);
    EXPECT_FALSE(entry.withdrawal);
    ASSERT_EQ(entry.orders.size(), 2U);
    EXPECT_EQ(entry.orders[0].customer_id, "ann");
    EXPECT_EQ(entry.orders[1].customer_id, "bob");
    EXPECT_EQ(entry.orders[1].lines.size(), 2U);
    EXPECT_EQ(entry.orders[1].created_at, entry.created_at);
  }
}

TEST(PendingEntryTest, ABatchTellsWhereItsOrdersCameFrom) {
  const std::string hash(kClientHashDigits, '7'), none(kClientHashDigits, '-');
  const auto ann = sample::order_id("ann", "key"), bob = sample::order_id("bob", "key");
  const auto hashes = [](const std::string& clients) {
    return parse_pending_entry("1-1", kStamp, "c", kAnn + kBob, clients).value().client_hashes;
  };
  EXPECT_EQ(hashes(none + hash), (ClientHashes{{bob, hash}}));
  EXPECT_EQ(hashes(hash + hash), (ClientHashes{{ann, hash}, {bob, hash}}));
  EXPECT_EQ(hashes(hash), (ClientHashes{{ann, hash}}));
  EXPECT_EQ(hashes(""), ClientHashes{});
  EXPECT_EQ(hashes("7"), ClientHashes{});
}

TEST(PendingEntryTest, ARetakeIsOneOrderWithItsGeneration) {
  const auto entry = parse("p", kAnnAgain).value();
  EXPECT_TRUE(entry.is_retake);
  ASSERT_EQ(entry.orders.size(), 1U);
  EXPECT_EQ(entry.orders[0].generation, 2);
  EXPECT_FALSE(parse("p", ""));
  EXPECT_FALSE(parse("p", kAnnAgain + kAnnAgain));
}

TEST(PendingEntryTest, AWithdrawalNamesItsChange) {
  const auto id = sample::order_id("merchant", "key");
  const auto entry = parse("w", std::string(id.bytes()) + withdrawal_payload(7, 5, "merchant")).value();
  EXPECT_TRUE(entry.orders.empty());
  ASSERT_TRUE(entry.withdrawal);
  EXPECT_EQ(entry.withdrawal->change_id, id);
  EXPECT_EQ(entry.withdrawal->item_no, 7);
  EXPECT_EQ(entry.withdrawal->units, 5);
  EXPECT_EQ(entry.withdrawal->who, "merchant");
}

TEST(PendingEntryTest, WhatIsNotOfOurMakingIsNone) {
  EXPECT_FALSE(parse("x", kAnn));
  EXPECT_FALSE(parse("", kAnn));
  EXPECT_FALSE(parse("o", kAnn.substr(1)));
  EXPECT_FALSE(parse("p", kAnn));
  EXPECT_FALSE(parse("w", kAnn.substr(0, 20)));
  EXPECT_FALSE(parse_pending_entry("1-1", "short", "o", kAnn));
}

}  // namespace
}  // namespace flashsale::redis
