#include "flashsale/checkout/checkout.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "flashsale/model/payment.hpp"
#include "flashsale/model/rejection_reason.hpp"
#include "flashsale/redis/error.hpp"
#include "flashsale/redis/order_record.hpp"
#include "flashsale/redis/release.hpp"
#include "flashsale/redis/reservation.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"
#include "in_flight_orders.hpp"
#include "log_trimmer.hpp"
#include "pending_search.hpp"
#include "refusal_counts.hpp"
#include "reservation_batcher.hpp"

namespace flashsale::checkout {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSweepInterval{10};
/// How often a replayed order's row is looked for while the order is still being written.
constexpr std::chrono::milliseconds kLookAgain{20};
/// A released record's row is waited for so long even by one who does not want to wait: nothing else can be answered.
constexpr std::chrono::milliseconds kAwaitFinalRow{2000};
/// An order whose epoch has moved on asks again after this long when it could not be decided.
constexpr std::chrono::milliseconds kReserveAgainPause{50};
/// Orders of sales that were let go, looked up by one thread at once.
constexpr std::size_t kPastLookupsMax = 64;

/// A row under the order's id can be another's, although the id is made of the customer's: of one who was erased.
bool is_of(const Placement& placement, const Order& row) {
  return row.customer_id == placement.customer_id && row.lines == placement.lines;
}

/// What a buyer is answered whose order was rejected.
PlacementOutcome outcome_of(RejectionReason reason) {
  switch (reason) {
    case RejectionReason::sold_out:
    case RejectionReason::unknown_item:
    case RejectionReason::data_refused: return PlacementOutcome::sold_out;
    case RejectionReason::limit_exceeded: return PlacementOutcome::limit_exceeded;
    case RejectionReason::sale_not_open: return PlacementOutcome::sale_not_open;
    case RejectionReason::interrupted: return PlacementOutcome::unavailable;
  }
  return PlacementOutcome::unavailable;
}

/// Of a reason that this version does not know nothing is claimed.
PlacementOutcome refusal_of(const Placement& placement, const Order& row) {
  if (const auto reason = parse_rejection_reason(row.reason)) return outcome_of(*reason);
  telemetry::log_error(
      "an order is rejected for a reason that is not known",
      {{"order", row.id.to_string()}, {"reason", row.reason}, {"request_id", placement.request_id.view()}});
  return PlacementOutcome::unavailable;
}

/// Whether there is surely no unit for these lines under this id, and never was. The id may have an order of other
/// items, which have sold since. (Of a cart all items have to be marked: its key may have an order of those that still
/// sold when the first of them was sold out, R9.)
bool is_marked_sold_out(const Placement& placement, Steady::time_point now) {
  const auto& sale = *placement.sale;
  if (!sale.sold_out_mark_lives(now)) return false;
  return std::ranges::all_of(placement.lines, [&](const OrderLine& line) {
    const auto* level = sale.find_level(line.item_no);
    return level && level->sold_out_ids && !level->sells(sale.clock.latest(now)) &&
           !level->sold_out_ids->contains(placement.id.hash64());
  });
}

}  // namespace

class Checkout::Impl : public Settlement, public std::enable_shared_from_this<Impl> {
 public:
  Impl(Options options, const Parts& parts)
      : options_(options),
        parts_(parts),
        timer_(parts.context),
        trimmer_(std::make_shared<LogTrimmer>(parts.context, parts.redis)),
        batcher_(std::make_shared<ReservationBatcher>(
            options_, parts.context, parts.redis, parts.catalog, orders_, parts.metrics,
            [this](const auto& answer, const auto& result) { reserved(answer, result); })),
        search_(std::make_shared<PendingSearch>(parts.context, parts.redis, parts.catalog, parts.lookup)) {
    for (std::size_t i = 0; i < kPlacementOutcomes.size(); ++i) {
      outcomes_[i] = &parts.metrics.reservations(kPlacementOutcomes[i]);
    }
  }

