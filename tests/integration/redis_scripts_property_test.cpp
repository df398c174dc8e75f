#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <iostream>
#include <random>

#include "flashsale/model/selling_times.hpp"
#include "integration/redis_fixture.hpp"
#include "integration/redis_sale_model.hpp"
#include "order_ids.hpp"

namespace flashsale::testing {
namespace {

constexpr int kSteps = 60;
constexpr std::array<std::int32_t, 3> kItems{1, 2, 11};
constexpr std::int32_t kUnknownItem = 3;
/// The second and third would collide in a units field without a delimiter that item numbers cannot hold.
const std::array<std::string, 4> kCustomers{"ann", "1:ann", "1ann", "\xC5\xBElu\xC5\xA5"};
const std::array<std::string, 3> kClientHashes{std::string(redis::kClientHashDigits, '0'),
                                               std::string(redis::kClientHashDigits, '7'),
                                               std::string(redis::kClientHashDigits, 'f')};
constexpr int kKeys = 6;
const TimePoint kPast = from_unix_us(1'000'000);
const TimePoint kFuture = from_unix_us(4'102'444'800'000'000);

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  /// 0 .. below - 1. The same on every platform, unlike the distributions of the library.
  std::int64_t below(std::size_t bound) { return static_cast<std::int64_t>(engine_() % bound); }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + below(static_cast<std::size_t>(high - low + 1));
  }
  bool percent(int chance) { return below(100) < chance; }
  template <class Container>
  auto& of(Container& container) {
    return *std::next(container.begin(), below(container.size()));
  }

 private:
  std::mt19937_64 engine_;
};

/// How often each outcome was met over all histories: a property that is never exercised holds trivially.
using Census = std::map<std::string, std::int64_t>;

std::string name(redis::Decision decision) {
  constexpr std::array names{"accepted", "replay",       "sold out", "limit",   "order limit", "unpaid pause",
                             "not open", "unknown item", "log full", "resting", "too late",    "no order"};
  return names.at(static_cast<std::size_t>(decision));
}

/// One random history of one sale, played against Redis and the model side by side.
class History {
 public:
  History(std::uint64_t seed, Census& census) : random_(seed), census_(census) {}

  void play() {
    define();
    while (!serving()) advance_rebuild();
    for (int step = 0; step < kSteps && !::testing::Test::HasFailure(); ++step) {
      one_step();
      ++census_["steps"];
      if (random_.percent(12)) compare_states();
    }
    compare_states();
  }
  [[nodiscard]] const std::vector<std::string>& trace() const { return trace_; }

 private:
  struct Rebuild {
    enum class Stage { raised, closed, loaded } stage = Stage::raised;
    Sale sale;
  };

  // --- set-up ---

  void define() {
    auto& sale = ledger_.sale;
    sale.id = redis_.id;
    sale.starts_at = random_.percent(80) ? kPast : kFuture;
    sale.ends_at = kFuture;
    sale.state = random_.percent(50) ? SaleState::open : SaleState::scheduled;
    // Mostly more than a history comes to, at times less.
    sale.max_orders_per_customer = static_cast<std::int32_t>(random_.between(1, 10));
    const auto count = random_.between(1, kItems.size());
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      Item item;
      item.item_no = kItems[i];
      item.stock = random_.between(0, 12);
      item.limit_per_customer = static_cast<std::int32_t>(random_.between(0, 4));
      sale.items.push_back(item);
    }
    start_rebuild();
  }

  // --- the choice of a step ---

  void one_step() {
    using Step = void (History::*)();
    static constexpr std::array<std::pair<int, Step>, 15> kTable{{{40, &History::reserve},
                                                                  {16, &History::release},
                                                                  {5, &History::withdraw},
                                                                  {6, &History::add_stock},
                                                                  {9, &History::push_stock},
                                                                  {8, &History::settle},
                                                                  {6, &History::trim},
                                                                  {6, &History::configure},
                                                                  {4, &History::pulse},
                                                                  {3, &History::audit},
                                                                  {4, &History::find},
                                                                  {2, &History::scan},
                                                                  {9, &History::let_rests_end},
                                                                  {2, &History::start_rebuild},
                                                                  {1, &History::wipe}}};
    // A sale that is not served has little to tell: it comes back soon.
    if (!rebuilds_.empty() && random_.percent(serving() ? 10 : 30)) return advance_rebuild();
    if (!serving() && rebuilds_.empty() && random_.percent(30)) return start_rebuild();
    int total = 0;
    for (const auto& [weight, step] : kTable) total += weight;
    auto drawn = random_.below(static_cast<std::size_t>(total));
    for (const auto& [weight, step] : kTable) {
      if (drawn < weight) return (this->*step)();
      drawn -= weight;
    }
  }

