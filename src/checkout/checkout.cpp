#include "flashsale/checkout/checkout.hpp"

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "arrival_counts.hpp"
#include "flashsale/redis/error.hpp"
#include "flashsale/redis/order_record.hpp"
#include "flashsale/redis/release.hpp"
#include "flashsale/redis/reservation.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"
#include "in_flight_orders.hpp"
#include "log_trimmer.hpp"
#include "memory_refusal.hpp"
#include "past_sales.hpp"
#include "pending_search.hpp"
#include "refusal_counts.hpp"
#include "reservation_batcher.hpp"

namespace flashsale::checkout {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSweepInterval{10};

/// What a batch that Redis has not decided means for its orders.
OrderProgress::ReservationFailure failure_of(const ReservationBatcher::Answer& batch,
                                             const Result<redis::ReservationReply>& result) {
  using Failure = OrderProgress::ReservationFailure;
  if (result || result.error() != redis::make_error_code(redis::Failure::outcome_unknown))
    return Failure::nothing_changed;
  return batch.late ? Failure::no_answer_at_all : Failure::no_answer_yet;
}

}  // namespace

/// Carries out what each order's progress asks for, and tells the progress what came of it.
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
        search_(std::make_shared<PendingSearch>(parts.context, parts.redis, parts.catalog, parts.lookup)),
        past_(std::make_shared<PastSales>(parts.context, parts.lookup)),
        final_seconds_(parts.metrics.add_order_final_seconds()) {
    for (std::size_t i = 0; i < kPlacementOutcomes.size(); ++i) {
      outcomes_[i] = &parts.metrics.reservations(kPlacementOutcomes[i]);
    }
  }

  void start() { sweep(); }
  void stop() { timer_.cancel(); }

  void place(Placement placement, Callback callback) {
    const auto now = Steady::now();
    const auto& sale = *placement.sale;
    if (sale.sale->let_go) return place_in_the_past(placement, std::move(callback));
    arrivals_.add(sale.sale->sale_no);
    if (const auto refusal = refusal_from_memory(placement, now)) return turn_away(callback, sale, *refusal);
    if (!sale.serving || !parts_.redis.ready()) return turn_away(callback, sale, PlacementOutcome::unavailable);
    const auto held_back = static_cast<std::int64_t>(parts_.journal.held_back());
    if (has_to_wait(placement, held_back)) return turn_away(callback, sale, PlacementOutcome::unavailable);
    if (!parts_.permits.try_take(held_back)) return turn_away(callback, sale, PlacementOutcome::overloaded);
    placement.client_hash = parts_.origins.of_client(placement.client);
    telemetry::OrderTrace trace;
    if (placement.trace.is_set()) trace = {.id = placement.id, .placed_at = now};
    batcher_->add(orders_.add({OrderProgress(std::move(placement), now), std::move(callback), nullptr, trace}));
  }

  void find_pending(const OrderId& id, bool rows_can_be_read, FindCallback callback) {
    search_->find(id, rows_can_be_read, std::move(callback));
  }
  void snapshot_replaced() { search_->snapshot_replaced(); }

  /// From the journal's threads.
  void settled(std::vector<SettledOrder> orders) override {
    boost::asio::post(parts_.context, [self = shared_from_this(), orders = std::move(orders)] {
      for (const auto& order : orders) self->written(order);
    });
  }

  [[nodiscard]] std::vector<postgres::RefusalCount> take_refusals() { return refusals_.take(); }
  [[nodiscard]] std::vector<SaleArrivals> take_arrivals() { return arrivals_.take(); }
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

  void place_in_the_past(const Placement& placement, Callback callback) {
    past_->place(placement,
                 [self = shared_from_this(), sale_no = placement.sale->sale->sale_no, callback = std::move(callback)](
                     const PlacementResult& result) { self->answer(callback, sale_no, result); });
  }

  /// Orders of items whose rows somebody holds, and of sales that cannot be written while others are, keep their
  /// permits. Once they have half of them, no more are taken: they must keep no buyer from what is sold beside them.
  [[nodiscard]] bool has_to_wait(const Placement& placement, std::int64_t held_back) const {
    return held_back > 0 && held_back >= parts_.permits.limit() / 2 &&
           parts_.journal.holds_back(placement.sale->sale->sale_no, placement.lines);
  }

  static PlacementResult result_of(const OrderProgress& order, const Step& step, const Order* row) {
    PlacementResult result;
    result.outcome = *step.answer;
    if (step.shows == Step::Shows::order) result.order = order.as_order(OrderStatus::pending);
    if (step.shows == Step::Shows::row) result.order = *row;
    return result;
  }

  /// Whoever is answered may read on in the order's trace.
  static void add_trace(telemetry::OrderTrace& trace, PlacementResult& result) {
    trace.outcome = to_string(result.outcome);
    result.trace = &trace;
  }

  // --- an order's next step ---

  /// `row`: what the order has just been told of; null if nothing. The order may be gone afterwards.
  void carry_out(std::uint64_t token, InFlightOrder& order, const Step& step, const Order* row = nullptr) {
    if (step.reason_is_unknown) tell_of_unknown_reason(order.progress, *row);
    if (step.gives_back) release(order.progress, row->status, true);
    if (step.drifted) drifted(order.progress, row->status);
    if (step.act == Step::Act::settle) return settle(token, order, step, row);
    if (step.answer) {
      const auto callback = std::exchange(order.callback, {});
      auto result = result_of(order.progress, step, row);
      if (is_traced(order)) add_trace(order.trace, result);
      answer(callback, sale_no_of(order.progress), result);
    }
    switch (step.act) {
      case Step::Act::wait:
      case Step::Act::settle: break;
      case Step::Act::reserve: batcher_->add(token); break;
      case Step::Act::write:
        to_write_.push_back({{order.progress.row_to_write(), order.progress.epoch(), order.progress.placement().trace,
                              order.progress.placement().client_hash},
                             order.progress.reserves_again(),
                             this,
                             token});
        break;
      case Step::Act::look_up: look_up(token, order); break;
    }
  }

  void settle(std::uint64_t token, InFlightOrder& order, const Step& step, const Order* row) {
    if (step.trims) trimmer_->order_settled(*order.entry);
    const auto callback = std::move(order.callback);
    const auto sale_no = sale_no_of(order.progress);
    auto result = step.answer ? result_of(order.progress, step, row) : PlacementResult{};
    auto trace = std::move(order.trace);
    const auto trace_id = order.progress.placement().trace.trace_id;
    if (is_traced(order)) {
      if (step.answer) add_trace(trace, result);
      else if (trace.is_told) parts_.tracer->end_late(order.progress.placement().trace, trace, Steady::now());
    }
    orders_.remove(token);
    parts_.permits.give_back();
    if (step.answer) answer(callback, sale_no, result);
    // Whether it is kept, those who were answered have decided.
    if (trace.is_told && trace.final_at != Steady::time_point{}) {
      const std::chrono::duration<double> duration = trace.final_at - trace.placed_at;
      parts_.metrics.note_exemplar(final_seconds_, duration.count(), trace_id);
    }
  }

  [[nodiscard]] static bool is_traced(const InFlightOrder& order) { return order.progress.placement().trace.is_set(); }

  /// What the steps since the last call want written, in one go.
  void submit() {
    if (to_write_.empty()) return;
    FLASHSALE_FAULT_POINT("checkout.before_submit");
    parts_.journal.submit(std::exchange(to_write_, {}));
    FLASHSALE_FAULT_POINT("checkout.after_submit");
  }

  void look_up(std::uint64_t token, InFlightOrder& order) {
    auto answered = [self = shared_from_this(), token](Result<std::optional<Order>> found) {
      boost::asio::post(self->parts_.context,
                        [self, token, found = std::move(found)] { self->looked_up(token, found); });
    };
    const bool is_asked = parts_.lookup.find(order.progress.placement().id, std::move(answered));
    if (!is_asked) carry_out(token, order, order.progress.not_looked_up(Steady::now()));
  }

  void release(const OrderProgress& order, OrderStatus status, bool give_back) {
    const auto fence = parts_.redis.fence(order.placement().sale->sale->id, order.epoch());
    parts_.redis.ask(redis::release(fence, order.as_order(status), give_back),
                     [](const Result<redis::ReleaseOutcome>&) {});
  }

  /// PostgreSQL's last word differs from Redis's: the record is released without giving units back that were never
  /// there, and the sale is rebuilt from PostgreSQL (PROTOCOL R11).
  void drifted(const OrderProgress& order, OrderStatus status) {
    telemetry::log_warn("redis and postgres disagree, the sale is rebuilt",
                        {{"sale", order.placement().sale->sale->id},
                         {"order", order.placement().id.to_string()},
                         {"request_id", order.placement().request_id.view()},
                         {"trace_id", order.placement().trace.trace_id}});
    release(order, status, false);
    parts_.upkeep.request_correction(current_sale(order), order.epoch());
  }

  static void tell_of_unknown_reason(const OrderProgress& order, const Order& row) {
    telemetry::log_error("an order is rejected for a reason that is not known",
                         {{"order", row.id.to_string()},
                          {"reason", row.reason},
                          {"request_id", order.placement().request_id.view()},
                          {"trace_id", order.placement().trace.trace_id}});
  }

  /// As this thread knows it now: the order may be of an older epoch.
  [[nodiscard]] std::shared_ptr<const Sale> current_sale(const OrderProgress& order) const {
    const auto now = parts_.catalog.snapshot()->find(order.placement().sale->sale->sale_no);
    return now ? now->sale : order.placement().sale->sale;
  }

  static std::int32_t sale_no_of(const OrderProgress& order) { return order.placement().sale->sale->sale_no; }

  // --- the doors through which an order comes back ---

  void reserved(const ReservationBatcher::Answer& batch, const Result<redis::ReservationReply>& result) {
    using Outcome = redis::ReservationReply::Outcome;
    if (result && result->outcome == Outcome::decided) return decided(batch, *result);
    if (result && result->outcome == Outcome::lost) {
      parts_.upkeep.request_rebuild(orders_.find(batch.tokens.front())->progress.placement().sale->sale);
    }
    const auto now = Steady::now();
    for (const auto token : batch.tokens) {
      auto& order = *orders_.find(token);
      note_decided(order, batch, now);
      carry_out(token, order, order.progress.reservation_failed(failure_of(batch, result), now));
    }
  }

  void decided(const ReservationBatcher::Answer& batch, const redis::ReservationReply& reply) {
    const auto now = Steady::now();
    std::shared_ptr<LogEntry> entry;
    std::size_t replay = 0;
    for (std::size_t i = 0; i < batch.tokens.size(); ++i) {
      const auto token = batch.tokens[i];
      auto& order = *orders_.find(token);
      OrderProgress::Reservation reservation{reply.decisions[i], batch.epoch, reply.now, nullptr};
      std::optional<redis::OrderRecord> record;
      if (reservation.decision == redis::Decision::replay) {
        record = redis::parse_order_record(reply.records[replay++]);
        if (record) reservation.record = &*record;
      }
      if (reservation.decision == redis::Decision::accepted) {
        if (!entry) {
          const auto& sale_id = order.progress.placement().sale->sale->id;
          entry = std::make_shared<LogEntry>(LogEntry{sale_id, batch.epoch, reply.entry_id, 0});
        }
        ++entry->unsettled;
        order.entry = entry;
      }
      note_decided(order, batch, now);
      const auto step = order.progress.reserved(reservation, now);
      if (step.lacks_item) parts_.upkeep.request_correction(current_sale(order.progress), batch.epoch);
      carry_out(token, order, step);
    }
    submit();
  }

  static void note_decided(InFlightOrder& order, const ReservationBatcher::Answer& batch, Steady::time_point now) {
    if (!batch.trace) return;
    order.trace.decided_at = now;
    order.trace.reservation = batch.trace;
  }

  void written(const SettledOrder& settled) {
    const auto token = settled.token;
    const auto& result = settled.result;
    auto* order = orders_.find(token);
    if (!order) return;
    order->trace.writing = settled.batch;
    const auto now = Steady::now();
    if (result.outcome == postgres::WriteOutcome::committed && !order->progress.reserves_again()) {
      const auto duration = now - order->progress.placed_at();
      parts_.permits.committed_after(duration);
      final_seconds_.observe(std::chrono::duration<double>(duration).count());
      order->trace.final_at = now;
    }
    const auto step = order->progress.written(result, now);
    if (step.act == Step::Act::settle) FLASHSALE_FAULT_POINT("checkout.before_answer");
    carry_out(token, *order, step, &result.row);
  }

  void looked_up(std::uint64_t token, const Result<std::optional<Order>>& found) {
    auto* order = orders_.find(token);
    if (!order) return;
    const Order* row = found && *found ? &**found : nullptr;
    carry_out(token, *order, order->progress.looked_up(row, Steady::now()), row);
  }

  void sweep() {
    timer_.expires_after(kSweepInterval);
    timer_.async_wait([self = shared_from_this()](const Error& error) {
      if (error) return;
      const auto now = Steady::now();
      self->tell_time(now);
      self->search_->check_deadlines(now);
      self->sweep();
    });
  }

  void tell_time(Steady::time_point now) {
    orders_.for_each([&](std::uint64_t token, InFlightOrder& order) {
      const auto& sale_id = order.progress.placement().sale->sale->id;
      const auto sale = order.progress.needs_sale(now) ? parts_.catalog.snapshot()->find(sale_id) : nullptr;
      carry_out(token, order, order.progress.time_is(now, sale.get()));
    });
    submit();
  }

  Options options_;
  Parts parts_;
  boost::asio::steady_timer timer_;
  InFlightOrders orders_;
  std::vector<Journal::Submission> to_write_;
  std::shared_ptr<LogTrimmer> trimmer_;
  std::shared_ptr<ReservationBatcher> batcher_;
  std::shared_ptr<PendingSearch> search_;
  std::shared_ptr<PastSales> past_;
  std::array<prometheus::Counter*, kPlacementOutcomes.size()> outcomes_{};
  telemetry::ThreadHistogram& final_seconds_;
  RefusalCounts refusals_;
  ArrivalCounts arrivals_;
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
std::vector<SaleArrivals> Checkout::take_arrivals() { return impl_->take_arrivals(); }
std::size_t Checkout::in_flight() const { return impl_->in_flight(); }

}  // namespace flashsale::checkout