  void start() { sweep(); }
  void stop() { timer_.cancel(); }

  void place(Placement placement, Callback callback) {
    const auto now = Steady::now();
    const auto& sale = *placement.sale;
    if (sale.sale->let_go) return place_in_the_past(placement, callback);
    if (is_marked_sold_out(placement, now)) return turn_away(callback, sale, PlacementOutcome::sold_out);
    if (sale.surely_not_open(now)) return turn_away(callback, sale, PlacementOutcome::sale_not_open);
    if (!sale.serving || !parts_.redis.ready()) return turn_away(callback, sale, PlacementOutcome::unavailable);
    const auto held_back = static_cast<std::int64_t>(parts_.journal.held_back());
    if (has_to_wait(placement, held_back)) return turn_away(callback, sale, PlacementOutcome::unavailable);
    if (!parts_.permits.try_take(held_back)) return turn_away(callback, sale, PlacementOutcome::overloaded);

    InFlightOrder order;
    order.answer_by = now + placement.wait;
    order.placement = std::move(placement);
    order.callback = std::move(callback);
    batcher_->add(orders_.add(std::move(order)));
  }

  void find_pending(const OrderId& id, bool rows_can_be_read, FindCallback callback) {
    search_->find(id, rows_can_be_read, std::move(callback));
  }
  void snapshot_replaced() { search_->snapshot_replaced(); }

  /// From the journal's threads.
  void settled(std::vector<SettledOrder> orders) override {
    boost::asio::post(parts_.context, [self = shared_from_this(), orders = std::move(orders)] {
      for (const auto& order : orders) self->written(order.token, order.result);
    });
  }

  [[nodiscard]] std::vector<postgres::RefusalCount> take_refusals() { return refusals_.take(); }
  [[nodiscard]] std::size_t in_flight() const { return orders_.size(); }

 private:
  // --- answers ---

  void answer(const Callback& callback, std::int32_t sale_no, const PlacementResult& result) {
    outcomes_[static_cast<std::size_t>(result.outcome)]->Increment();
    if (is_refusal(result.outcome)) refusals_.add(sale_no, result.outcome);
    callback(result);
  }

  void turn_away(const Callback& callback, const catalog::SaleSnapshot& sale, PlacementOutcome outcome) {
    answer(callback, sale.sale->sale_no, {outcome, {}});
  }

  /// Answers the request if nobody has yet; the order stays in flight.
  void answer(InFlightOrder& order, const PlacementResult& result) {
    if (!order.callback) return;
    const auto callback = std::exchange(order.callback, {});
    answer(callback, order.placement.sale->sale->sale_no, result);
  }

  /// Orders of items whose rows somebody holds keep their permits until those are free. Once they have half of them,
  /// no more are taken: they must keep no buyer from what is sold beside them.
  [[nodiscard]] bool has_to_wait(const Placement& placement, std::int64_t held_back) const {
    return held_back > 0 && held_back >= parts_.permits.limit() / 2 && parts_.journal.holds_back(placement.lines);
  }

  /// Redis has let the sale go: whoever has an order in it gets it from PostgreSQL, nobody gets a new one.
  void place_in_the_past(const Placement& placement, const Callback& callback) {
    auto answered = [self = shared_from_this(), placement, callback](Result<std::optional<Order>> found) {
      boost::asio::post(self->parts_.context, [self, placement, callback, found = std::move(found)] {
        self->found_in_the_past(placement, callback, found);
      });
    };
    // Those who come to a sale that is over must not stand in the way of one that sells.
    const bool asked = past_lookups_ < kPastLookupsMax && parts_.lookup.find(placement.id, std::move(answered));
    if (!asked) return turn_away(callback, *placement.sale, PlacementOutcome::overloaded);
    ++past_lookups_;
  }