  [[nodiscard]] bool serving() const { return model_.admits(served_); }

  /// Mostly an instance that is up to date; else one that missed a rebuild, is ahead of it, or is on another server.
  Caller pick_caller() {
    Caller caller = served_;
    if (random_.percent(4)) caller.epoch += random_.percent(50) ? 1 : -1;
    if (random_.percent(2)) caller.identity += "x";
    return caller;
  }
  redis::Fence fence_of(const Caller& caller) const { return {redis_.id, caller.epoch, caller.identity}; }

  template <class... Parts>
  void tell(const Parts&... parts) {
    std::ostringstream line;
    (line << ... << parts);
    trace_.push_back(line.str());
  }
  void count(const std::string& outcome) { ++census_[outcome]; }

  /// Runs a call that the model says is refused as a whole, and proves that it changed not a byte.
  template <class Call>
  auto unchanged(Call call) {
    const auto before = redis_.dump();
    auto reply = call();
    EXPECT_EQ(redis_.dump(), before) << "a refused call changed something";
    return reply;
  }
  template <class Call>
  auto run(bool refused, Call call) {
    return refused ? unchanged(call) : call();
  }

  // --- orders ---

  OrderId pick_order_id(const std::string& customer) {
    return sample::order_id(customer, "key-" + std::to_string(random_.below(kKeys)));
  }
  std::int32_t pick_item() { return random_.percent(4) ? kUnknownItem : random_.of(ledger_.sale.items).item_no; }

  OrderLines pick_lines() {
    OrderLines lines;
    for (auto count = random_.percent(70) ? 1 : random_.between(2, 3); count > 0; --count) {
      const OrderLine line{pick_item(), static_cast<std::int32_t>(random_.between(1, 3))};
      if (std::ranges::find(lines, line.item_no, &OrderLine::item_no) == lines.end()) lines.push_back(line);
    }
    std::ranges::sort(lines, {}, &OrderLine::item_no);
    return lines;
  }

  /// Their lines are good until the next call.
  std::vector<redis::ReservationRequest> pick_requests() {
    asked_lines_.clear();
    std::vector<redis::ReservationRequest> requests;
    const bool is_told = random_.percent(50);
    for (auto count = random_.between(1, 6); count > 0; --count) {
      const auto& customer = random_.of(kCustomers);
      asked_lines_.push_back(pick_lines());
      redis::ReservationRequest request{pick_order_id(customer), asked_lines_.back(), customer};
      if (is_told && random_.percent(80)) request.client_hash = random_.of(kClientHashes);
      // Ids in a batch are distinct, as the batcher sends them.
      const bool again =
          std::any_of(requests.begin(), requests.end(), [&](const auto& r) { return r.id == request.id; });
      if (!again) requests.push_back(request);
    }
    return requests;
  }

  void reserve() {
    const auto caller = pick_caller();
    const auto requests = pick_requests();
    redis::ReservationTerms terms{kFuture, 1000, random_.percent(10)};
    terms.too_late = terms.reserves_again && random_.percent(20);
    terms.replay_only = !terms.reserves_again && random_.percent(10);
    const bool late = random_.percent(3);
    if (late) terms.deadline = kPast;
    if (random_.percent(6)) terms.log_entries_max = random_.between(0, 4);
    tell("reserve under ", caller.epoch,
         terms.reserves_again ? " again"
         : terms.replay_only  ? " replays only"
                              : "",
         late ? " late" : "");

    const bool lost = !model_.admits(caller);
    const auto reply = run(lost || late, [&] { return redis_.reserve(fence_of(caller), terms, requests); });
    using Outcome = redis::ReservationReply::Outcome;
    ASSERT_EQ(reply.outcome, lost ? Outcome::lost : late ? Outcome::late : Outcome::decided);
    count(lost ? "reserve: lost" : late ? "reserve: late" : "reserve: decided");
    if (reply.outcome == Outcome::decided) expect_decided(terms, requests, reply);
  }

