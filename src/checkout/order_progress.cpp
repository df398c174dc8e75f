#include "order_progress.hpp"

#include <algorithm>
#include <utility>

#include "flashsale/model/payment.hpp"

namespace flashsale::checkout {
namespace {

using catalog::SteadyTime;
using Act = Step::Act;
using Shows = Step::Shows;

/// How often a replayed order's row is looked for while the order is still being written.
constexpr std::chrono::milliseconds kLookAgain{20};
/// A released record's row is waited for so long even by one who does not want to wait: nothing else can be answered.
constexpr std::chrono::milliseconds kAwaitFinalRow{2000};
/// An order whose epoch has moved on asks again after this long when it could not be decided.
constexpr std::chrono::milliseconds kReserveAgainPause{50};

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

}  // namespace

OrderProgress::OrderProgress(Placement placement, SteadyTime now)
    : placement_(std::move(placement)), placed_at_(now), answer_by_(now + placement_.wait) {}

Order OrderProgress::as_order(OrderStatus status) const {
  Order order;
  order.id = placement_.id;
  order.lines = placement_.lines;
  order.customer_id = placement_.customer_id;
  order.status = status;
  order.created_at = created_at_;
  return order;
}

Order OrderProgress::row_to_write() const {
  auto row = as_order(rejection_ ? OrderStatus::rejected : OrderStatus::pending);
  if (rejection_) row.reason = to_string(*rejection_);
  else set_first_status(row, *placement_.sale->sale);
  return row;
}

// --- Redis has decided ---

Step OrderProgress::reserved(const Reservation& reservation, SteadyTime now) {
  switch (reservation.decision) {
    case redis::Decision::accepted: return accepted(reservation);
    case redis::Decision::replay: return replayed(reservation.record, now);
    case redis::Decision::sold_out: return refuse(PlacementOutcome::sold_out, RejectionReason::sold_out);
    case redis::Decision::limit: return refuse(PlacementOutcome::limit_exceeded, RejectionReason::limit_exceeded);
    case redis::Decision::order_limit:
      return refuse(PlacementOutcome::order_limit_exceeded, RejectionReason::limit_exceeded);
    case redis::Decision::unpaid_pause: return refuse(PlacementOutcome::unpaid_pause, RejectionReason::limit_exceeded);
    case redis::Decision::not_open: return refuse(PlacementOutcome::sale_not_open, RejectionReason::sale_not_open);
    case redis::Decision::too_late: return refuse(PlacementOutcome::unavailable, RejectionReason::interrupted);
    case redis::Decision::no_order:  // is not asked for here
    case redis::Decision::resting: return put_off(PlacementOutcome::unavailable, now);
    case redis::Decision::log_full: return put_off(PlacementOutcome::overloaded, now);
    case redis::Decision::unknown_item: break;
  }
  auto step = put_off(PlacementOutcome::unavailable, now);
  step.lacks_item = true;  // the catalog knows it
  return step;
}

Step OrderProgress::accepted(const Reservation& reservation) {
  stage_ = Stage::writing;
  epoch_ = reservation.epoch;
  // Of one that is reserved again this is a new moment: the log's entry, which may outlive this process, has it too.
  created_at_ = reservation.at;
  is_in_log_ = true;
  rejection_.reset();
  Step step;
  step.act = Act::write;
  if (placement_.wait.count() == 0) answer(step, PlacementOutcome::taken, Shows::order);
  return step;
}

Step OrderProgress::refuse(PlacementOutcome outcome, RejectionReason reason) {
  if (!reserves_again_) return settle(outcome);
  // It had been accepted, and perhaps promised by a 202: its refusal becomes a row (PROTOCOL R1, R4).
  stage_ = Stage::writing;
  rejection_ = reason;
  Step step;
  step.act = Act::write;
  return step;
}

/// Nothing was changed. An order that an older epoch had accepted tries again.
Step OrderProgress::put_off(PlacementOutcome outcome, SteadyTime now) {
  return reserves_again_ ? return_at(now + kReserveAgainPause) : settle(outcome);
}

Step OrderProgress::return_at(SteadyTime moment) {
  stage_ = Stage::returning;
  look_again_at_ = moment;
  return {};
}

Step OrderProgress::reservation_failed(ReservationFailure failure, SteadyTime now) {
  switch (failure) {
    case ReservationFailure::nothing_changed: break;
    case ReservationFailure::no_answer_at_all: return put_off(PlacementOutcome::outcome_unknown, now);
    case ReservationFailure::no_answer_yet: {
      // The order may stand: it keeps its permit until the answer comes after all, or cannot come any more.
      Step step;
      if (!reserves_again_) answer(step, PlacementOutcome::outcome_unknown, Shows::nothing);
      return step;
    }
  }
  return put_off(PlacementOutcome::unavailable, now);
}

// --- PostgreSQL has decided ---

Step OrderProgress::written(const postgres::WriteResult& result, SteadyTime now) {
  const Order& row = result.row;
  Step step;
  switch (result.outcome) {
    case postgres::WriteOutcome::committed:
    case postgres::WriteOutcome::recorded: break;
    case postgres::WriteOutcome::existing:
      // Redis has just accepted an order whose row turns out to be final: the units that it took are given back.
      step.gives_back = is_in_log_ && !is_live(row.status) && row.status != OrderStatus::rejected;
      if (is_in_log_ && row.status == OrderStatus::rejected) mark_drifted(step);
      break;
    case postgres::WriteOutcome::rejected:
      mark_drifted(step);
      return settle(PlacementOutcome::sold_out, Shows::row, step);
    case postgres::WriteOutcome::stale_epoch:
      reserves_again_ = true;
      is_in_log_ = false;  // the log of the old epoch is drained and dropped by whoever rebuilds
      return return_at(now);
  }
  return settle_by(row, step);
}

Step OrderProgress::settle_by(const Order& row, Step step) {
  if (row.status == OrderStatus::rejected) return settle_as_rejected(row, step);
  if (!is_of(placement_, row)) {
    mark_drifted(step);
    return settle(PlacementOutcome::key_reused, Shows::nothing, step);
  }
  // The row of another moment is of an earlier request, whose record Redis has lost: that one was told of it.
  const bool is_own = reserves_again_ || row.created_at == created_at_;
  return settle(is_own && is_live(row.status) ? PlacementOutcome::committed : PlacementOutcome::replayed, Shows::row,
                step);
}

/// Of a reason that this version does not know nothing is claimed.
Step OrderProgress::settle_as_rejected(const Order& row, Step step) {
  const auto reason = parse_rejection_reason(row.reason);
  step.reason_is_unknown = !reason.has_value();
  return settle(reason ? outcome_of(*reason) : PlacementOutcome::unavailable, Shows::row, step);
}

/// Until the sale's rebuild has begun only the log's entry tells of it, should this process die: it is not trimmed, the
/// rebuild drops it with the old epoch's log.
void OrderProgress::mark_drifted(Step& step) {
  step.drifted = true;
  is_in_log_ = false;
}

// --- the key's order was there already ---

Step OrderProgress::replayed(const redis::OrderRecord* record, SteadyTime now) {
  const bool is_same = record && !record->withdrawal && record->customer_id == placement_.customer_id &&
                       record->lines == placement_.lines;
  if (!is_same) return settle(PlacementOutcome::key_reused);
  stage_ = Stage::replaying;
  created_at_ = record->created_at;
  replayed_is_held_ = record->held;
  if (!record->held) answer_by_ = std::max(answer_by_, now + kAwaitFinalRow);
  look_again_at_ = SteadyTime::max();
  Step step;
  step.act = Act::look_up;
  return step;
}

Step OrderProgress::looked_up(const Order* row, SteadyTime now) {
  // A refusal that is older than the record is of an earlier try: this one is not written yet.
  const bool is_earlier = row && row->status == OrderStatus::rejected && row->created_at < created_at_;
  if (row && !is_earlier) {
    if (row->status == OrderStatus::rejected) return settle_as_rejected(*row, {});
    if (!is_of(placement_, *row)) return settle(PlacementOutcome::key_reused);
    // An order of this process that lost its epoch meets its own row here.
    const bool is_own = reserves_again_ && is_live(row->status);
    return settle(is_own ? PlacementOutcome::committed : PlacementOutcome::replayed, Shows::row);
  }
  // Not written yet, or PostgreSQL is away: it stands in the pending log.
  if (now + kLookAgain >= answer_by_) return settle_without_row();
  look_again_at_ = now + kLookAgain;
  return {};
}

Step OrderProgress::not_looked_up(SteadyTime now) { return put_off(PlacementOutcome::overloaded, now); }

/// What Redis says of the key's order has to do. One that it has released has a final status, which only the row tells.
Step OrderProgress::settle_without_row() {
  if (!replayed_is_held_) return settle(PlacementOutcome::unavailable);
  // Its own order, or another's.
  return settle(reserves_again_ ? PlacementOutcome::taken : PlacementOutcome::replayed, Shows::order);
}

// --- time ---

Step OrderProgress::time_is(SteadyTime now, const catalog::SaleSnapshot* sale) {
  Step step;
  if (stage_ == Stage::replaying) {
    // A lookup that PostgreSQL does not answer is not waited for.
    if (now >= answer_by_ + kLookAgain) return settle_without_row();
    if (now < look_again_at_) return step;
    look_again_at_ = SteadyTime::max();
    step.act = Act::look_up;
    return step;
  }
  if (needs_sale(now)) step = reserve_again(sale);
  const bool is_promised = stage_ == Stage::writing || reserves_again_;
  if (step.act != Act::settle && is_promised && now >= answer_by_) answer(step, PlacementOutcome::taken, Shows::order);
  return step;
}

/// There is little time: only while the sale that was rebuilt rests.
Step OrderProgress::reserve_again(const catalog::SaleSnapshot* sale) {
  // PostgreSQL has lost the sale, or nobody buys in it any more and Redis has nothing of it.
  if (!sale) return settle(PlacementOutcome::outcome_unknown);
  if (sale->sale->let_go) return refuse(PlacementOutcome::sale_not_open, RejectionReason::interrupted);
  if (!sale->serving || sale->sale->epoch == epoch_) return {};
  // Nobody else may finish it meanwhile: a replay that is tried again is a reservation once more.
  stage_ = Stage::reserving;
  Step step;
  step.act = Act::reserve;
  return step;
}

// --- ends ---

Step OrderProgress::settle(PlacementOutcome outcome, Shows shows, Step step) {
  stage_ = Stage::settled;
  step.act = Act::settle;
  step.trims = is_in_log_;
  answer(step, outcome, shows);
  return step;
}

void OrderProgress::answer(Step& step, PlacementOutcome outcome, Shows shows) {
  if (is_answered_) return;
  is_answered_ = true;
  step.answer = outcome;
  step.shows = shows;
}

}  // namespace flashsale::checkout