  void found_in_the_past(const Placement& placement, const Callback& callback,
                         const Result<std::optional<Order>>& found) {
    --past_lookups_;
    if (!found) return turn_away(callback, *placement.sale, PlacementOutcome::unavailable);
    if (!*found) return turn_away(callback, *placement.sale, PlacementOutcome::sale_not_open);
    const auto outcome = is_of(placement, **found) ? PlacementOutcome::replayed : PlacementOutcome::key_reused;
    answer(callback, placement.sale->sale->sale_no, {outcome, **found});
  }

  void finish(std::uint64_t token, const PlacementResult& result) {
    auto* order = orders_.find(token);
    if (order->entry) trimmer_->order_settled(*order->entry);
    const auto callback = std::move(order->callback);
    const auto sale_no = order->placement.sale->sale->sale_no;
    orders_.remove(token);
    parts_.permits.give_back();
    if (callback) answer(callback, sale_no, result);
  }

  // --- Redis has decided ---

  void reserved(const ReservationBatcher::Answer& batch, const Result<redis::ReservationReply>& result) {
    if (!result) return not_reserved(batch, result.error());
    using Outcome = redis::ReservationReply::Outcome;
    if (result->outcome == Outcome::lost) return lost(batch);
    if (result->outcome == Outcome::late) return give_up(batch, PlacementOutcome::unavailable);
    decided(batch, *result);
  }

  void not_reserved(const ReservationBatcher::Answer& batch, const Error& error) {
    const bool unknown = error == redis::make_error_code(redis::Failure::outcome_unknown);
    if (!unknown) return give_up(batch, PlacementOutcome::unavailable);
    // The order may stand: it keeps its permit until the answer comes after all, or cannot come any more.
    for (const auto token : batch.tokens) {
      auto& order = *orders_.find(token);
      if (order.reserves_again && batch.late) reserve_later(order, kReserveAgainPause);
      else if (batch.late) finish(token, {PlacementOutcome::outcome_unknown, {}});
      else if (!order.reserves_again) answer(order, {PlacementOutcome::outcome_unknown, {}});
    }
  }

  void lost(const ReservationBatcher::Answer& batch) {
    parts_.upkeep.request_rebuild(orders_.find(batch.tokens.front())->placement.sale->sale);
    give_up(batch, PlacementOutcome::unavailable);
  }

  /// Nothing was changed. Orders that an older epoch had accepted try again.
  void give_up(const ReservationBatcher::Answer& batch, PlacementOutcome outcome) {
    for (const auto token : batch.tokens) put_off(token, *orders_.find(token), outcome);
  }

  void put_off(std::uint64_t token, InFlightOrder& order, PlacementOutcome outcome) {
    if (order.reserves_again) reserve_later(order, kReserveAgainPause);
    else finish(token, {outcome, {}});
  }

  void decided(const ReservationBatcher::Answer& batch, const redis::ReservationReply& reply) {
    auto entry = std::make_shared<LogEntry>();
    std::vector<Journal::Submission> submissions;
    std::size_t replay = 0;
    for (std::size_t i = 0; i < batch.tokens.size(); ++i) {
      const auto token = batch.tokens[i];
      auto& order = *orders_.find(token);
      switch (reply.decisions[i]) {
        case redis::Decision::accepted:
          order.epoch = batch.epoch;
          order.entry = entry;
          ++entry->unsettled;
          submissions.push_back(take(token, order, reply.now));
          break;
        case redis::Decision::replay: replayed(token, order, reply.records[replay++]); break;
        case redis::Decision::sold_out: refuse(token, order, PlacementOutcome::sold_out, RejectionReason::sold_out); break;
        case redis::Decision::limit:
          refuse(token, order, PlacementOutcome::limit_exceeded, RejectionReason::limit_exceeded);
          break;
        case redis::Decision::order_limit:
          refuse(token, order, PlacementOutcome::order_limit_exceeded, RejectionReason::limit_exceeded);
          break;
        case redis::Decision::unpaid_pause:
          refuse(token, order, PlacementOutcome::unpaid_pause, RejectionReason::limit_exceeded);
          break;
        case redis::Decision::not_open:
          refuse(token, order, PlacementOutcome::sale_not_open, RejectionReason::sale_not_open);
          break;
        case redis::Decision::unknown_item:
          // The catalog knows the item: Redis has lost it.
          parts_.upkeep.request_correction(current_sale(order), batch.epoch);
          put_off(token, order, PlacementOutcome::unavailable);
          break;
        case redis::Decision::too_late:
          refuse(token, order, PlacementOutcome::unavailable, RejectionReason::interrupted);
          break;
        case redis::Decision::no_order:  // is not asked for here
        case redis::Decision::resting: put_off(token, order, PlacementOutcome::unavailable); break;
        case redis::Decision::log_full: put_off(token, order, PlacementOutcome::overloaded); break;
      }
    }
    if (submissions.empty()) return;
    const auto& placement = orders_.find(submissions.front().token)->placement;
    entry->sale_id = placement.sale->sale->id;
    entry->epoch = batch.epoch;
    entry->entry_id = reply.entry_id;
    FLASHSALE_FAULT_POINT("checkout.before_submit");
    parts_.journal.submit(std::move(submissions));
    FLASHSALE_FAULT_POINT("checkout.after_submit");
  }

