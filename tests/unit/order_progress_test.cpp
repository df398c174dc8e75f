#include "checkout/order_progress.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "flashsale/model/order_id.hpp"
#include "order_ids.hpp"

namespace flashsale::checkout {

// For messages of failed tests.
void PrintTo(const Step& step, std::ostream* out) {
  *out << "{act " << static_cast<int>(step.act) << ", answer "
       << (step.answer ? to_string(*step.answer) : std::string_view("none")) << ", shows "
       << static_cast<int>(step.shows) << (step.trims ? ", trims" : "") << (step.gives_back ? ", gives back" : "")
       << (step.drifted ? ", drifted" : "") << (step.lacks_item ? ", lacks item" : "")
       << (step.reason_is_unknown ? ", reason unknown" : "") << "}";
}

namespace {

using namespace std::chrono_literals;
using catalog::SteadyTime;
using postgres::WriteOutcome;
using redis::Decision;
using Act = Step::Act;
using Shows = Step::Shows;
using Stage = OrderProgress::Stage;
using Failure = OrderProgress::ReservationFailure;
using Outcome = PlacementOutcome;

constexpr SteadyTime kStart{std::chrono::hours(1)};
constexpr auto kWait = 2000ms;
const TimePoint kAccepted = from_unix_us(1'000'000'000);
constexpr std::int64_t kEpoch = 7;

std::shared_ptr<const catalog::SaleSnapshot> sale_of(std::int64_t epoch, bool serving = true, bool let_go = false) {
  auto sale = std::make_shared<Sale>();
  sale->id = "drop";
  sale->sale_no = 1;
  sale->epoch = epoch;
  sale->let_go = let_go;
  sale->items.emplace_back();
  sale->items.back().item_no = 1;
  auto snapshot = std::make_shared<catalog::SaleSnapshot>();
  snapshot->sale = sale;
  snapshot->serving = serving;
  return snapshot;
}

Placement placement(std::chrono::milliseconds wait = kWait) {
  Placement placement;
  placement.sale = sale_of(kEpoch);
  placement.id = sample::order_id("ann", "key");
  placement.lines.push_back({1, 2});
  placement.customer_id = "ann";
  placement.wait = wait;
  return placement;
}

/// A row of her order, as PostgreSQL would show it.
Order row(OrderStatus status, std::string reason = {}) {
  Order row;
  row.id = placement().id;
  row.lines = placement().lines;
  row.customer_id = "ann";
  row.status = status;
  row.reason = std::move(reason);
  row.created_at = kAccepted;
  return row;
}
Order rejected(RejectionReason reason) { return row(OrderStatus::rejected, std::string(to_string(reason))); }
/// The same key with other lines.
Order other_row(OrderStatus status) {
  auto other = row(status);
  other.lines.front().quantity = 1;
  return other;
}
/// The same key, accepted once before.
Order earlier_row(OrderStatus status) {
  auto earlier = row(status);
  earlier.created_at = kAccepted - 1s;
  return earlier;
}
Order earlier_refusal() {
  auto earlier = rejected(RejectionReason::sold_out);
  earlier.created_at = kAccepted - 1us;
  return earlier;
}

redis::OrderRecord record(bool held) {
  redis::OrderRecord record;
  record.held = held;
  record.created_at = kAccepted;
  record.lines = placement().lines;
  record.customer_id = "ann";
  return record;
}

/// An order, and what can happen to it.
class Told {
 public:
  explicit Told(std::chrono::milliseconds wait = kWait) : order(placement(wait), kStart) {}

  Step decided(Decision decision, std::int64_t epoch = kEpoch, const redis::OrderRecord* record = nullptr) {
    return order.reserved({decision, epoch, kAccepted, record}, now);
  }
  Step replayed(const redis::OrderRecord& record) { return decided(Decision::replay, kEpoch, &record); }
  Step failed(Failure failure) { return order.reservation_failed(failure, now); }
  Step written(WriteOutcome outcome, const Order& row = {}) { return order.written({outcome, row}, now); }
  Step found(const Order& row) { return order.looked_up(&row, now); }
  Step found_nothing() { return order.looked_up(nullptr, now); }
  Step later(std::chrono::milliseconds by, const catalog::SaleSnapshot* sale = nullptr) {
    now += by;
    return order.time_is(now, sale);
  }

  OrderProgress order;
  SteadyTime now = kStart;
};

// --- states ---

using State = Told (*)();

Told reserving() { return Told(); }
Told writing() {
  Told order;
  (void)order.decided(Decision::accepted);
  return order;
}
/// Its 202 is given as soon as Redis has taken it.
Told promised() {
  Told order(0ms);
  (void)order.decided(Decision::accepted);
  return order;
}
Told asked_in_vain() {
  Told order;
  (void)order.failed(Failure::no_answer_yet);
  return order;
}
Told returning() {
  auto order = writing();
  (void)order.written(WriteOutcome::stale_epoch);
  return order;
}
Told returning_promised() {
  auto order = promised();
  (void)order.written(WriteOutcome::stale_epoch);
  return order;
}
Told reserving_again() {
  auto order = returning();
  const auto sale = sale_of(kEpoch + 1);
  (void)order.later(0ms, sale.get());
  return order;
}
Told reserving_again_promised() {
  auto order = returning_promised();
  const auto sale = sale_of(kEpoch + 1);
  (void)order.later(0ms, sale.get());
  return order;
}
Told writing_again() {
  auto order = reserving_again();
  (void)order.decided(Decision::accepted, kEpoch + 1);
  return order;
}
Told refused_again() {
  auto order = reserving_again();
  (void)order.decided(Decision::sold_out, kEpoch + 1);
  return order;
}
Told replaying() {
  Told order;
  (void)order.replayed(record(true));
  return order;
}
Told replaying_released() {
  Told order(0ms);
  (void)order.replayed(record(false));
  return order;
}
Told replaying_again() {
  auto order = reserving_again();
  (void)order.replayed(record(true));
  return order;
}

// --- the table ---

struct Case {
  const char* rule;
  State state;
  std::function<Step(Told&)> event;
  Step expected;
  Stage stage;
};

Step settles(std::optional<Outcome> answer, Shows shows = Shows::nothing) {
  Step step;
  step.act = Act::settle;
  step.answer = answer;
  step.shows = shows;
  return step;
}
Step does(Act act) {
  Step step;
  step.act = act;
  return step;
}
Step answers(Step step, Outcome outcome, Shows shows) {
  step.answer = outcome;
  step.shows = shows;
  return step;
}
Step trims(Step step) {
  step.trims = true;
  return step;
}
Step gives_back(Step step) {
  step.gives_back = true;
  return step;
}
Step drifted(Step step) {
  step.drifted = true;
  return step;
}
Step lacks_item(Step step) {
  step.lacks_item = true;
  return step;
}
Step of_unknown_reason(Step step) {
  step.reason_is_unknown = true;
  return step;
}
const Step kWaits;

auto decides(Decision decision) {
  return [decision](Told& order) { return order.decided(decision, kEpoch + 1); };
}
auto writes(WriteOutcome outcome, Order row = {}) {
  return [outcome, row = std::move(row)](Told& order) { return order.written(outcome, row); };
}
auto finds(Order row) {
  return [row = std::move(row)](Told& order) { return order.found(row); };
}
auto fails(Failure failure) {
  return [failure](Told& order) { return order.failed(failure); };
}
Step finds_nothing(Told& order) { return order.found_nothing(); }
Step is_not_looked_up(Told& order) { return order.order.not_looked_up(order.now); }
auto waits(std::chrono::milliseconds by, std::shared_ptr<const catalog::SaleSnapshot> sale = nullptr) {
  return [by, sale = std::move(sale)](Told& order) { return order.later(by, sale.get()); };
}
auto replays(redis::OrderRecord record) {
  return [record = std::move(record)](Told& order) { return order.replayed(record); };
}
redis::OrderRecord other_record() {
  auto other = record(true);
  other.customer_id = "bob";
  return other;
}
redis::OrderRecord record_of_other_lines() {
  auto other = record(true);
  other.lines.front().quantity = 1;
  return other;
}
redis::OrderRecord withdrawal() {
  auto withdrawal = record(false);
  withdrawal.withdrawal = true;
  return withdrawal;
}

void expect(const std::vector<Case>& table) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto& [rule, state, event, expected, stage] = table[i];
    SCOPED_TRACE(testing::Message() << rule << ", row " << i);
    auto order = state();
    EXPECT_EQ(event(order), expected);
    EXPECT_EQ(order.order.stage(), stage);
  }
}

TEST(OrderProgressTest, WhatRedisDecidesOfANewOrder) {
  const auto waits_for_postgres = does(Act::write);
  expect({
      {"R14: accepted is no answer", reserving, decides(Decision::accepted), waits_for_postgres, Stage::writing},
      {"R14: a permit is kept beyond the 202", [] { return Told(0ms); }, decides(Decision::accepted),
       answers(does(Act::write), Outcome::taken, Shows::order), Stage::writing},
      {"R9: the key's order is shown, not refused", reserving, replays(record(true)), does(Act::look_up),
       Stage::replaying},
      {"R9: an ended one, too", reserving, replays(record(false)), does(Act::look_up), Stage::replaying},
      {"R18: another's", reserving, replays(other_record()), settles(Outcome::key_reused), Stage::settled},
      {"R18: other lines", reserving, replays(record_of_other_lines()), settles(Outcome::key_reused), Stage::settled},
      {"R18: no order at all", reserving, replays(withdrawal()), settles(Outcome::key_reused), Stage::settled},
      {"R18: cannot be read", reserving, decides(Decision::replay), settles(Outcome::key_reused), Stage::settled},
      {"R9", reserving, decides(Decision::sold_out), settles(Outcome::sold_out), Stage::settled},
      {"R9", reserving, decides(Decision::limit), settles(Outcome::limit_exceeded), Stage::settled},
      {"R9", reserving, decides(Decision::order_limit), settles(Outcome::order_limit_exceeded), Stage::settled},
      {"R9", reserving, decides(Decision::unpaid_pause), settles(Outcome::unpaid_pause), Stage::settled},
      {"R9", reserving, decides(Decision::not_open), settles(Outcome::sale_not_open), Stage::settled},
      {"R9: a rest refuses nothing for good", reserving, decides(Decision::resting), settles(Outcome::unavailable),
       Stage::settled},
      {"R14", reserving, decides(Decision::log_full), settles(Outcome::overloaded), Stage::settled},
      {"R11", reserving, decides(Decision::unknown_item), lacks_item(settles(Outcome::unavailable)), Stage::settled},
      {"R11: no order of before", reserving, decides(Decision::too_late), settles(Outcome::unavailable),
       Stage::settled},
  });
}

TEST(OrderProgressTest, WhatIsSaidWhenRedisDoesNotAnswer) {
  expect({
      {"R10: nothing was changed", reserving, fails(Failure::nothing_changed), settles(Outcome::unavailable),
       Stage::settled},
      {"R10, R14: it may stand, so its permit stays", reserving, fails(Failure::no_answer_yet),
       answers(kWaits, Outcome::outcome_unknown, Shows::nothing), Stage::reserving},
      {"R10: the answer comes after all", asked_in_vain, decides(Decision::accepted), does(Act::write), Stage::writing},
      {"R10", asked_in_vain, decides(Decision::sold_out), settles(std::nullopt), Stage::settled},
      {"R10", asked_in_vain, replays(record(true)), does(Act::look_up), Stage::replaying},
      {"R10", asked_in_vain, fails(Failure::nothing_changed), settles(std::nullopt), Stage::settled},
      {"R10", asked_in_vain, fails(Failure::no_answer_at_all), settles(std::nullopt), Stage::settled},
      {"R10: time alone tells nothing", asked_in_vain, waits(kWait * 2), kWaits, Stage::reserving},
      {"R10: nobody was told to wait", reserving, waits(kWait * 2), kWaits, Stage::reserving},
      {"R10: promised, so it is not called unknown", reserving_again, fails(Failure::no_answer_yet), kWaits,
       Stage::reserving},
      {"R10", reserving_again, fails(Failure::no_answer_at_all), kWaits, Stage::returning},
      {"R10", reserving_again, fails(Failure::nothing_changed), kWaits, Stage::returning},
  });
}

TEST(OrderProgressTest, WhatPostgresDecides) {
  const auto confirmed = row(OrderStatus::confirmed);
  const auto cancelled = row(OrderStatus::cancelled);
  const auto final_row = gives_back(trims(settles(Outcome::replayed, Shows::row)));
  expect({
      {"R13: trimmed with its row", writing, writes(WriteOutcome::committed, confirmed),
       trims(settles(Outcome::committed, Shows::row)), Stage::settled},
      {"R14: settled after its 202", promised, writes(WriteOutcome::committed, confirmed), trims(settles(std::nullopt)),
       Stage::settled},
      {"R10: settled after 503", asked_in_vain,
       [&](Told& order) {
         (void)order.decided(Decision::accepted);
         return order.written(WriteOutcome::committed, confirmed);
       },
       trims(settles(std::nullopt)), Stage::settled},
      {"R5: answered from the row", writing, writes(WriteOutcome::existing, row(OrderStatus::awaiting_payment)),
       trims(settles(Outcome::committed, Shows::row)), Stage::settled},
      {"R5: of an earlier request that Redis has forgotten", writing,
       writes(WriteOutcome::existing, earlier_row(OrderStatus::confirmed)),
       trims(settles(Outcome::replayed, Shows::row)), Stage::settled},
      {"R3, R5: its units go back once it is final", writing, writes(WriteOutcome::existing, cancelled), final_row,
       Stage::settled},
      {"R3, R5", writing, writes(WriteOutcome::existing, row(OrderStatus::expired)), final_row, Stage::settled},
      {"R4, R11, R13: refused, so never trimmed", writing,
       writes(WriteOutcome::existing, rejected(RejectionReason::limit_exceeded)),
       drifted(settles(Outcome::limit_exceeded, Shows::row)), Stage::settled},
      {"R5, R11: other lines", writing, writes(WriteOutcome::existing, other_row(OrderStatus::confirmed)),
       drifted(settles(Outcome::key_reused)), Stage::settled},
      {"R5, R11: other lines, ended", writing, writes(WriteOutcome::existing, other_row(OrderStatus::cancelled)),
       gives_back(drifted(settles(Outcome::key_reused))), Stage::settled},
      {"R4, R11, R13", writing, writes(WriteOutcome::rejected, rejected(RejectionReason::sold_out)),
       drifted(settles(Outcome::sold_out, Shows::row)), Stage::settled},
      {"R1: no answer yet", writing, writes(WriteOutcome::stale_epoch), kWaits, Stage::returning},
      {"R1", promised, writes(WriteOutcome::stale_epoch), kWaits, Stage::returning},
      {"R13: of the epoch that has it now", writing_again, writes(WriteOutcome::committed, confirmed),
       trims(settles(Outcome::committed, Shows::row)), Stage::settled},
      {"R4: its refusal is a row, and in no log", refused_again,
       writes(WriteOutcome::recorded, rejected(RejectionReason::sold_out)), settles(Outcome::sold_out, Shows::row),
       Stage::settled},
      {"R4, R5: its key has made something since", refused_again, writes(WriteOutcome::existing, confirmed),
       settles(Outcome::committed, Shows::row), Stage::settled},
      {"R3: nothing was taken for it", refused_again, writes(WriteOutcome::existing, cancelled),
       settles(Outcome::replayed, Shows::row), Stage::settled},
      {"R4, R11: a row that cannot be stored", refused_again,
       writes(WriteOutcome::rejected, rejected(RejectionReason::data_refused)),
       drifted(settles(Outcome::sold_out, Shows::row)), Stage::settled},
  });
}

TEST(OrderProgressTest, WhatARejectedRowIsAnswered) {
  const auto answered = [](RejectionReason reason, Outcome outcome) {
    return Case{"R4", refused_again, writes(WriteOutcome::recorded, rejected(reason)), settles(outcome, Shows::row),
                Stage::settled};
  };
  expect({
      answered(RejectionReason::sold_out, Outcome::sold_out),
      answered(RejectionReason::unknown_item, Outcome::sold_out),
      answered(RejectionReason::data_refused, Outcome::sold_out),
      answered(RejectionReason::limit_exceeded, Outcome::limit_exceeded),
      answered(RejectionReason::sale_not_open, Outcome::sale_not_open),
      answered(RejectionReason::interrupted, Outcome::unavailable),
      {"R9: of an unknown reason nothing is claimed", refused_again,
       writes(WriteOutcome::recorded, row(OrderStatus::rejected, "of a newer version")),
       of_unknown_reason(settles(Outcome::unavailable, Shows::row)), Stage::settled},
      {"R9", replaying, finds(row(OrderStatus::rejected)), of_unknown_reason(settles(Outcome::unavailable, Shows::row)),
       Stage::settled},
  });
}

TEST(OrderProgressTest, WhatAPromisedOrderIsRefusedForBecomesARow) {
  for (const auto decision : {Decision::sold_out, Decision::limit, Decision::order_limit, Decision::unpaid_pause,
                              Decision::not_open, Decision::too_late}) {
    SCOPED_TRACE(static_cast<int>(decision));
    for (const auto state : {reserving_again, reserving_again_promised}) {
      auto order = state();
      EXPECT_EQ(order.decided(decision, kEpoch + 1), does(Act::write));
      const auto written = order.order.row_to_write();
      EXPECT_EQ(written.status, OrderStatus::rejected);
      EXPECT_TRUE(parse_rejection_reason(written.reason)) << written.reason;
      EXPECT_EQ(order.order.epoch(), kEpoch) << "under which it was accepted";
    }
  }
  expect({
      {"R9: nothing is decided", reserving_again, decides(Decision::resting), kWaits, Stage::returning},
      {"R14", reserving_again, decides(Decision::log_full), kWaits, Stage::returning},
      {"R11", reserving_again, decides(Decision::unknown_item), lacks_item(kWaits), Stage::returning},
      {"R14", reserving_again_promised, decides(Decision::log_full), kWaits, Stage::returning},
      {"R1", reserving_again, decides(Decision::accepted), does(Act::write), Stage::writing},
      {"R3", reserving_again, replays(record(true)), does(Act::look_up), Stage::replaying},
      {"R1: let go meanwhile", returning, waits(0ms, sale_of(kEpoch + 1, false, true)), does(Act::write),
       Stage::writing},
      {"R1: nobody knows any more", returning, waits(0ms), settles(Outcome::outcome_unknown), Stage::settled},
      {"R1", returning_promised, waits(0ms), settles(std::nullopt), Stage::settled},
      {"R1: not served yet", returning, waits(0ms, sale_of(kEpoch + 1, false)), kWaits, Stage::returning},
      {"R1: the epoch of before", returning, waits(0ms, sale_of(kEpoch)), kWaits, Stage::returning},
      {"R1", returning, waits(0ms, sale_of(kEpoch + 1)), does(Act::reserve), Stage::reserving},
      {"P3: promised when its time is over", returning, waits(kWait, sale_of(kEpoch)),
       answers(kWaits, Outcome::taken, Shows::order), Stage::returning},
      {"P3", returning, waits(kWait, sale_of(kEpoch + 1)), answers(does(Act::reserve), Outcome::taken, Shows::order),
       Stage::reserving},
      {"P3", reserving_again, waits(kWait), answers(kWaits, Outcome::taken, Shows::order), Stage::reserving},
      {"R14", writing, waits(kWait - 1ms), kWaits, Stage::writing},
      {"R14: 202, and still not settled", writing, waits(kWait), answers(kWaits, Outcome::taken, Shows::order),
       Stage::writing},
      {"R14", promised, waits(kWait), kWaits, Stage::writing},
  });
}

TEST(OrderProgressTest, WhatAReplayIsAnswered) {
  const auto shown = settles(Outcome::replayed, Shows::row);
  expect({
      {"R5, R9", replaying, finds(row(OrderStatus::confirmed)), shown, Stage::settled},
      {"R5, R9", replaying, finds(row(OrderStatus::cancelled)), shown, Stage::settled},
      {"R5, R9", replaying_released, finds(row(OrderStatus::expired)), shown, Stage::settled},
      {"R5, R18", replaying, finds(other_row(OrderStatus::confirmed)), settles(Outcome::key_reused), Stage::settled},
      {"R4: refused", replaying, finds(rejected(RejectionReason::sold_out)), settles(Outcome::sold_out, Shows::row),
       Stage::settled},
      {"R4: an earlier try's refusal", replaying, finds(earlier_refusal()), kWaits, Stage::replaying},
      {"R9: not written yet", replaying, finds_nothing, kWaits, Stage::replaying},
      {"R9: looked for again", replaying,
       [](Told& order) {
         EXPECT_EQ(order.found_nothing(), kWaits);
         EXPECT_EQ(order.later(19ms), kWaits);
         return order.later(1ms);
       },
       does(Act::look_up), Stage::replaying},
      {"R9: one question at a time", replaying, waits(100ms), kWaits, Stage::replaying},
      {"R9: as Redis has it", replaying, waits(kWait + 20ms), settles(Outcome::replayed, Shows::order), Stage::settled},
      {"R9: as Redis has it", replaying,
       [](Told& order) {
         order.now += kWait - 20ms;
         return order.found_nothing();
       },
       settles(Outcome::replayed, Shows::order), Stage::settled},
      {"R3: only the row tells how it ended, so it is waited for", replaying_released, finds_nothing, kWaits,
       Stage::replaying},
      {"R3", replaying_released, waits(2020ms), settles(Outcome::unavailable), Stage::settled},
      {"R14", replaying, is_not_looked_up, settles(Outcome::overloaded), Stage::settled},
      {"R1, R5: its own row", replaying_again, finds(row(OrderStatus::confirmed)),
       settles(Outcome::committed, Shows::row), Stage::settled},
      {"R1, R5: cancelled meanwhile", replaying_again, finds(row(OrderStatus::cancelled)), shown, Stage::settled},
      {"P3: its own, as Redis has it", replaying_again, waits(kWait + 20ms), settles(Outcome::taken, Shows::order),
       Stage::settled},
      {"R14", replaying_again, is_not_looked_up, kWaits, Stage::returning},
  });
}

TEST(OrderProgressTest, ARowSaysWhatItsOrderBecomes) {
  auto order = writing();
  auto written = order.order.row_to_write();
  EXPECT_EQ(written.status, OrderStatus::confirmed) << "a sale without payment";
  EXPECT_EQ(written.created_at, kAccepted);
  EXPECT_EQ(written.lines, placement().lines);
  EXPECT_FALSE(order.order.reserves_again());

  order = refused_again();
  written = order.order.row_to_write();
  EXPECT_EQ(written.reason, to_string(RejectionReason::sold_out));
  EXPECT_TRUE(order.order.reserves_again());
  EXPECT_EQ(order.order.as_order(OrderStatus::pending).reason, "");

  // Taken after all: its refusal has been turned away as one of an epoch that is over.
  (void)order.written(WriteOutcome::stale_epoch);
  const auto sale = sale_of(kEpoch + 2);
  EXPECT_EQ(order.later(0ms, sale.get()), does(Act::reserve));
  EXPECT_EQ(order.decided(Decision::accepted, kEpoch + 2), does(Act::write));
  EXPECT_EQ(order.order.row_to_write().status, OrderStatus::confirmed);
  EXPECT_EQ(order.order.epoch(), kEpoch + 2);
}

// --- a random walk ---

/// Plays what may happen to one order, in any order that its acts allow, and holds what must always be true.
class Walk {
 public:
  explicit Walk(std::uint32_t seed) : random_(seed), told_(pick({0ms, 10ms, 2000ms})) {}

