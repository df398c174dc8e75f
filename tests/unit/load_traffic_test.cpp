#include "load/traffic.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace flashsale::load {
namespace {

struct Street {
  explicit Street(const Traffic::Parameters& parameters) : traffic(parameters, keys, tally) {}

  std::vector<Ticket> arrivals(int count) {
    std::vector<Ticket> tickets;
    for (int i = 0; i < count; ++i) {
      traffic.arrive(static_cast<std::uint64_t>(i));
      while (const auto ticket = traffic.pop()) tickets.push_back(*ticket);
    }
    return tickets;
  }

  KeyLog keys;
  Tally tally;
  Traffic traffic;
};

Traffic::Parameters parameters() {
  Traffic::Parameters parameters;
  parameters.buyers = 100'000;
  parameters.queue_max = 1000;
  parameters.seed = 1;
  return parameters;
}

TEST(LoadTrafficTest, SharesAreKept) {
  auto mixed = parameters();
  mixed.mix = {.retry = 0.1, .duplicate = 0.2, .greedy = 0.05, .reader = 0.3, .respond_async = 0.5, .cancel = 0};
  mixed.greedy_orders = 3;
  Street street(mixed);
  // Retries need an earlier answer.
  const Ticket first = street.arrivals(1).front();
  street.traffic.on_answer(first.key == Ticket::kNoKey ? street.keys.add({}) : first.key, Kind::fresh, Outcome::created,
                           0);

  constexpr int kCount = 50'000;
  std::map<Kind, double> shares;
  double async = 0;
  for (const Ticket& ticket : street.arrivals(kCount)) {
    shares[ticket.kind] += 1.0 / kCount;
    async += ticket.respond_async ? 1.0 / kCount : 0;
  }
  EXPECT_NEAR(shares[Kind::reader], 0.3, 0.01);
  EXPECT_NEAR(shares[Kind::retry], 0.1, 0.01);
  EXPECT_NEAR(shares[Kind::duplicate], 0.2, 0.01);
  EXPECT_NEAR(shares[Kind::greedy], 0.05 * 3, 0.01);
  EXPECT_NEAR(shares[Kind::fresh], 0.35 + 0.2, 0.01);
  EXPECT_NEAR(async, 0.5 * (0.1 + 2 * 0.2 + 0.15 + 0.35), 0.02);
}

TEST(LoadTrafficTest, EveryBuyerComesOnceBeforeAnyComesAgain) {
  auto few = parameters();
  few.buyers = 1000;
  std::set<std::uint32_t> buyers;
  for (unsigned share = 0; share < 3; ++share) {
    few.share = share;
    few.shares = 3;
    Street street(few);
    const int own = share == 0 ? 334 : 333;
    for (const Ticket& ticket : street.arrivals(own)) {
      EXPECT_TRUE(buyers.insert(street.keys[ticket.key].buyer).second);
      EXPECT_EQ(street.keys[ticket.key].buyer % 3, share);
    }
    EXPECT_EQ(street.tally.counters.buyers_used_again, 0U);
    const Ticket again = street.arrivals(1).front();
    EXPECT_EQ(street.keys[again.key].purchase, 1U);
    EXPECT_EQ(street.tally.counters.buyers_used_again, 1U);
  }
  EXPECT_EQ(buyers.size(), 1000U);
}

TEST(LoadTrafficTest, ADuplicateHasTheKeyOfItsFirst) {
  auto twice = parameters();
  twice.mix.duplicate = 1;
  Street street(twice);
  const auto tickets = street.arrivals(10);
  ASSERT_EQ(tickets.size(), 20U);
  for (std::size_t i = 0; i < tickets.size(); i += 2) EXPECT_EQ(tickets[i].key, tickets[i + 1].key);
}

TEST(LoadTrafficTest, AGreedyBuyerWantsOneItemWithManyKeys) {
  auto greedy = parameters();
  greedy.mix.greedy = 1;
  greedy.greedy_orders = 4;
  greedy.first_item = 3;
  greedy.items = 5;
  Street street(greedy);
  const auto tickets = street.arrivals(1);
  ASSERT_EQ(tickets.size(), 4U);
  std::set<std::uint32_t> purchases;
  for (const Ticket& ticket : tickets) {
    const KeyRecord& key = street.keys[ticket.key];
    EXPECT_EQ(key.buyer, street.keys[tickets.front().key].buyer);
    EXPECT_EQ(key.item, street.keys[tickets.front().key].item);
    EXPECT_TRUE(key.item >= 3 && key.item < 8);
    EXPECT_TRUE(purchases.insert(key.purchase).second);
  }
}

TEST(LoadTrafficTest, CartsHaveTwoOrMoreItemsOnce) {
  auto some = parameters();
  some.mix.cart = 0.5;
  some.items = 4;
  Street street(some);
  std::map<unsigned, int> carts;
  for (const Ticket& ticket : street.arrivals(1000)) {
    const KeyRecord& key = street.keys[ticket.key];
    ++carts[key.lines];
    std::set<std::uint16_t> items;
    for (unsigned line = 0; line < key.lines; ++line) items.insert(key.item_of(line, 4));
    EXPECT_EQ(items.size(), key.lines);
  }
  EXPECT_EQ(carts.size(), 4U);
  EXPECT_EQ(carts.rbegin()->first, 4U);
  EXPECT_NEAR(carts[1], 500, 100);
}

TEST(LoadTrafficTest, WhatTheQueueCannotHoldIsCounted) {
  auto narrow = parameters();
  narrow.queue_max = 3;
  Street street(narrow);
  for (int i = 0; i < 10; ++i) street.traffic.arrive(0);
  EXPECT_EQ(street.traffic.waiting(), 3U);
  EXPECT_EQ(street.tally.counters.checkouts(Outcome::not_sent), 7U);
  street.traffic.drop_waiting();
  EXPECT_EQ(street.tally.counters.checkouts(Outcome::not_sent), 10U);
  EXPECT_FALSE(street.traffic.pop());
}

TEST(LoadTrafficTest, WhatComesLaterKeepsItsTurn) {
  Street street(parameters());
  for (const std::uint64_t due : {30U, 10U, 20U}) {
    street.traffic.push_later({due, street.keys.add({}), Kind::pay, false, static_cast<std::uint32_t>(due)});
  }
  street.traffic.release_later(9);
  EXPECT_FALSE(street.traffic.pop());
  street.traffic.release_later(25);
  EXPECT_EQ(street.traffic.pop()->payment, 10U);
  EXPECT_EQ(street.traffic.pop()->due_ns, 25U) << "latency counts from when it could be sent";
  EXPECT_FALSE(street.traffic.pop());
  EXPECT_EQ(street.traffic.later(), 1U);
}

TEST(LoadTrafficTest, CancellationsMayComeLater) {
  auto delayed = parameters();
  delayed.mix.cancel = 1;
  delayed.cancel_delay_ns = 1000;
  Street street(delayed);
  for (int i = 0; i < 100; ++i) street.traffic.on_answer(street.keys.add({}), Kind::fresh, Outcome::created, 5000);
  EXPECT_EQ(street.traffic.waiting(), 0U);
  street.traffic.release_later(5500);
  EXPECT_NEAR(static_cast<double>(street.traffic.waiting()), 50, 20);
  street.traffic.release_later(6000);
  EXPECT_EQ(street.traffic.waiting(), 100U);
}

TEST(LoadTrafficTest, AnswersDoNotChangeWhoComes) {
  auto mixed = parameters();
  mixed.mix = {.retry = 0.2, .duplicate = 0.1, .greedy = 0.1, .reader = 0.1, .respond_async = 0.3, .cancel = 0.5};
  Street quiet(mixed);
  Street lively(mixed);
  for (Street* street : {&quiet, &lively})
    street->traffic.on_answer(street->keys.add({}), Kind::fresh, Outcome::refused, 0);
  for (int i = 0; i < 1000; ++i) {
    const auto a = quiet.arrivals(1);
    const auto b = lively.arrivals(1);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t k = 0; k < a.size(); ++k) ASSERT_EQ(a[k].kind, b[k].kind);
    for (const Ticket& ticket : b) {
      if (ticket.kind == Kind::fresh) lively.traffic.on_answer(ticket.key, Kind::fresh, Outcome::created, 0);
    }
    while (lively.traffic.pop()) continue;  // cancellations
  }
}

}  // namespace
}  // namespace flashsale::load