  Journal::Submission take(std::uint64_t token, InFlightOrder& order, TimePoint now) {
    order.stage = InFlightOrder::Stage::writing;
    // Of one that is reserved again this is a new moment: the log's entry, which may outlive this process, has it too.
    order.created_at = now;
    if (order.placement.wait.count() == 0) {
      answer(order, {PlacementOutcome::taken, order.as_order(OrderStatus::pending)});
    }
    auto row = order.as_order(OrderStatus::pending);
    set_first_status(row, *order.placement.sale->sale);
    return {{std::move(row), order.epoch}, order.reserves_again, this, token};
  }

  void refuse(std::uint64_t token, InFlightOrder& order, PlacementOutcome outcome, RejectionReason reason) {
    if (!order.reserves_again) return finish(token, {outcome, {}});
    // It had been accepted, and perhaps promised by a 202: its refusal becomes a row (PROTOCOL R1, R4).
    auto row = order.as_order(OrderStatus::rejected);
    row.reason = to_string(reason);
    order.stage = InFlightOrder::Stage::writing;
    parts_.journal.submit({{{std::move(row), order.epoch}, true, this, token}});
  }

  // --- PostgreSQL has decided ---

  void written(std::uint64_t token, const postgres::WriteResult& result) {
    auto* order = orders_.find(token);
    if (!order) return;
    switch (result.outcome) {
      case postgres::WriteOutcome::existing:
        if (order->entry) settle_final(*order, result.row);
        return finish_with_row(token, *order, result.row);
      case postgres::WriteOutcome::committed:
        if (!order->reserves_again)
          parts_.permits.committed_after(Steady::now() - (order->answer_by - order->placement.wait));
        return finish_with_row(token, *order, result.row);
      case postgres::WriteOutcome::recorded: return finish_with_row(token, *order, result.row);
      case postgres::WriteOutcome::rejected:
        drifted(*order, result.row.status);
        return finish(token, {PlacementOutcome::sold_out, result.row});
      case postgres::WriteOutcome::stale_epoch: return stale(*order);
    }
  }

  /// Redis has just accepted an order whose row turns out to be final: the units that it took are given back.
  void settle_final(InFlightOrder& order, const Order& row) {
    if (is_live(row.status)) return;
    if (row.status == OrderStatus::rejected) return drifted(order, row.status);
    release(order, row.status, true);
  }

  void release(const InFlightOrder& order, OrderStatus status, bool give_back) {
    const auto fence = parts_.redis.fence(order.placement.sale->sale->id, order.epoch);
    parts_.redis.ask(redis::release(fence, order.as_order(status), give_back),
                     [](const Result<redis::ReleaseOutcome>&) {});
  }

