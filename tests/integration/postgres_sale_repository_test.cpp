#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <map>
#include <set>
#include <thread>

#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

using testing::new_order;
using testing::PostgresDatabase;
using testing::sale_definition;
using namespace std::chrono_literals;

constexpr auto kEver = std::numeric_limits<std::int64_t>::max();

class SaleRepositoryTest : public ::testing::Test {
 protected:
  static OrderId change_id(const std::string& key) { return OrderId::derive_change("stock", "admin", key); }

  PostgresDatabase database;
  Session session = database.connect();
};

TEST_F(SaleRepositoryTest, WhatIsCreatedIsReadBack) {
  Sale wanted = sale_definition("drop", {5, 7});
  wanted.payment = PaymentMode::required;
  wanted.payment_window_s = 120;
  wanted.max_orders_per_customer = 7;
  wanted.max_quantity_per_order = 3;
  wanted.queue = {true, 250, 60};
  wanted.state = SaleState::paused;
  const auto created = create_sale(session, wanted, "alice");
  ASSERT_TRUE(created) << created.error().message();
  ASSERT_TRUE(*created);
  const auto found = find_sale(session, "drop");
  ASSERT_TRUE(found && *found);
  for (const Sale& sale : {**created, **found}) {
    EXPECT_GT(sale.sale_no, 0);
    EXPECT_EQ(sale.name, wanted.name);
    EXPECT_EQ(sale.state, SaleState::paused);
    EXPECT_EQ(sale.starts_at, wanted.starts_at);
    EXPECT_EQ(sale.ends_at, wanted.ends_at);
    EXPECT_EQ(sale.payment, PaymentMode::required);
    EXPECT_EQ(sale.payment_window_s, 120);
    EXPECT_EQ(sale.max_orders_per_customer, 7);
    EXPECT_EQ(sale.max_quantity_per_order, 3);
    EXPECT_EQ(sale.queue, wanted.queue);
    EXPECT_EQ(sale.version, 1);
    EXPECT_EQ(sale.epoch, 0);
    ASSERT_EQ(sale.items.size(), 2U);
    EXPECT_EQ(sale.items[0].sku, "sku-1");
    EXPECT_EQ(sale.items[1].name, wanted.items[1].name);
    EXPECT_EQ(sale.items[1].price, wanted.items[1].price);
    EXPECT_EQ(sale.items[1].stock, 7);
    EXPECT_EQ(sale.items[1].sold, 0);
    EXPECT_EQ(sale.items[1].limit_per_customer, 2);
    EXPECT_LT(sale.items[0].item_no, sale.items[1].item_no);
  }
  const auto again = create_sale(session, wanted, "bob");
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->has_value());
  EXPECT_FALSE(*find_sale(session, "none"));
  EXPECT_FALSE(*find_sale(session, ""));
  EXPECT_EQ(database.count("SELECT count(*) FROM items"), 2);
}

TEST_F(SaleRepositoryTest, WhatTheSchemaRefusesChangesNothing) {
  Sale wrong = sale_definition("drop", {5});
  std::swap(wrong.starts_at, wrong.ends_at);
  EXPECT_EQ(create_sale(session, wrong, "a").error(), make_error_code(Failure::data_refused));
  Sale twice = sale_definition("drop", {5, 5});
  twice.items[1].sku = twice.items[0].sku;
  EXPECT_EQ(create_sale(session, twice, "a").error(), make_error_code(Failure::data_refused));
  Sale cut = sale_definition("drop", {5});
  cut.name = std::string("a\0b", 3);
  EXPECT_EQ(create_sale(session, cut, "a").error(), make_error_code(Failure::data_refused));
  EXPECT_EQ(database.count("SELECT count(*) FROM sales"), 0);
  EXPECT_EQ(*directory_version(session), 0);
}