  void run() {
    for (int i = 0; i < 60 && !is_settled_; ++i) happen();
    // Whatever was withheld comes in the end, so that nobody waits for ever.
    for (int i = 0; i < 200 && !is_settled_; ++i) bring_to_an_end();
    ASSERT_TRUE(is_settled_) << trace_;
    ASSERT_EQ(answers_, 1) << trace_;
    ASSERT_EQ(permits_back_, 1) << trace_;
  }

 private:
  enum class Cause { redis, no_redis, row, record, time };

  template <class T>
  T pick(std::initializer_list<T> choices) {
    return *(choices.begin() + std::uniform_int_distribution<std::size_t>(0, choices.size() - 1)(random_));
  }
  bool percent(int share) { return std::uniform_int_distribution<int>(0, 99)(random_) < share; }

  void happen() {
    if (percent(40)) return pass_time(pick({0ms, 5ms, 20ms, 50ms, 700ms, 2100ms}));
    come_back();
  }

  void bring_to_an_end() {
    if (asks_redis_) return decide(pick({Decision::sold_out, Decision::accepted}));
    if (asks_journal_) return write(rejects_ ? WriteOutcome::recorded : WriteOutcome::committed);
    if (asks_row_) return look_up(true);
    pass_time(100ms);
  }

  void come_back() {
    if (asks_redis_) {
      if (percent(15)) return lose_answer();
      return decide(
          pick({Decision::accepted, Decision::accepted, Decision::accepted, Decision::replay, Decision::sold_out,
                Decision::limit, Decision::order_limit, Decision::unpaid_pause, Decision::not_open,
                Decision::unknown_item, Decision::log_full, Decision::resting, Decision::too_late}));
    }
    if (asks_journal_) {
      if (rejects_) return write(pick({WriteOutcome::recorded, WriteOutcome::existing, WriteOutcome::rejected}));
      return write(pick({WriteOutcome::committed, WriteOutcome::existing, WriteOutcome::rejected,
                         WriteOutcome::stale_epoch, WriteOutcome::stale_epoch}));
    }
    if (asks_row_) look_up(percent(50));
  }