  void finish_with_row(std::uint64_t token, InFlightOrder& order, const Order& row) {
    FLASHSALE_FAULT_POINT("checkout.before_answer");
    if (row.status == OrderStatus::rejected) return finish(token, {refusal_of(order.placement, row), row});
    if (!is_of(order.placement, row)) {
      drifted(order, row.status);
      return finish(token, {PlacementOutcome::key_reused, {}});
    }
    finish(token, {is_live(row.status) ? PlacementOutcome::committed : PlacementOutcome::replayed, row});
  }

  /// PostgreSQL's last word differs from Redis's: the record is released without giving units back that were never
  /// there, and the sale is rebuilt from PostgreSQL (PROTOCOL R11). Until that has begun only the log's entry tells of
  /// it, should this process die: it is not trimmed, the rebuild drops it with the old epoch's log.
  void drifted(InFlightOrder& order, OrderStatus status) {
    const auto& sale = *order.placement.sale->sale;
    telemetry::log_warn("redis and postgres disagree, the sale is rebuilt",
                        {{"sale", sale.id},
                         {"order", order.placement.id.to_string()},
                         {"request_id", order.placement.request_id.view()}});
    release(order, status, false);
    order.entry.reset();
    parts_.upkeep.request_correction(current_sale(order), order.epoch);
  }

  /// As this thread knows it now: the order may be of an older epoch.
  [[nodiscard]] std::shared_ptr<const Sale> current_sale(const InFlightOrder& order) const {
    const auto now = parts_.catalog.snapshot()->find(order.placement.sale->sale->id);
    return now ? now->sale : order.placement.sale->sale;
  }

  void stale(InFlightOrder& order) {
    order.reserves_again = true;
    order.entry.reset();  // the log of the old epoch is drained and dropped by whoever rebuilds
    reserve_later(order, std::chrono::milliseconds(0));
  }

  void reserve_later(InFlightOrder& order, std::chrono::milliseconds pause) {
    order.stage = InFlightOrder::Stage::returning;
    order.look_again_at = Steady::now() + pause;
  }

  /// There is little time: only while the sale that was rebuilt rests.
  void reserve_again(std::uint64_t token, InFlightOrder& order) {
    const auto sale = parts_.catalog.snapshot()->find(order.placement.sale->sale->id);
    // PostgreSQL has lost the sale, or nobody buys in it any more and Redis has nothing of it.
    if (!sale) return finish(token, {PlacementOutcome::outcome_unknown, {}});
    if (sale->sale->let_go) return refuse(token, order, PlacementOutcome::sale_not_open, RejectionReason::interrupted);
    if (!sale->serving || sale->sale->epoch == order.epoch) return;
    // Nobody else may finish it meanwhile: a replay that is tried again is a reservation once more.
    order.stage = InFlightOrder::Stage::reserving;
    batcher_->add(token);
  }

  // --- the key's order was there already ---

  void replayed(std::uint64_t token, InFlightOrder& order, std::string_view text) {
    const auto record = redis::parse_order_record(text);
    const bool same = record && !record->withdrawal && record->customer_id == order.placement.customer_id &&
                      record->lines == order.placement.lines;
    if (!same) return finish(token, {PlacementOutcome::key_reused, {}});
    order.stage = InFlightOrder::Stage::replaying;
    order.created_at = record->created_at;
    order.replayed = order.as_order(OrderStatus::pending);
    order.replayed_is_held = record->held;
    if (!record->held) order.answer_by = std::max(order.answer_by, Steady::now() + kAwaitFinalRow);
    look_up(token, order);
  }

  void look_up(std::uint64_t token, InFlightOrder& order) {
    order.look_again_at = Steady::time_point::max();
    auto self = shared_from_this();
    const bool asked = parts_.lookup.find(order.placement.id, [self, token](Result<std::optional<Order>> found) {
      boost::asio::post(self->parts_.context,
                        [self, token, found = std::move(found)] { self->looked_up(token, found); });
    });
    if (!asked) put_off(token, order, PlacementOutcome::overloaded);
  }