TEST_F(SaleRepositoryTest, TheDirectoryShowsWhatMoved) {
  const Sale first = testing::created_sale(session, "first", {5});
  const Sale second = testing::created_sale(session, "second", {5, 5});
  const auto all = load_directory(session, 0);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->sales.size(), 2U);
  EXPECT_EQ(all->version, *directory_version(session));
  EXPECT_EQ(all->sales[1].items.size(), 2U);
  EXPECT_TRUE(load_directory(session, all->version)->sales.empty());

  auto version = all->version;
  const auto expect_moved = [&](const std::string& id) {
    const auto changes = load_directory(session, version);
    ASSERT_TRUE(changes);
    EXPECT_GT(changes->version, version);
    ASSERT_EQ(changes->sales.size(), 1U);
    EXPECT_EQ(changes->sales[0].id, id);
    version = changes->version;
  };
  SalePatch patch;
  patch.state = SaleState::open;
  ASSERT_TRUE(patch_sale(session, "second", patch, "a"));
  expect_moved("second");
  ASSERT_TRUE(add_stock(session, first.sale_no, first.items[0].item_no, change_id("1"), 3, "a"));
  expect_moved("first");
  ASSERT_TRUE(raise_epoch(session, second.sale_no, 0));
  expect_moved("second");
}

TEST_F(SaleRepositoryTest, EverySaleBeginsAnewAndALockedItemHoldsUpItsOwnAlone) {
  const Sale locked = testing::created_sale(session, "locked", {5});
  const Sale free = testing::created_sale(session, "free", {5});
  pqxx::connection other(database.url());
  pqxx::work tx(other);
  tx.exec("SELECT FROM items WHERE sale_no = " + std::to_string(locked.sale_no) + " FOR UPDATE");
  ASSERT_FALSE(begin_anew(session, 100));
  // Whoever has seen the highest version of before is given all of them.
  const auto all = load_directory(session, 100);
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->is_whole);
  EXPECT_EQ(all->version, 101);
  ASSERT_EQ(all->sales.size(), 2U);
  for (const auto& sale : all->sales) EXPECT_EQ(sale.epoch, 101);
  EXPECT_FALSE(load_directory(session, 101)->is_whole);
  EXPECT_EQ(*current_epoch(session, free.sale_no), 101);
  EXPECT_FALSE(*raise_epoch(session, free.sale_no, 0)) << "the epoch of before is not the sale's any more";
  EXPECT_EQ(*raise_epoch(session, free.sale_no, 101), 102);
  EXPECT_EQ(*current_epoch(session, free.sale_no), 102);
  EXPECT_EQ(database.count("SELECT count(*) FROM items WHERE epoch = 102"), 1);
  postgres::Options brief = database.options();
  brief.lock_timeout = std::chrono::milliseconds(100);
  Session impatient(brief, "impatient");
  EXPECT_FALSE(raise_epoch(impatient, locked.sale_no, 101));
  tx.abort();
  EXPECT_EQ(*raise_epoch(impatient, locked.sale_no, 101), 102);
  // Another one that has missed the same is late.
  ASSERT_FALSE(begin_anew(session, 100));
  EXPECT_EQ(*current_epoch(session, free.sale_no), 102);
}