  void decide(Decision decision) {
    asks_redis_ = false;
    is_answer_late_ = false;
    if (decision == Decision::accepted) is_in_log_ = was_accepted_ = true;
    record_ = record(percent(70));
    if (percent(5)) record_.customer_id = "bob";
    const bool is_read = decision == Decision::replay && !percent(3);
    is_known_ = decision == Decision::replay;
    carry_out("decided", Cause::redis, told_.decided(decision, epoch_, is_read ? &record_ : nullptr));
  }

  void lose_answer() {
    const auto failure = is_answer_late_ ? pick({Failure::nothing_changed, Failure::no_answer_at_all})
                                         : pick({Failure::nothing_changed, Failure::no_answer_yet});
    asks_redis_ = is_answer_late_ = failure == Failure::no_answer_yet;
    carry_out("no answer", Cause::no_redis, told_.failed(failure));
  }

  Order any_row() {
    auto found = pick({true, false, false}) ? rejected(RejectionReason::sold_out)
                                            : row(pick({OrderStatus::confirmed, OrderStatus::cancelled}));
    if (percent(10)) found.lines.front().quantity = 1;
    if (percent(10)) found.reason = "of a newer version";
    return found;
  }

  void write(WriteOutcome outcome) {
    asks_journal_ = false;
    auto last_word = row(OrderStatus::confirmed);
    if (outcome == WriteOutcome::existing) last_word = any_row();
    if (outcome == WriteOutcome::rejected || outcome == WriteOutcome::recorded) {
      last_word = rejected(RejectionReason::sold_out);
    }
    if (outcome == WriteOutcome::stale_epoch) is_in_log_ = false, last_word = {};
    carry_out("written", Cause::row, told_.written(outcome, last_word));
  }