  void expect_decided(const redis::ReservationTerms& terms, const std::vector<redis::ReservationRequest>& requests,
                      const redis::ReservationReply& reply) {
    expect_moment(reply.now);
    expect_replays(terms, requests, reply);
    const auto expected = model_.reserve(terms, requests, reply.now, reply.entry_id);
    bool accepted = false;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const auto& lines = requests[i].lines;
      tell("  ", requests[i].id.to_string(), ": ", name(reply.decisions[i]), " ",
           describe(ModelRecord{'?', {}, {lines.begin(), lines.end()}, std::string(requests[i].customer_id)}));
      EXPECT_EQ(name(reply.decisions[i]), name(expected[i]));
      if (terms.reserves_again && expected[i] == redis::Decision::accepted) count("reserved again");
      accepted = accepted || expected[i] == redis::Decision::accepted;
      count((lines.size() > 1 ? "cart: " : "") + name(expected[i]));
    }
    EXPECT_EQ(reply.entry_id.empty(), !accepted);
  }

  /// Before the model takes the batch: the records that were there.
  void expect_replays(const redis::ReservationTerms& terms, const std::vector<redis::ReservationRequest>& requests,
                      const redis::ReservationReply& reply) {
    std::vector<std::string> expected;
    for (const auto& request : requests) {
      if (model_.is_replay(terms, request)) expected.push_back(describe(model_.current().records.at(request.id)));
    }
    std::vector<std::string> records;
    for (const auto& text : reply.records) records.push_back(describe(read_record(text)));
    EXPECT_EQ(records, expected);
  }

  void release() {
    const auto caller = pick_caller();
    auto& records = model_.epochs[served_.epoch].records;
    Order order;
    order.id = pick_order_id(kCustomers[0]);
    order.lines = pick_lines();
    order.customer_id = kCustomers[0];
    if (!records.empty() && random_.percent(90)) {
      const auto& [id, record] = random_.of(records);
      if (record.state == 'w') return;  // nobody cancels a withdrawal
      order = Ledger::to_row(id, record, OrderStatus::cancelled);
    } else if (records.contains(order.id)) {
      return;
    }
    release(caller, order, random_.percent(80));
  }

  void release(const Caller& caller, Order order, bool give_back) {
    if (!give_back) order.status = OrderStatus::rejected;
    tell("release ", order.id.to_string(), " under ", caller.epoch, give_back ? "" : " without giving back");
    const auto known = model_.epochs[served_.epoch].records.find(order.id);
    if (known != model_.epochs[served_.epoch].records.end()) {
      // PostgreSQL first (PROTOCOL R11).
      ledger_.end(order.id, known->second, give_back ? OrderStatus::cancelled : OrderStatus::rejected);
    }
    const bool lost = !model_.admits(caller);
    const bool idle = lost || known == model_.current().records.end() || known->second.state != 'h';
    const auto outcome = run(idle, [&] { return redis_.release(fence_of(caller), order, give_back); });
    const auto expected = lost ? redis::ReleaseOutcome::lost
                               : model_.release(order.id, give_back, [&](std::int32_t no) { return rest_of(no); });
    EXPECT_EQ(outcome, expected);
    constexpr std::array names{"release: lost", "release: absent", "release: already", "release: done"};
    count(names.at(static_cast<std::size_t>(expected)));
  }

  // --- stock ---

  /// The moment that Redis wrote for an item, held against the rest that it should take.
  std::int64_t rest_of(std::int32_t item_no) {
    const redis::SaleKeys keys(redis_.id, model_.fence.epoch);
    count("rest of an empty item");
    return rest_until(keys.items, std::to_string(item_no) + ":o", kRestockRest.count());
  }
  std::int64_t rest_until(const std::string& key, const std::string& field, std::int64_t rest_us) {
    const auto began = to_unix_us(redis_.call_began_at - redis_.kClockSet);
    const auto ended = to_unix_us(redis_.call_ended_at + redis_.kClockSet);
    const auto until = redis_.number(key, field);
    EXPECT_GE(until, began + rest_us);
    EXPECT_LE(until, ended + rest_us);
    return until;
  }

  /// As if the time had passed: nobody sleeps through thousands of histories.
  void let_rests_end() {
    if (model_.fence.epoch == 0) return;
    tell("all rests end");
    const redis::SaleKeys keys(redis_.id, model_.fence.epoch);
    std::vector<redis::Command> commands{{"HSET", keys.fence, "f", "0", "w", "0"}};
    for (auto& [no, item] : model_.current().items) {
      item.sellable_from_us = 0;
      commands.push_back({"HSET", keys.items, std::to_string(no) + ":o", "0"});
    }
    model_.fence.opens_from_us = 0;
    model_.fence.rests_until_us = 0;
    redis_.run_all(commands);
  }

  void withdraw() {
    const auto caller = pick_caller();
    const auto key = random_.below(8);
    // Mostly the same change under a key, as a merchant repeats it; at times another.
    const auto units = random_.percent(80) ? 1 + key % 3 : random_.between(1, 4);
    const auto item_no = random_.percent(80) ? kItems[0] : pick_item();
    const redis::WithdrawalEntry change{sample::order_id("stock", std::to_string(key)), item_no, units, "merchant"};
    const bool late = random_.percent(5);
    tell("withdraw ", change.units, " of item ", change.item_no, " under ", caller.epoch, late ? " late" : "");
    const bool lost = !model_.admits(caller);
    const auto reply =
        run(lost || late, [&] { return redis_.withdraw(fence_of(caller), late ? kPast : kFuture, change); });
    using Outcome = redis::WithdrawReply::Outcome;
    auto expected = lost ? Outcome::lost : Outcome::late;
    if (!lost && !late) {
      const auto item = model_.current().items.find(change.item_no);
      const auto before = item == model_.current().items.end() ? 0 : item->second.remaining;
      expected = model_.withdraw(change, entry_moment(reply.entry_id), reply.entry_id);
      if (expected == Outcome::not_enough) {
        EXPECT_EQ(reply.remaining, before);
      }
    }
    EXPECT_EQ(reply.outcome, expected);
    constexpr std::array names{"withdraw: lost",   "withdraw: late",       "withdraw: repeated",
                               "withdraw: reused", "withdraw: not enough", "withdraw: done"};
    count(names.at(static_cast<std::size_t>(expected)));
  }
  /// The script answers no moment: its entry has it.
  TimePoint entry_moment(const std::string& entry_id) {
    if (entry_id.empty()) return {};
    const auto at = redis_.pending(served_.epoch).back().created_at;
    EXPECT_LE(at, redis_.clock());
    return at;
  }

  void add_stock() {
    const auto& item = random_.of(ledger_.sale.items);
    const auto units = random_.between(1, 3);
    tell("add ", units, " to item ", item.item_no);
    ledger_.change_stock(item.item_no, units);
  }

  /// Pushes a change of the ledger: mostly the next one; also one that was applied already, or one too far ahead.
  void push_stock() {
    const auto caller = pick_caller();
    const auto item_no = pick_item();
    auto& changes = ledger_.changes[item_no];
    const auto& items = model_.epochs[served_.epoch].items;
    const auto here = items.contains(item_no) ? items.at(item_no).stock_version : 0;
    const auto version = here + (random_.percent(70) ? 1 : random_.between(-1, 3));
    if (version < 1 || version > static_cast<std::int64_t>(changes.size())) return;
    const auto delta = changes[static_cast<std::size_t>(version - 1)];
    tell("push change ", version, " of item ", item_no, " (", delta, ") under ", caller.epoch);
    const bool lost = !model_.admits(caller);
    const auto outcome =
        run(lost || version != here + 1, [&] { return redis_.restock(fence_of(caller), item_no, version, delta); });
    const auto expected = lost ? redis::RestockOutcome::lost
                               : model_.restock(item_no, version, delta, [&](std::int32_t no) { return rest_of(no); });
    EXPECT_EQ(outcome, expected);
    constexpr std::array names{"restock: lost", "restock: old", "restock: gap", "restock: done"};
    count(names.at(static_cast<std::size_t>(expected)));
  }

  // --- the pending log ---

  /// PostgreSQL takes what was accepted, under the epoch that is the items' (PROTOCOL R1).
  void settle() {
    if (model_.fence.epoch == 0 || model_.fence.epoch != epoch_in_postgres_) return;
    for (auto& entry : model_.current().log) {
      if (random_.percent(60)) ledger_.settle(entry);
    }
    tell("settle");
  }

  void trim() {
    if (model_.epochs.empty()) return;
    auto& [epoch, keys] = random_.of(model_.epochs);
    std::vector<std::string> ids{"1-1"};  // long gone
    std::int64_t there = 0;
    std::erase_if(keys.log, [&](const ModelEntry& entry) {
      if (!entry.settled || random_.percent(30)) return false;
      ids.push_back(entry.id);
      ++there;
      return true;
    });
    tell("trim ", there, " entries of ", epoch);
    EXPECT_EQ(redis_.trim(epoch, ids), there);
    if (there > 0) count("trim");
  }

  // --- definition ---

  void configure() {
    const auto caller = pick_caller();
    auto& sale = ledger_.sale;
    if (random_.percent(80)) {
      ++sale.version;
      const auto drawn = random_.below(10);
      sale.state = drawn < 5   ? SaleState::open
                   : drawn < 8 ? SaleState::scheduled
                   : drawn < 9 ? SaleState::paused
                               : SaleState::closed;
      sale.starts_at = random_.percent(70) ? kPast : kFuture;
      sale.ends_at = random_.percent(85) ? kFuture : kPast;
    }
    tell("configure version ", sale.version, " under ", caller.epoch, ", state ", static_cast<int>(sale.state));
    const bool lost = !model_.admits(caller);
    const bool old = sale.version <= model_.fence.definition.version;
    const auto outcome = run(lost || old, [&] { return redis_.configure(fence_of(caller), sale); });
    using Outcome = redis::ConfigureOutcome;
    ASSERT_EQ(outcome, lost ? Outcome::lost : old ? Outcome::old : Outcome::done);
    count(lost ? "configure: lost" : old ? "configure: old" : "configure: done");
    if (outcome == Outcome::done) expect_configured(sale);
  }

  void expect_configured(const Sale& sale) {
    const bool was_open = model_.is_open(redis_.call_began_at);
    model_.fence.definition = sale;
    if (was_open) return;  // it sells, or rests, on as it did
    count("rest of an opened sale");
    model_.fence.opens_from_us = rest_until(redis::SaleKeys(redis_.id, 0).fence, "f", kOpeningRest.count());
  }

  // --- questions ---

  void pulse() {
    auto caller = pick_caller();
    tell("pulse under ", caller.epoch);
    const auto reply = unchanged([&] { return redis_.pulse(caller.epoch); });
    // The identity is for the caller to compare, so that it learns that it changed.
    caller.identity = model_.fence.identity;
    const bool lost = !model_.admits(caller);
    ASSERT_EQ(reply.lost, lost);
    count(lost ? "pulse: lost" : "pulse: ok");
    if (lost) {
      EXPECT_EQ(reply.fence_epoch, model_.fence.epoch);
      return;
    }
    const auto& sale = model_.current();
    EXPECT_EQ(reply.identity, model_.fence.identity);
    EXPECT_EQ(reply.version, model_.fence.definition.version);
    EXPECT_EQ(reply.order_records, static_cast<std::int64_t>(sale.records.size()));
    EXPECT_EQ(reply.log_entries, static_cast<std::int64_t>(sale.log.size()));
    ASSERT_EQ(reply.oldest_entry_at.has_value(), !sale.log.empty());
    if (reply.oldest_entry_at) {
      EXPECT_EQ(to_unix_us(*reply.oldest_entry_at) / 1000, std::stoll(sale.log.front().id));
    }
    EXPECT_EQ(to_unix_us(reply.resting_until), model_.fence.rests_until_us);
    EXPECT_EQ(reply.postgres_identity, model_.fence.postgres_identity);
    expect_items(reply.items);
    pulse_again(caller.epoch, reply);
  }
  /// What an instance knows from an earlier pulse of this epoch is either left out or told anew; both are the truth.
  void pulse_again(std::int64_t epoch, const redis::PulseReply& now) {
    if (seen_ && seen_->first == epoch) {
      const auto reply = unchanged([&] { return redis_.pulse(epoch, seen_->second.items_state); });
      count(reply.items_unchanged ? "pulse: items unchanged" : "pulse: items changed");
      expect_items(reply.items_unchanged ? seen_->second.items : reply.items);
    }
    if (!seen_ || random_.percent(50)) seen_.emplace(epoch, now);
  }
  void expect_moment(TimePoint now) {
    EXPECT_GE(now, redis_.call_began_at - redis_.kClockSet);
    EXPECT_LE(now, redis_.call_ended_at + redis_.kClockSet);
  }
  void expect_items(const std::vector<redis::ItemLevel>& items) {
    const auto& expected = model_.current().items;
    ASSERT_EQ(items.size(), expected.size());
    for (const auto& item : items) {
      const auto& other = expected.at(item.item_no);
      EXPECT_EQ(item.remaining, other.remaining);
      EXPECT_EQ(item.version, other.version);
      EXPECT_EQ(item.stock_version, other.stock_version);
    }
  }

  void audit() {
    const auto caller = pick_caller();
    const auto most = random_.percent(30) ? random_.between(0, 3) : 1000;
    tell("audit under ", caller.epoch);
    const auto reply = unchanged([&] { return redis_.audit(fence_of(caller), most); });
    const bool lost = !model_.admits(caller);
    using Outcome = redis::AuditReply::Outcome;
    const bool too_long = !lost && static_cast<std::int64_t>(model_.current().log.size()) > most;
    ASSERT_EQ(reply.outcome, lost ? Outcome::lost : too_long ? Outcome::too_long : Outcome::ok);
    count(lost ? "audit: lost" : too_long ? "audit: too long" : "audit: ok");
    if (reply.outcome != Outcome::ok) return;
    expect_moment(reply.now);
    expect_items(reply.items);
    expect_entries(reply.pending, model_.current().log);
  }

  void find() {
    const auto caller = pick_caller();
    const auto id = pick_order_id(random_.of(kCustomers));
    tell("find ", id.to_string(), " under ", caller.epoch);
    const auto reply = unchanged([&] { return redis_.find(fence_of(caller), id); });
    using Outcome = RedisSale::Found::Outcome;
    const bool lost = !model_.admits(caller);
    const bool there = !lost && model_.current().records.contains(id);
    ASSERT_EQ(reply.outcome, lost ? Outcome::lost : there ? Outcome::found : Outcome::absent);
    count(lost ? "find: lost" : there ? "find: found" : "find: absent");
    if (there) {
      EXPECT_EQ(describe(read_record(reply.record)), describe(model_.current().records.at(id)));
    }
  }

  void scan() {
    tell("scan under ", served_.epoch);
    std::vector<std::uint64_t> expected;
    for (const auto& [id, record] : model_.epochs[served_.epoch].records) expected.push_back(id.hash64());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(redis_.scan_orders(served_.epoch), expected);
  }

  // --- loss and rebuild ---

  void wipe() {
    tell("wipe");
    seen_.reset();
    redis_.wipe();
    model_ = {};
    count("wipe");
  }

  void start_rebuild() {
    if (rebuilds_.size() >= 3) return;
    tell("rebuild to ", epoch_in_postgres_ + 1);
    ++epoch_in_postgres_;
    rebuilds_.push_back({Rebuild::Stage::raised, {}});
    rebuilds_.back().sale.epoch = epoch_in_postgres_;
  }

  /// One rebuilder, not always the youngest, takes its next act; others and all callers come in between.
  void advance_rebuild() {
    const auto at = rebuilds_.begin() + random_.below(rebuilds_.size());
    const auto epoch = at->sale.epoch;
    bool goes_on = true;
    switch (at->stage) {
      case Rebuild::Stage::raised: goes_on = close_fence(epoch); break;
      case Rebuild::Stage::closed: goes_on = drain_and_load(*at); break;
      case Rebuild::Stage::loaded:
        publish(at->sale);
        goes_on = false;
        break;
    }
    at->stage = at->stage == Rebuild::Stage::raised ? Rebuild::Stage::closed : Rebuild::Stage::loaded;
    if (!goes_on) rebuilds_.erase(at);
  }

  bool close_fence(std::int64_t epoch) {
    tell("close the fence for ", epoch);
    const auto expected = model_.close_fence(epoch);
    const auto reply = run(expected.superseded, [&] { return redis_.close_fence(epoch); });
    EXPECT_EQ(reply.superseded, expected.superseded);
    EXPECT_EQ(reply.published_epoch, expected.published_epoch);
    count(expected.superseded ? "close: superseded" : "close: closed");
    return !expected.superseded;
  }

  /// What older epochs had accepted becomes rows, then all rows are loaded; unless PostgreSQL has moved on.
  bool drain_and_load(Rebuild& rebuild) {
    tell("drain and load for ", rebuild.sale.epoch);
    for (auto& [epoch, keys] : model_.epochs) {
      if (epoch >= rebuild.sale.epoch) continue;
      expect_pages(epoch, keys);
      if (rebuild.sale.epoch != epoch_in_postgres_) continue;
      for (auto& entry : keys.log) ledger_.settle(entry);
    }
    if (rebuild.sale.epoch != epoch_in_postgres_) return false;
    const auto epoch = rebuild.sale.epoch;
    rebuild.sale = ledger_.sale;
    rebuild.sale.epoch = epoch;
    for (auto& item : rebuild.sale.items) item.sold = ledger_.sold(item.item_no);
    const auto rows = ledger_.all_rows();
    // Without rows there is nothing to ask Redis for: publishing tells.
    const bool superseded = !rows.empty() && model_.fence.rebuilder != epoch;
    const auto outcome = run(superseded, [&] { return redis_.load(epoch, rows); });
    EXPECT_EQ(outcome == redis::LoadOutcome::superseded, superseded);
    count(superseded ? "load: superseded" : "load: loaded");
    if (superseded) return false;
    for (const auto& row : rows) {
      const char ended = row.status == OrderStatus::rejected ? 'x' : 'r';
      const ModelRecord record{is_live(row.status) ? 'h' : ended, row.created_at, row.lines, row.customer_id};
      model_.epochs[epoch].add_record(row.id, record);
    }
    return true;
  }

  /// Page by page, as a rebuilder reads it.
  void expect_pages(std::int64_t epoch, const EpochKeys& keys) {
    std::vector<redis::PendingEntry> entries;
    std::string after;
    for (;;) {
      const auto page = redis_.pending(epoch, after, 2);
      entries.insert(entries.end(), page.begin(), page.end());
      if (page.size() < 2) break;
      after = page.back().id;
    }
    expect_entries(entries, keys.log);
  }
  static void expect_entries(const std::vector<redis::PendingEntry>& entries, const std::vector<ModelEntry>& log) {
    EpochKeys read;
    EpochKeys expected;
    for (const auto& entry : entries) read.log.push_back(read_entry(entry));
    expected.log = log;
    EXPECT_EQ(describe(read), describe(expected));
  }

  void publish(const Sale& sale) {
    const std::string postgres_identity = "postgres-" + std::to_string(random_.below(3));
    const std::string identity = redis_.identity + (random_.percent(20) ? "-other" : "");
    tell("publish ", sale.epoch, " on ", identity);
    const bool superseded = model_.fence.epoch >= sale.epoch || model_.fence.rebuilder != sale.epoch;
    const auto outcome = run(superseded, [&] { return redis_.publish(sale, identity, postgres_identity); });
    std::int64_t rests_until_us = 0;
    // Nobody can hold a mark of a sale that was never served before.
    if (!superseded && sale.epoch > 1) {
      rests_until_us = rest_until(redis::SaleKeys(redis_.id, sale.epoch).fence, "w", kRestockRest.count());
      count("rest of a rebuilt sale");
    }
    EXPECT_EQ(outcome, model_.publish(sale, identity, postgres_identity, rests_until_us));
    count(superseded ? "publish: superseded" : "publish: published");
    if (superseded) return;
    served_ = {sale.epoch, identity};
    if (random_.percent(50)) forget_before(sale.epoch);
  }
  void forget_before(std::int64_t epoch) {
    for (auto at = model_.epochs.begin(); at != model_.epochs.lower_bound(epoch);) {
      redis_.forget(at->first);
      at = model_.epochs.erase(at);
    }
  }

  // --- the whole state ---

  void compare_states() {
    std::vector<std::int64_t> epochs;
    for (const auto& [epoch, keys] : model_.epochs) epochs.push_back(epoch);
    const auto read = read_state(redis_, epochs);
    EXPECT_EQ(describe(read.fence), describe(model_.fence));
    for (const auto& [epoch, keys] : model_.epochs) {
      EXPECT_EQ(describe(read.epochs.at(epoch)), describe(keys)) << "epoch " << epoch;
      expect_books(read.epochs.at(epoch), keys);
    }
    count("whole states");
  }

  /// The promises themselves, from what Redis holds: no unit is lost or made, and nobody has more than the limit.
  static void expect_books(const EpochKeys& read, const EpochKeys& books) {
    std::map<std::string, std::int64_t> held;
    for (const auto& [id, record] : read.records) {
      if (record.state != 'h') continue;
      for (const auto& line : record.lines) {
        held[EpochKeys::units_field(line.item_no, record.customer_id)] += line.quantity;
      }
    }
    EXPECT_EQ(read.totals, held);
    std::map<std::string, std::int64_t> placed;
    for (const auto& [id, record] : read.records) {
      if (record.state != 'w') ++placed[record.customer_id];
    }
    EXPECT_EQ(read.placed, placed);
    for (const auto& [no, item] : read.items) {
      const auto& book = books.items.at(no);
      EXPECT_GE(item.remaining, 0);
      EXPECT_EQ(book.offered, item.remaining + read.held(no) + book.withdrawn + book.refused) << "item " << no;
      for (const auto& [field, units] : held) {
        const bool of_item = std::stoi(field) == no;
        if (of_item && item.limit > 0) {
          EXPECT_LE(units, item.limit) << field;
        }
      }
    }
  }

  RedisSale redis_;
  Random random_;
  Census& census_;
  SaleModel model_;
  std::optional<std::pair<std::int64_t, redis::PulseReply>> seen_;  ///< epoch, and an earlier pulse of it
  Ledger ledger_;
  std::int64_t epoch_in_postgres_ = 0;
  Caller served_;
  std::vector<Rebuild> rebuilds_;
  std::vector<std::string> trace_;
  std::deque<OrderLines> asked_lines_;
};