TEST_F(SaleRepositoryTest, NoReaderOfTheDirectoryMissesAChange) {
  constexpr int kChanges = 40;
  std::vector<Sale> sales;
  for (int i = 0; i < 4; ++i) sales.push_back(testing::created_sale(session, "s" + std::to_string(i), {5}));
  std::vector<std::thread> threads;
  std::atomic<int> running{4};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Session own = database.connect("changer");
      for (int i = 0; i < kChanges; ++i) {
        const auto& sale = sales[static_cast<std::size_t>((t + i) % 4)];
        SalePatch patch;
        patch.name = std::to_string(t) + "." + std::to_string(i);
        const auto changed = i % 2 == 0 ? patch_sale(own, sale.id, patch, "a").error()
                                        : add_stock(own, sale.sale_no, sale.items[0].item_no,
                                                    change_id(std::to_string(t) + "." + std::to_string(i)), 1, "a")
                                              .error();
        EXPECT_FALSE(changed) << changed.message();
      }
      --running;
    });
  }
  std::map<std::string, Sale> known;
  std::int64_t version = 0;
  for (bool last = false; !last;) {
    last = running == 0;
    const auto changes = load_directory(session, version);
    ASSERT_TRUE(changes);
    version = changes->version;
    for (const auto& sale : changes->sales) known[sale.id] = sale;
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(version, 4 + 4 * kChanges);
  for (const auto& sale : sales) {
    const auto now = find_sale(session, sale.id);
    EXPECT_EQ(known.at(sale.id).name, (*now)->name);
    EXPECT_EQ(known.at(sale.id).items[0].stock, (*now)->items[0].stock);
    EXPECT_EQ(known.at(sale.id).version, 1 + kChanges / 2);
  }
}

TEST_F(SaleRepositoryTest, ListsSalesInPages) {
  for (int i = 0; i < 5; ++i) testing::created_sale(session, "s" + std::to_string(i), {1});
  const auto first = list_sales(session, 0, 3);
  ASSERT_EQ(first->size(), 3U);
  EXPECT_EQ(first->front().id, "s0");
  const auto rest = list_sales(session, first->back().sale_no, 3);
  ASSERT_EQ(rest->size(), 2U);
  EXPECT_EQ(rest->back().id, "s4");
  EXPECT_EQ(rest->back().items.size(), 1U);
}

/// So that ids of orders say nothing of how many sales there are.
TEST_F(SaleRepositoryTest, NumbersOfSalesAreRandomAndOneThatIsTakenIsTriedAgain) {
  const Sale first = testing::created_sale(session, "first", {1});
  database.ask("CREATE SEQUENCE tries");
  database.ask(
      "CREATE FUNCTION take_first() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF nextval(''tries'') <= 3 THEN"
      " NEW.sale_no := (SELECT min(sale_no) FROM sales); END IF; RETURN NEW; END'");
  database.ask("CREATE TRIGGER take_first BEFORE INSERT ON sales FOR EACH ROW EXECUTE FUNCTION take_first()");
  const Sale second = testing::created_sale(session, "second", {1, 1});
  EXPECT_EQ(database.count("SELECT last_value FROM tries"), 4);
  EXPECT_NE(second.sale_no, first.sale_no);
  EXPECT_EQ(second.items.size(), 2U);
  EXPECT_EQ((*find_sale(session, "second"))->sale_no, second.sale_no);
  EXPECT_EQ((*find_sale(session, "first"))->items.size(), 1U);
  // A taken id is told apart from a taken number.
  database.ask("SELECT setval('tries', 1)");
  const auto again = create_sale(session, sale_definition("first", {1}), "test");
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_FALSE(again->has_value());
  EXPECT_EQ(database.count("SELECT count(*) FROM sales"), 2);
  database.ask("DROP TRIGGER take_first ON sales");

  std::vector<std::int32_t> numbers;
  for (int i = 0; i < 20; ++i) numbers.push_back(testing::created_sale(session, "s" + std::to_string(i), {1}).sale_no);
  EXPECT_GT(std::ranges::min(numbers), 0);
  EXPECT_GT(std::ranges::max(numbers), 1'000'000) << "with twenty of them";
  EXPECT_FALSE(std::ranges::is_sorted(numbers));
  const auto listed = list_sales(session, 0, 100).value();
  ASSERT_EQ(listed.size(), 22U);
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(listed[i + 2].sale_no, numbers[i]);
}