  void looked_up(std::uint64_t token, const Result<std::optional<Order>>& found) {
    auto* order = orders_.find(token);
    if (!order) return;
    // A refusal that is older than the record is of an earlier try: this one is not written yet.
    const bool is_earlier =
        found && *found && (*found)->status == OrderStatus::rejected && (*found)->created_at < order->created_at;
    if (found && *found && !is_earlier) {
      const auto& row = **found;
      if (row.status == OrderStatus::rejected) return finish(token, {refusal_of(order->placement, row), row});
      if (!is_of(order->placement, row)) return finish(token, {PlacementOutcome::key_reused, {}});
      // An order of this process that lost its epoch meets its own row here.
      const bool own = order->reserves_again && is_live(row.status);
      return finish(token, {own ? PlacementOutcome::committed : PlacementOutcome::replayed, row});
    }
    // Not written yet, or PostgreSQL is away: it stands in the pending log.
    const auto now = Steady::now();
    if (now + kLookAgain < order->answer_by) {
      order->look_again_at = now + kLookAgain;
      return;
    }
    answer_without_row(token, *order);
  }

  /// What Redis says of the key's order has to do. One that it has released has a final status, which only the row
  /// tells.
  void answer_without_row(std::uint64_t token, const InFlightOrder& order) {
    const auto held =
        order.reserves_again ? PlacementOutcome::taken : PlacementOutcome::replayed;  // its own order, or another's
    finish(token, {order.replayed_is_held ? held : PlacementOutcome::unavailable, order.replayed});
  }

  // --- time ---

  void sweep() {
    timer_.expires_after(kSweepInterval);
    timer_.async_wait([self = shared_from_this()](const Error& error) {
      if (error) return;
      self->check_deadlines(Steady::now());
      self->search_->check_deadlines(Steady::now());
      self->sweep();
    });
  }

  void check_deadlines(Steady::time_point now) {
    orders_.for_each([&](std::uint64_t token, InFlightOrder& order) {
      if (order.stage == InFlightOrder::Stage::replaying) {
        // A lookup that PostgreSQL does not answer is not waited for.
        if (now >= order.answer_by + kLookAgain) return answer_without_row(token, order);
        if (now >= order.look_again_at) return look_up(token, order);
        return;
      }
      if (order.stage == InFlightOrder::Stage::returning && now >= order.look_again_at) {
        reserve_again(token, order);
        if (!orders_.find(token)) return;
      }
      const bool promised = order.stage == InFlightOrder::Stage::writing || order.reserves_again;
      if (order.callback && promised && now >= order.answer_by) {
        answer(order, {PlacementOutcome::taken, order.as_order(OrderStatus::pending)});
      }
    });
  }

  Options options_;
  Parts parts_;
  boost::asio::steady_timer timer_;
  InFlightOrders orders_;
  std::size_t past_lookups_ = 0;  ///< of place_in_the_past, under way
  std::shared_ptr<LogTrimmer> trimmer_;
  std::shared_ptr<ReservationBatcher> batcher_;
  std::shared_ptr<PendingSearch> search_;
  std::array<prometheus::Counter*, kPlacementOutcomes.size()> outcomes_{};
  RefusalCounts refusals_;
};

Checkout::Checkout(Options options, const Parts& parts) : impl_(std::make_shared<Impl>(options, parts)) {}
Checkout::~Checkout() = default;
void Checkout::start() { impl_->start(); }
void Checkout::stop() { impl_->stop(); }
void Checkout::place(Placement placement, Callback callback) {
  impl_->place(std::move(placement), std::move(callback));
}
void Checkout::find_pending(const OrderId& id, bool rows_can_be_read, FindCallback callback) {
  impl_->find_pending(id, rows_can_be_read, std::move(callback));
}
void Checkout::snapshot_replaced() { impl_->snapshot_replaced(); }
std::vector<postgres::RefusalCount> Checkout::take_refusals() { return impl_->take_refusals(); }
std::size_t Checkout::in_flight() const { return impl_->in_flight(); }

}  // namespace flashsale::checkout