std::uint64_t number_from_environment(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoull(text);
}

void print_census(const Census& census) {
  for (const auto& [outcome, times] : census) std::cout << "  " << times << "  " << outcome << "\n";
}

void expect_everything_happened(const Census& census) {
  for (const char* outcome : {"accepted",
                              "replay",
                              "sold out",
                              "limit",
                              "order limit",
                              "not open",
                              "unknown item",
                              "log full",
                              "too late",
                              "no order",
                              "reserved again",
                              "cart: accepted",
                              "cart: replay",
                              "cart: sold out",
                              "cart: limit",
                              "cart: unknown item",
                              "reserve: lost",
                              "reserve: late",
                              "release: lost",
                              "release: absent",
                              "release: already",
                              "release: done",
                              "withdraw: lost",
                              "withdraw: late",
                              "withdraw: repeated",
                              "withdraw: reused",
                              "withdraw: not enough",
                              "withdraw: done",
                              "restock: lost",
                              "restock: old",
                              "restock: gap",
                              "restock: done",
                              "configure: lost",
                              "configure: old",
                              "configure: done",
                              "pulse: lost",
                              "pulse: ok",
                              "pulse: items unchanged",
                              "pulse: items changed",
                              "audit: lost",
                              "audit: too long",
                              "audit: ok",
                              "find: lost",
                              "find: found",
                              "find: absent",
                              "close: superseded",
                              "close: closed",
                              "publish: superseded",
                              "publish: published",
                              "trim",
                              "wipe",
                              "resting",
                              "rest of a rebuilt sale",
                              "rest of an empty item",
                              "rest of an opened sale"}) {
    EXPECT_TRUE(census.contains(outcome)) << "no history met: " << outcome;
  }
}

TEST(RedisScriptsPropertyTest, RandomHistoriesKeepThePromises) {
  const auto first_seed = number_from_environment("FLASHSALE_TEST_SEED", std::random_device{}());
  const auto histories = number_from_environment("FLASHSALE_TEST_HISTORIES", 800);
  Census census;
  for (std::uint64_t n = 0; n < histories; ++n) {
    const auto seed = first_seed + n;
    SCOPED_TRACE("to repeat: FLASHSALE_TEST_SEED=" + std::to_string(seed) + " FLASHSALE_TEST_HISTORIES=1");
    History history(seed, census);
    history.play();
    if (!HasFailure()) continue;
    std::cout << "the history of FLASHSALE_TEST_SEED=" << seed << ":\n";
    for (const auto& line : history.trace()) std::cout << "  " << line << "\n";
    return;
  }
  print_census(census);
  if (histories >= 500) expect_everything_happened(census);
}

}  // namespace
}  // namespace flashsale::testing