TEST_F(SaleRepositoryTest, OneIdCreatedConcurrentlyIsOneSale) {
  std::atomic<int> created{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      Session own = database.connect("creator");
      const auto sale = create_sale(own, sale_definition("same", {1, 1}), "test");
      ASSERT_TRUE(sale) << sale.error().message();
      created += sale->has_value() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(database.count("SELECT count(*) FROM items"), 2);
}

TEST_F(SaleRepositoryTest, NoItemNumberIsGivenTwice) {
  constexpr int kThreads = 4, kSales = 15;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Session own = database.connect("creator");
      for (int i = 0; i < kSales; ++i) {
        Sale wanted = sale_definition("s" + std::to_string(t) + "-" + std::to_string(i), {1, 1, 1});
        Sale refused = wanted;
        refused.items[2].sku = refused.items[0].sku;
        ASSERT_EQ(create_sale(own, refused, "test").error(), make_error_code(Failure::data_refused));
        const auto created = create_sale(own, wanted, "test");
        ASSERT_TRUE(created) << created.error().message();
        ASSERT_TRUE(*created);
        const auto& items = (*created)->items;
        ASSERT_EQ(items.size(), 3U);
        for (std::size_t k = 0; k < 3; ++k) {
          EXPECT_EQ(items[k].sku, wanted.items[k].sku);
          EXPECT_EQ(items[k].item_no, items[0].item_no + static_cast<std::int32_t>(k));
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(database.count("SELECT count(*) FROM items"), 3 * kThreads * kSales);
  EXPECT_EQ(database.count("SELECT count(DISTINCT item_no) FROM items"), 3 * kThreads * kSales);
  EXPECT_EQ(database.ask("SELECT last_item_no = (SELECT max(item_no) FROM items) FROM directory"), "t");
}

TEST_F(SaleRepositoryTest, TheDirectoryTellsTheSaltOfOrderIds) {
  EXPECT_EQ(load_directory(session, 0)->order_salt, sample::kSalt);
}

TEST_F(SaleRepositoryTest, PatchesWhatItNamesAndNothingElse) {
  using Outcome = PatchResult::Outcome;
  const Sale sale = testing::created_sale(session, "drop", {5});
  SalePatch patch;
  patch.ends_at = sale.ends_at + 1h;
  patch.queue = QueueSettings{true, 10, 20};
  const auto patched = patch_sale(session, "drop", patch, "bob");
  ASSERT_TRUE(patched);
  EXPECT_EQ(patched->outcome, Outcome::patched);
  EXPECT_EQ(patched->sale->version, 2);
  EXPECT_EQ(patched->sale->ends_at, sale.ends_at + 1h);
  EXPECT_EQ(patched->sale->starts_at, sale.starts_at);
  EXPECT_EQ(patched->sale->name, sale.name);
  EXPECT_EQ(patched->sale->queue, *patch.queue);
  EXPECT_EQ(patch_sale(session, "none", patch, "bob")->outcome, Outcome::unknown_sale);

  SalePatch backwards;
  backwards.ends_at = sale.starts_at;
  const auto bad = patch_sale(session, "drop", backwards, "bob");
  EXPECT_EQ(bad->outcome, Outcome::bad_times);
  EXPECT_EQ(bad->sale->version, 2);
}

TEST_F(SaleRepositoryTest, ClosedIsForGood) {
  using Outcome = PatchResult::Outcome;
  testing::created_sale(session, "drop", {5});
  SalePatch close;
  close.state = SaleState::closed;
  EXPECT_EQ(patch_sale(session, "drop", close, "bob")->outcome, Outcome::patched);
  SalePatch open;
  open.state = SaleState::open;
  const auto refused = patch_sale(session, "drop", open, "bob");
  EXPECT_EQ(refused->outcome, Outcome::closed_for_good);
  EXPECT_EQ(refused->sale->state, SaleState::closed);
  EXPECT_EQ((*find_sale(session, "drop"))->version, 2);
  EXPECT_EQ(patch_sale(session, "drop", close, "bob")->outcome, Outcome::patched);
}

TEST_F(SaleRepositoryTest, StockChangesAreNumbered) {
  using Outcome = StockChangeResult::Outcome;
  const Sale sale = testing::created_sale(session, "drop", {5, 5});
  const auto item_no = sale.items[0].item_no;
  const auto added = add_stock(session, sale.sale_no, item_no, change_id("a"), 10, "alice");
  ASSERT_TRUE(added) << added.error().message();
  EXPECT_EQ(added->outcome, Outcome::done);
  EXPECT_EQ(added->change.version, 1);
  EXPECT_EQ(added->change.stock, 15);
  const auto taken = withdraw_stock(session, sale.sale_no, item_no, change_id("b"), 4, 0, "alice");
  EXPECT_EQ(taken->outcome, Outcome::done);
  EXPECT_EQ(taken->change.version, 2);
  EXPECT_EQ(taken->change.delta, -4);
  EXPECT_EQ(taken->change.stock, 11);
  // Repeated: what it did then, whatever is true now.
  const auto again = add_stock(session, sale.sale_no, item_no, change_id("a"), 10, "alice");
  EXPECT_EQ(again->outcome, Outcome::repeated);
  EXPECT_EQ(again->change.version, 1);
  EXPECT_EQ(again->change.stock, 15);
  EXPECT_EQ(withdraw_stock(session, sale.sale_no, item_no, change_id("b"), 4, 99, "alice")->outcome, Outcome::repeated);
  EXPECT_EQ(add_stock(session, sale.sale_no, item_no, change_id("a"), 11, "alice")->outcome, Outcome::key_reused);
  EXPECT_EQ(add_stock(session, sale.sale_no, sale.items[1].item_no, change_id("a"), 10, "alice")->outcome,
            Outcome::key_reused);
  EXPECT_EQ(withdraw_stock(session, sale.sale_no, item_no, change_id("a"), 10, 0, "alice")->outcome,
            Outcome::key_reused);
  EXPECT_EQ(add_stock(session, sale.sale_no, 424242, change_id("c"), 1, "alice")->outcome, Outcome::unknown_item);
  EXPECT_FALSE(add_stock(session, sale.sale_no, item_no, change_id("d"), 0, "alice"));
  EXPECT_FALSE(withdraw_stock(session, sale.sale_no, item_no, change_id("d"), -1, 0, "alice"));

  EXPECT_EQ((*find_stock_change(session, sale.sale_no, change_id("b")))->change.stock, 11);
  EXPECT_FALSE(*find_stock_change(session, sale.sale_no, change_id("none")));
  const auto changes = stock_changes_after(session, sale.sale_no, item_no, 0, 10);
  ASSERT_EQ(changes->size(), 2U);
  EXPECT_EQ((*changes)[0].delta, 10);
  EXPECT_EQ((*changes)[1].version, 2);
  EXPECT_EQ(stock_changes_after(session, sale.sale_no, item_no, 1, 10)->size(), 1U);
  EXPECT_EQ((*find_sale(session, "drop"))->items[0].stock, 11);
  EXPECT_EQ((*find_sale(session, "drop"))->items[0].stock_version, 2);
}

TEST_F(SaleRepositoryTest, SoldUnitsCannotBeWithdrawn) {
  using Outcome = StockChangeResult::Outcome;
  const Sale sale = testing::created_sale(session, "drop", {5});
  OrderWriter writer(database.options(), "writer");
  const NewOrder order = new_order(sale, 0, "a", "1", 3);
  ASSERT_TRUE(writer.write({&order, 1}, false));
  const auto item_no = sale.items[0].item_no;
  EXPECT_EQ(withdraw_stock(session, sale.sale_no, item_no, change_id("c"), 3, 0, "alice")->outcome,
            Outcome::not_enough);
  EXPECT_EQ(withdraw_stock(session, sale.sale_no, item_no, change_id("a"), 2, 7, "alice")->outcome,
            Outcome::stale_epoch);
  EXPECT_EQ(withdraw_stock(session, sale.sale_no, item_no, change_id("a"), 2, 0, "alice")->outcome, Outcome::done);
  EXPECT_EQ(withdraw_stock(session, sale.sale_no, item_no, change_id("b"), 1, 0, "alice")->outcome,
            Outcome::not_enough);
  EXPECT_EQ((*find_sale(session, "drop"))->items[0].stock, 3);
  EXPECT_EQ((*find_sale(session, "drop"))->items[0].stock_version, 1);
}

/// Its entry stands in the pending log of that epoch, and whoever was told of the refusal counts on it.
TEST_F(SaleRepositoryTest, AWithdrawalThatWasRefusedIsNotCarriedOutLater) {
  using Outcome = StockChangeResult::Outcome;
  const Sale sale = testing::created_sale(session, "drop", {2});
  const auto item_no = sale.items[0].item_no;
  ASSERT_EQ(withdraw_stock(session, sale.sale_no, item_no, change_id("a"), 3, 0, "alice")->outcome,
            Outcome::not_enough);
  ASSERT_EQ(add_stock(session, sale.sale_no, item_no, change_id("more"), 3, "alice")->outcome, Outcome::done);
  EXPECT_EQ(withdraw_stock(session, sale.sale_no, item_no, change_id("a"), 3, 0, "alice")->outcome, Outcome::not_enough)
      << "by a sweeper";
  const auto epoch = **raise_epoch(session, sale.sale_no, 0);
  EXPECT_EQ(withdraw_stock(session, sale.sale_no, item_no, change_id("a"), 3, epoch, "alice", 0)->outcome,
            Outcome::not_enough)
      << "by a rebuild, which writes what the older epoch has left";
  EXPECT_EQ((*find_sale(session, "drop"))->items[0].stock, 5);
  EXPECT_EQ(withdraw_stock(session, sale.sale_no, item_no, change_id("a"), 3, epoch, "alice")->outcome, Outcome::done)
      << "asked for once more";
  EXPECT_EQ((*find_sale(session, "drop"))->items[0].stock, 2);
}

TEST_F(SaleRepositoryTest, LogsAreDrainedUpToAnEpochThatIsTheSales) {
  const Sale sale = testing::created_sale(session, "drop", {2});
  EXPECT_EQ(find_log_bounds(session, sale.sale_no)->drained_epoch, 0);
  const auto epoch = **raise_epoch(session, sale.sale_no, 0);
  EXPECT_TRUE(*mark_drained(session, sale.sale_no, epoch));
  EXPECT_FALSE(*mark_drained(session, sale.sale_no, epoch + 1));
  ASSERT_TRUE(**raise_epoch(session, sale.sale_no, epoch));
  EXPECT_FALSE(*mark_drained(session, sale.sale_no, epoch)) << "somebody newer is at it";
  EXPECT_EQ(find_log_bounds(session, sale.sale_no)->drained_epoch, epoch);
}

TEST_F(SaleRepositoryTest, OneKeySentConcurrentlyAddsOnce) {
  using Outcome = StockChangeResult::Outcome;
  const Sale sale = testing::created_sale(session, "drop", {5, 5});
  for (int round = 0; round < 5; ++round) {
    std::array<std::atomic<int>, 6> counts{};
    std::vector<std::thread> threads;
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        Session own = database.connect("adder");
        // The last one asks for another item under the same key.
        const auto item_no = sale.items[t == 5 ? 1 : 0].item_no;
        const auto result = add_stock(own, sale.sale_no, item_no, change_id(std::to_string(round)), 10, "alice");
        ASSERT_TRUE(result) << result.error().message();
        ++counts.at(static_cast<std::size_t>(result->outcome));
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(counts.at(static_cast<std::size_t>(Outcome::done)), 1);
    EXPECT_EQ(counts.at(static_cast<std::size_t>(Outcome::repeated)) +
                  counts.at(static_cast<std::size_t>(Outcome::key_reused)),
              5);
  }
  const auto now = *find_sale(session, "drop");
  EXPECT_EQ(now->items[0].stock + now->items[1].stock, 10 + 5 * 10);
}

TEST_F(SaleRepositoryTest, OnlyOneRaisesTheEpoch) {
  const Sale sale = testing::created_sale(session, "drop", {5, 5});
  std::atomic<int> raised{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      Session own = database.connect("rebuilder");
      const auto result = raise_epoch(own, sale.sale_no, 0);
      ASSERT_TRUE(result) << result.error().message();
      raised += result->has_value() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(raised, 1);
  EXPECT_EQ(*current_epoch(session, sale.sale_no), 1);
  EXPECT_EQ(database.count("SELECT count(*) FROM items WHERE epoch = 1"), 2);
  EXPECT_FALSE(*raise_epoch(session, sale.sale_no, 0));
  EXPECT_FALSE(*raise_epoch(session, 4242, 0));
  EXPECT_FALSE(current_epoch(session, 4242));
}

class SnapshotTest : public SaleRepositoryTest {
 protected:
  /// `count` orders of one unit each on the first item, customers c0, c1, …
  void write_orders(const Sale& sale, int count) {
    std::vector<NewOrder> batch;
    for (int i = 0; i < count; ++i) batch.push_back(new_order(sale, 0, "c" + std::to_string(i), "k"));
    const auto results = writer.write(batch, false);
    ASSERT_TRUE(results) << results.error().message();
  }
  OrderWriter writer{database.options(), "writer"};
};

TEST_F(SnapshotTest, StreamsEveryRowOfTheSaleAndNoOther) {
  const Sale before = testing::created_sale(session, "before", {100});
  const Sale sale = testing::created_sale(session, "drop", {2500, 10});
  write_orders(before, 10);
  write_orders(sale, 2510);  // ten of them are rejected
  const OrderId gone = sample::order_id("c7", "k", sale.sale_no);
  ASSERT_EQ(cancel_order(session, gone, "", "")->outcome, CancelResult::Outcome::cancelled);

  std::vector<std::size_t> chunks;
  std::set<OrderId> ids;
  std::map<OrderStatus, int> statuses;
  SnapshotReader reader;
  reader.sale = [&](const Sale& found) {
    EXPECT_EQ(found.id, "drop");
    EXPECT_EQ(found.items.size(), 2U);
    EXPECT_EQ(found.items[0].sold, 2499);
    return true;
  };
  reader.orders = [&](std::span<const Order> orders) {
    chunks.push_back(orders.size());
    for (const auto& order : orders) {
      ids.insert(order.id);
      ++statuses[order.status];
    }
    // What is committed after the snapshot does not show in it.
    if (chunks.size() == 1) {
      Session other = database.connect("other");
      EXPECT_TRUE(cancel_order(other, sample::order_id("c9", "k", sale.sale_no), "", ""));
    }
    return true;
  };
  ASSERT_FALSE(read_snapshot(session, sale.sale_no, reader, 1000));
  EXPECT_THAT(chunks, ::testing::ElementsAre(1000, 1000, 510));
  EXPECT_EQ(ids.size(), 2510U);
  EXPECT_EQ(statuses[OrderStatus::confirmed], 2499);
  EXPECT_EQ(statuses[OrderStatus::cancelled], 1);
  EXPECT_EQ(statuses[OrderStatus::rejected], 10);

  int calls = 0;
  reader.sale = [](const Sale&) { return true; };
  reader.orders = [&](std::span<const Order>) { return ++calls < 2; };
  ASSERT_FALSE(read_snapshot(session, sale.sale_no, reader, 100));
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(read_snapshot(session, 4242, reader));
}

TEST_F(SnapshotTest, TheAuditCountsByStatusAndTime) {
  const Sale sale = testing::created_sale(session, "drop", {10, 20});
  auto early = new_order(sale, 0, "early", "1", 2);
  auto late = new_order(sale, 0, "late", "1", 3);
  auto cancelled = new_order(sale, 0, "cancelled", "1", 1);
  auto late_cancelled = new_order(sale, 0, "late cancelled", "1", 1);
  auto returned = new_order(sale, 0, "returned", "1", 4);
  const auto until = early.order.created_at + 1s;
  late.order.created_at = until + 1us;
  late_cancelled.order.created_at = until + 1us;
  const std::vector<NewOrder> batch{early, late, cancelled, late_cancelled};
  ASSERT_TRUE(writer.write({&returned, 1}, false));
  ASSERT_TRUE(cancel_order(session, returned.order.id, "", ""));
  ASSERT_FALSE(mark_given_back(session, {&returned.order, 1}));
  ASSERT_TRUE(writer.write(batch, false));
  ASSERT_TRUE(cancel_order(session, cancelled.order.id, "", ""));
  ASSERT_TRUE(cancel_order(session, late_cancelled.order.id, "", ""));
  ASSERT_TRUE(add_stock(session, sale.sale_no, sale.items[1].item_no, change_id("a"), 5, "alice"));

  const std::vector<OrderId> pending{early.order.id, sample::order_id("pending", "1", sale.sale_no)};
  const auto audit = read_audit(session, sale.sale_no, until, pending);
  ASSERT_TRUE(audit) << audit.error().message();
  ASSERT_EQ(audit->items.size(), 2U);
  EXPECT_EQ(audit->items[0].item_no, sale.items[0].item_no);
  EXPECT_EQ(audit->items[0].stock, 10);
  EXPECT_EQ(audit->items[0].sold, 5);
  EXPECT_EQ(audit->items[0].live_units, 5);
  EXPECT_EQ(audit->items[0].live_units_until, 2);
  EXPECT_EQ(audit->items[0].freed_units_until, 1);
  EXPECT_EQ(audit->items[0].freed_units, 2);
  EXPECT_EQ(audit->items[1].stock, 25);
  EXPECT_EQ(audit->items[1].stock_version, 1);
  EXPECT_EQ(audit->items[1].live_units, 0);
  EXPECT_THAT(audit->pending_with_row, ::testing::ElementsAre(::testing::Pair(early.order.id, 0)));
  EXPECT_FALSE(read_audit(session, 4242, until, {}));
}

TEST_F(SaleRepositoryTest, TheLogTellsWhoChangedWhatNewestFirst) {
  const Sale sale = testing::created_sale(session, "drop", {5});
  SalePatch patch;
  patch.state = SaleState::paused;
  ASSERT_TRUE(patch_sale(session, "drop", patch, "bob"));
  ASSERT_TRUE(add_stock(session, sale.sale_no, sale.items[0].item_no, change_id("a"), 2, "carol"));
  const auto log = read_admin_log(session, kEver, 10);
  ASSERT_TRUE(log) << log.error().message();
  ASSERT_EQ(log->size(), 3U);
  EXPECT_EQ((*log)[0].who, "carol");
  EXPECT_EQ((*log)[0].action, "stock.added");
  EXPECT_EQ((*log)[0].subject, "drop/sku-1");
  EXPECT_EQ((*log)[0].change, R"({"delta":2,"stock":7,"stock_version":1})");
  EXPECT_EQ((*log)[1].action, "sale.patched");
  EXPECT_EQ((*log)[1].change, R"({"state":"paused"})");
  EXPECT_EQ((*log)[2].who, "test");
  EXPECT_EQ((*log)[2].action, "sale.created");
  const auto older = read_admin_log(session, (*log)[1].entry_no, 10);
  ASSERT_EQ(older->size(), 1U);
  EXPECT_EQ(older->front().action, "sale.created");
}

}  // namespace
}  // namespace flashsale::postgres