  void look_up(bool has_row) {
    asks_row_ = false;
    if (percent(10)) return carry_out("not looked up", Cause::no_redis, told_.order.not_looked_up(told_.now));
    const auto found = any_row();
    carry_out("looked up", has_row ? Cause::row : Cause::record, has_row ? told_.found(found) : told_.found_nothing());
  }

  void pass_time(std::chrono::milliseconds by) {
    const bool is_gone = percent(2);
    if (percent(30)) ++epoch_;
    const auto sale = is_gone ? nullptr : sale_of(epoch_, percent(80), percent(2));
    const bool may_be_lost = told_.order.needs_sale(told_.now + by) && is_gone;
    const auto stage = told_.order.stage();
    const auto step = told_.later(by, sale.get());
    const bool is_by_record = stage == Stage::replaying;
    ASSERT_TRUE(step.act != Act::settle || is_by_record || may_be_lost) << trace_;
    carry_out("time", is_by_record ? Cause::record : Cause::time, step);
  }

  void carry_out(const char* event, Cause cause, const Step& step) {
    trace_ += event;
    trace_ += testing::PrintToString(step) + "; ";
    ASSERT_FALSE(is_settled_) << trace_;
    expect_held(cause, step);
    if (step.drifted) is_in_log_ = false;
    if (step.answer) ++answers_;
    switch (step.act) {
      case Act::wait: break;
      case Act::reserve: ask(asks_redis_); break;
      case Act::write:
        ask(asks_journal_);
        rejects_ = told_.order.row_to_write().status == OrderStatus::rejected;
        break;
      case Act::look_up: ask(asks_row_); break;
      case Act::settle:
        is_settled_ = true;
        ++permits_back_;
        break;
    }
  }

