#include "load/payment_provider.hpp"

#include <gtest/gtest.h>

#include <map>

#include "load/clock.hpp"

namespace flashsale::load {
namespace {

constexpr std::uint64_t kWindowNs = 2 * kSecondNs;
constexpr std::uint64_t kEverNs = 3600 * kSecondNs;

/// A provider and the messages that it sends.
struct Counter {
  explicit Counter(const Mix& mix, std::uint64_t window_ns = kWindowNs)
      : traffic({.mix = {}, .buyers = 1, .queue_max = 100'000}, keys, tally),
        provider({.mix = mix, .window_ns = window_ns, .seed = 1, .share = 1, .shares = 3}, traffic) {}

  std::vector<Ticket> sent_until(std::uint64_t now_ns) {
    traffic.release_later(now_ns);
    std::vector<Ticket> tickets;
    while (const auto ticket = traffic.pop()) {
      provider.on_sent(ticket->payment);
      tickets.push_back(*ticket);
    }
    return tickets;
  }
  void orders(std::uint32_t count, bool is_written = true) {
    for (std::uint32_t i = 0; i < count; ++i) provider.on_order(keys.add({.buyer = i}), {.buyer = i}, 0, is_written);
  }

  KeyLog keys;
  Tally tally;
  Traffic traffic;
  PaymentProvider provider;
};

Answer answered(PaymentOutcome outcome) {
  return {.outcome = Outcome::done, .status = 200, .order_id = {}, .order_status = {}, .payment_outcome = outcome};
}

TEST(LoadPaymentProviderTest, SharesAreKept) {
  constexpr std::uint32_t kOrders = 20'000;
  Counter counter({.pay = 0.3, .pay_late = 0.2, .pay_twice = 0.1, .pay_fail = 0.15});
  counter.orders(kOrders);
  std::map<std::uint32_t, int> messages;
  double failing = 0;
  for (const PaymentMessage& message : counter.provider.messages()) {
    ++messages[message.buyer];
    failing += message.succeeds ? 0 : 1.0 / kOrders;
    EXPECT_EQ(message.number % 3, 1U);
  }
  double twice = 0;
  for (const auto& [buyer, count] : messages) twice += count == 2 ? 1.0 / kOrders : 0;
  EXPECT_NEAR(static_cast<double>(messages.size()) / kOrders, 0.75, 0.02);
  EXPECT_NEAR(failing, 0.15, 0.01);
  EXPECT_NEAR(twice, 0.1, 0.01);
}

TEST(LoadPaymentProviderTest, ComesInTimeOrLate) {
  Counter in_time({.pay = 1});
  in_time.orders(100);
  EXPECT_GE(in_time.sent_until(kWindowNs / 2).size(), 100U);
  EXPECT_EQ(in_time.traffic.later(), 0U);
  Counter late({.pay_late = 1});
  late.orders(100);
  EXPECT_TRUE(late.sent_until(kWindowNs - 1).empty());
  EXPECT_GE(late.sent_until(kEverNs).size(), 100U);
}

TEST(LoadPaymentProviderTest, WhatIsNotWrittenYetIsPaidAtOnce) {
  constexpr std::uint64_t kSoonNs = 50 * kMillisecondNs;
  Counter written({.pay = 1});
  written.orders(100);
  EXPECT_LT(written.sent_until(kSoonNs).size(), 50U);
  Counter accepted({.pay = 1});
  accepted.orders(100, false);
  EXPECT_GE(accepted.sent_until(kSoonNs).size(), 100U);
}

TEST(LoadPaymentProviderTest, SomeMessagesAreSentTwiceForNothing) {
  Counter counter({.pay = 1});
  counter.orders(1000);
  const std::size_t sent = counter.sent_until(kEverNs).size();
  EXPECT_EQ(counter.provider.messages().size(), 1000U);
  EXPECT_GT(sent, 1100U);
  EXPECT_LT(sent, 1300U);
}

TEST(LoadPaymentProviderTest, RepeatsAMessageUntilItIsTaken) {
  Counter counter({.pay = 1});
  counter.orders(1);
  const Ticket ticket = counter.sent_until(kEverNs).front();
  const std::uint8_t before = counter.provider.message(ticket.payment).attempts;
  counter.provider.on_answer(ticket.key, ticket.payment, no_answer(Outcome::connection_lost), kEverNs);
  const auto again = counter.sent_until(kEverNs + kSecondNs);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again.front().payment, ticket.payment);
  EXPECT_EQ(counter.provider.message(ticket.payment).attempts, before + 1);
  counter.provider.on_answer(ticket.key, ticket.payment, answered(PaymentOutcome::late), 0);
  EXPECT_EQ(counter.traffic.later(), 0U);
  EXPECT_EQ(counter.provider.message(ticket.payment).heard, bit_of(PaymentOutcome::late));
}

TEST(LoadPaymentProviderTest, GivesUpInTheEnd) {
  Counter counter({.pay = 1});
  counter.orders(1);
  int sent = 0;
  for (int round = 0; round < 1000; ++round) {
    for (const Ticket& ticket : counter.sent_until(kEverNs)) {
      ++sent;
      counter.provider.on_answer(ticket.key, ticket.payment, no_answer(Outcome::timed_out), 0);
    }
  }
  EXPECT_GE(sent, 10);
  EXPECT_LE(sent, 100);
}

TEST(LoadPaymentProviderTest, NobodyPaysForWhatIsFree) {
  Counter counter({.pay = 1}, 0);
  counter.orders(10);
  EXPECT_TRUE(counter.provider.messages().empty());
}

}  // namespace
}  // namespace flashsale::load
