#include "flashsale/catalog/pending_work.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "flashsale/model/order_id.hpp"
#include "flashsale/postgres/error.hpp"
#include "order_ids.hpp"
#include "pulse_sale.hpp"

namespace flashsale::catalog {

// For messages of failed tests.
void PrintTo(const Verdict& verdict, std::ostream* out) {
  *out << "{end " << static_cast<int>(verdict.end) << ", release " << static_cast<int>(verdict.release) << "}";
}

namespace {

using postgres::LateOutcome;
using postgres::WriteOutcome;

constexpr std::int32_t kItem = 11;
constexpr std::int32_t kOtherItem = 12;
/// Of open_sale().
constexpr std::int32_t kSaleNo = 1;
/// Not in the sale.
constexpr std::int32_t kForeignItem = 99;

Order order(std::string customer, std::vector<std::int32_t> items, std::int32_t sale_no = kSaleNo) {
  Order order;
  order.id = sample::order_id(customer, "key", sale_no);
  for (const auto item : items) order.lines.push_back({item, 1});
  order.customer_id = std::move(customer);
  order.created_at = kReading;
  return order;
}

redis::PendingEntry batch(std::vector<Order> orders) { return {"1-1", kReading, std::move(orders), false, {}}; }
redis::PendingEntry retake_of(Order taken) {
  taken.generation = 1;
  return {"1-1", kReading, {std::move(taken)}, true, {}};
}
redis::PendingEntry withdrawal(std::int32_t item_no) {
  redis::PendingEntry entry{"1-1", kReading, {}, false, {}};
  entry.withdrawal = redis::WithdrawalEntry{sample::order_id("merchant", "key"), item_no, 5, "merchant"};
  return entry;
}

// --- what an entry asks for ---

struct Describe {
  std::string operator()(const WriteOrders& work) const {
    std::string text = "write";
    for (const auto& order : work.orders) text += " " + order.customer_id + ":" + std::string(to_string(order.status));
    return text;
  }
  std::string operator()(const ConfirmRetake& work) const {
    return "confirm " + work.taken.customer_id + " again " + std::to_string(work.taken.generation);
  }
  std::string operator()(const WriteWithdrawal& work) const {
    return "withdraw " + std::to_string(work.taken.units) + " of " + std::to_string(work.taken.item_no) + " for " +
           work.taken.who;
  }
};

struct EntryCase {
  const char* name;
  redis::PendingEntry entry;
  std::string in_served_epoch;
  std::string in_older_epoch;
};

const EntryCase kEntries[] = {
    {"ABatch", batch({order("ann", {kItem}), order("bob", {kOtherItem})}), "write ann:confirmed bob:confirmed",
     "write ann:confirmed bob:confirmed"},
    {"ACart", batch({order("ann", {kItem, kOtherItem})}), "write ann:confirmed", "write ann:confirmed"},
    {"AnEmptyBatch", batch({}), "write", "write"},
    {"ABatchWithAnotherSalesOrder", batch({order("ann", {kForeignItem}), order("bob", {kItem})}),
     "write ann:confirmed bob:confirmed", "write bob:confirmed"},
    {"ABatchWithAnOrderOfASaleOfThatNameBefore", batch({order("ann", {kItem}, kSaleNo + 1), order("bob", {kItem})}),
     "write ann:confirmed bob:confirmed", "write bob:confirmed"},
    {"ACartWithAnotherSalesLine", batch({order("ann", {kItem, kForeignItem})}), "write ann:confirmed", "write"},
    {"ARetake", retake_of(order("ann", {kItem})), "confirm ann again 1", "confirm ann again 1"},
    {"ARetakeOfAnotherSale", retake_of(order("ann", {kItem, kForeignItem})), "confirm ann again 1", "nothing"},
    {"AWithdrawal", withdrawal(kItem), "withdraw 5 of 11 for merchant", "withdraw 5 of 11 for merchant"},
    {"AWithdrawalOfAnotherSale", withdrawal(kForeignItem), "withdraw 5 of 99 for merchant", "nothing"},
};

std::string ask(const redis::PendingEntry& entry, const Sale& sale, LogOf log) {
  const auto work = find_pending_work(entry, sale, log);
  return work ? std::visit(Describe{}, *work) : "nothing";
}

class PendingWorkTest : public ::testing::TestWithParam<EntryCase> {};

TEST_P(PendingWorkTest, AnEntryAsksFor) {
  const auto sale = open_sale(2);
  EXPECT_EQ(ask(GetParam().entry, sale, LogOf::served_epoch), GetParam().in_served_epoch);
  EXPECT_EQ(ask(GetParam().entry, sale, LogOf::older_epoch), GetParam().in_older_epoch);
}

INSTANTIATE_TEST_SUITE_P(Entries, PendingWorkTest, ::testing::ValuesIn(kEntries),
                         [](const auto& one) { return one.param.name; });

TEST(PendingWorkOfPaidSalesTest, OrdersBeginAwaitingPaymentAndARetakeAsItWasTaken) {
  auto sale = open_sale(1);
  sale.payment = PaymentMode::required;
  sale.items[0].price.amount = 100;
  for (const auto log : {LogOf::served_epoch, LogOf::older_epoch}) {
    EXPECT_EQ(ask(batch({order("ann", {kItem})}), sale, log), "write ann:awaiting_payment");
    const auto work = find_pending_work(retake_of(order("ann", {kItem})), sale, log);
    EXPECT_EQ(std::get<ConfirmRetake>(*work).taken.status, OrderStatus::pending);
  }
}

TEST(WriteOrdersTest, EachIsWrittenWithWhereItCameFrom) {
  const auto ann = order("ann", {kItem}), bob = order("bob", {kItem});
  auto entry = batch({ann, bob});
  entry.client_hashes = {{ann.id, "hash"}};
  for (const auto log : {LogOf::served_epoch, LogOf::older_epoch}) {
    const auto work = std::get<WriteOrders>(find_pending_work(entry, open_sale(2), log).value());
    EXPECT_EQ(to_write(work, ann, 7).client_hash, "hash");
    EXPECT_EQ(to_write(work, bob, 7).client_hash, "");
    EXPECT_EQ(to_write(work, ann, 7).epoch, 7);
    EXPECT_EQ(to_write(work, ann, 7).order.id, ann.id);
  }
}

// --- what becomes of it ---

constexpr Verdict kDone{EntryEnd::done, Release::nothing};
constexpr Verdict kReleased{EntryEnd::done, Release::with_units};
constexpr Verdict kCorrected{EntryEnd::corrected, Release::nothing};
constexpr Verdict kNeverThere{EntryEnd::corrected, Release::without_units};
constexpr Verdict kUnsettled{EntryEnd::unsettled, Release::nothing};

TEST(VerdictTest, OnAnOrder) {
  const std::vector sent{order("bob", {kItem}), order("ann", {kItem})};
  const auto verdict = [&](WriteOutcome outcome, OrderStatus status = OrderStatus::confirmed,
                           std::int32_t item = kItem) {
    auto row = order("ann", {item});
    row.status = status;
    return judge(sent, postgres::WriteResult{outcome, row});
  };
  EXPECT_EQ(verdict(WriteOutcome::committed), kDone);
  EXPECT_EQ(verdict(WriteOutcome::recorded, OrderStatus::rejected), kDone);
  EXPECT_EQ(verdict(WriteOutcome::rejected, OrderStatus::rejected), kNeverThere);
  EXPECT_EQ(judge(sent, {WriteOutcome::stale_epoch, {}}), kUnsettled);

  using enum OrderStatus;
  EXPECT_EQ(verdict(WriteOutcome::existing, confirmed), kDone);
  EXPECT_EQ(verdict(WriteOutcome::existing, awaiting_payment), kDone);
  EXPECT_EQ(verdict(WriteOutcome::existing, confirmed, kOtherItem), kCorrected);
  EXPECT_EQ(verdict(WriteOutcome::existing, cancelled), kReleased);
  EXPECT_EQ(verdict(WriteOutcome::existing, cancelled, kOtherItem), kReleased);
  EXPECT_EQ(verdict(WriteOutcome::existing, expired), kReleased);
  EXPECT_EQ(verdict(WriteOutcome::existing, rejected), kNeverThere);
}

TEST(VerdictTest, OnARetake) {
  const auto in_served = [](const Result<LateOutcome>& outcome) { return judge(outcome, LogOf::served_epoch); };
  EXPECT_EQ(in_served(LateOutcome::confirmed), kDone);
  EXPECT_EQ(in_served(LateOutcome::over), kReleased);
  EXPECT_EQ(in_served(LateOutcome::not_enough), kNeverThere);
  EXPECT_EQ(in_served(LateOutcome::stale_epoch), kUnsettled);

  const auto in_older = [](const Result<LateOutcome>& outcome) { return judge(outcome, LogOf::older_epoch); };
  for (const auto outcome :
       {LateOutcome::confirmed, LateOutcome::over, LateOutcome::not_enough, LateOutcome::stale_epoch}) {
    EXPECT_EQ(in_older(outcome), kDone);
  }
}

TEST(VerdictTest, OnAWithdrawal) {
  using Outcome = postgres::StockChangeResult::Outcome;
  const std::pair<Outcome, Verdict> cases[] = {
      {Outcome::done, kDone},          {Outcome::unknown_item, kDone},    {Outcome::key_reused, kDone},
      {Outcome::repeated, kCorrected}, {Outcome::not_enough, kCorrected}, {Outcome::stale_epoch, kUnsettled},
  };
  for (const auto& [outcome, in_served] : cases) {
    const Result<postgres::StockChangeResult> withdrawn = postgres::StockChangeResult{outcome, {}};
    EXPECT_EQ(judge(withdrawn, LogOf::served_epoch), in_served) << static_cast<int>(outcome);
    EXPECT_EQ(judge(withdrawn, LogOf::older_epoch), kDone) << static_cast<int>(outcome);
  }
}

TEST(VerdictTest, WhatFailsIsUnsettledButARetakeWhoseRowIsHeldDoesNotStopARebuild) {
  using postgres::Failure;
  for (const auto failure : {Failure::unavailable, Failure::busy, Failure::timed_out, Failure::outcome_unknown,
                             Failure::data_refused, Failure::internal}) {
    const Error error = failure;
    EXPECT_EQ(judge(Result<LateOutcome>(error), LogOf::served_epoch), kUnsettled);
    const bool is_held = failure == Failure::busy || failure == Failure::timed_out;
    EXPECT_EQ(judge(Result<LateOutcome>(error), LogOf::older_epoch), is_held ? kDone : kUnsettled);
    for (const auto log : {LogOf::served_epoch, LogOf::older_epoch}) {
      EXPECT_EQ(judge(Result<postgres::StockChangeResult>(error), log), kUnsettled);
    }
  }
}

TEST(VerdictTest, AnEntryEndsAsItsOrderThatAsksForMost) {
  EXPECT_LT(EntryEnd::done, EntryEnd::corrected);
  EXPECT_LT(EntryEnd::corrected, EntryEnd::unsettled);
}

}  // namespace
}  // namespace flashsale::catalog