  /// One thing at a time is asked of whoever decides.
  void ask(bool& whom) {
    ASSERT_FALSE(asks_redis_ || asks_journal_ || asks_row_) << trace_;
    whom = true;
  }

  void expect_held(Cause cause, const Step& step) {
    const bool settles = step.act == Act::settle;
    const bool has_row = cause == Cause::row;
    hold(!step.trims || (settles && has_row && is_in_log_ && !step.drifted),
         "trimmed when its row is final, and agreed on");
    hold(step.trims || !settles || !is_in_log_ || step.drifted, "what is settled is left in the log by drift alone");
    // By time alone: its sale is gone from PostgreSQL. By a record: the key's order stands in Redis.
    hold(!settles || !was_accepted_ || has_row || cause == Cause::time || is_known_,
         "a promise is not refused but by a row");
    hold(step.answer != Outcome::taken || was_accepted_, "only what Redis has accepted is promised");
    hold(step.answer != Outcome::committed || has_row, "201 is answered from a row");
    hold(!step.gives_back || (has_row && is_in_log_), "only what was taken is given back");
    hold(step.shows != Shows::row || has_row, "only a row that is there is shown");
    hold(!step.answer || answers_ == 0, "answered once");
  }

  void hold(bool is_so, const char* what) { ASSERT_TRUE(is_so) << what << ": " << trace_; }

  std::mt19937 random_;
  Told told_;
  std::int64_t epoch_ = kEpoch;
  redis::OrderRecord record_;
  bool asks_redis_ = true;
  bool is_answer_late_ = false;
  bool asks_journal_ = false;
  bool rejects_ = false;
  bool asks_row_ = false;
  bool was_accepted_ = false;
  bool is_in_log_ = false;
  bool is_known_ = false;  ///< Redis has a record of the key
  bool is_settled_ = false;
  int answers_ = 0;
  int permits_back_ = 0;
  std::string trace_;
};

TEST(OrderProgressTest, HoldsWhatItPromisesWhateverHappens) {
  for (std::uint32_t seed = 0; seed < 20'000 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Walk(seed).run();
  }
}

}  // namespace
}  // namespace flashsale::checkout
