#include "flashsale/telemetry/tracer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace flashsale::telemetry {
namespace {

constexpr std::array<std::string_view, kKeptForCount> kReasons{"nothing", "chance", "flag", "slow", "failure"};
constexpr unsigned kLeastFailure = 500;

constexpr std::size_t index_of(KeptFor reason) { return static_cast<std::size_t>(reason); }

/// One in `many` span ids: they are random already. Their upper half, since a product needs no division.
bool is_drawn(SpanId id, std::uint32_t many) { return ((id >> 32) * many) >> 32 == 0 && many > 0; }

}  // namespace

std::string_view to_string(KeptFor reason) { return kReasons[index_of(reason)]; }

bool SecondBudget::take(TraceTime now) {
  const auto second =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  auto state = state_.load(std::memory_order_relaxed);
  for (;;) {
    const bool is_same = state >> 32 >= (second & 0xffffffff);  // a thread may come with a moment of the second before
    const auto taken = is_same ? state & 0xffffffff : 0;
    if (taken >= most_) return false;
    const auto next = ((is_same ? state >> 32 : second) << 32) | (taken + 1);
    if (state_.compare_exchange_weak(state, next, std::memory_order_relaxed)) return true;
  }
}

Tracer::Tracer(const Options& options, Metrics& metrics)
    : options_(options),
      budgets_{SecondBudget(0), SecondBudget(options.kept_per_s_max), SecondBudget(options.kept_per_s_max),
               SecondBudget(options.kept_per_s_max), SecondBudget(options.kept_per_s_max)},
      over_rate_(metrics.traces_dropped("over_rate")),
      queue_full_(metrics.traces_dropped("queue_full")) {
  for (const auto reason : {KeptFor::chance, KeptFor::flag, KeptFor::slow, KeptFor::failure}) {
    kept_[index_of(reason)] = &metrics.traces_kept(to_string(reason));
  }
}

void Tracer::begin(RequestTrace& trace, std::string_view traceparent, std::string_view request_id, TraceTime now) {
  trace = {};
  const auto caller = traceparent.empty() ? std::nullopt : parse_traceparent(traceparent);
  if (caller) {
    trace.context.trace_id = caller->trace_id;
    trace.parent = caller->span_id;
    trace.has_caller = true;
  } else if (const auto named = parse_trace_id(request_id)) {
    trace.context.trace_id = *named;
  } else {
    trace.context.trace_id = make_trace_id();
  }
  trace.context.span_id = make_span_id();
  trace.parsed_at = now;
  const bool is_flagged = caller && caller->is_sampled;
  if (!is_flagged && !is_drawn(trace.context.span_id, options_.keep_one_in)) return;
  const auto reason = is_flagged ? KeptFor::flag : KeptFor::chance;
  if (!may_keep(reason, now)) return;
  trace.kept_for = reason;
  trace.context.is_sampled = true;
}

void Tracer::end(RequestTrace& trace, const Ended& request) {
  trace.has_ended = true;
  if (trace.kept_for == KeptFor::nothing) {
    const bool has_failed = request.status >= kLeastFailure;
    // What its client took to send it does not count, nor what it wished to wait.
    if (!has_failed && request.ended - trace.parsed_at - trace.waited < options_.slow) return;
    const auto reason = has_failed ? KeptFor::failure : KeptFor::slow;
    if (!may_keep(reason, request.ended)) return;
    trace.kept_for = reason;
  }
  kept_[index_of(trace.kept_for)]->Increment();
  put({.trace = trace,
       .method = std::string(request.method),
       .route = std::string(request.route),
       .path = std::string(request.path),
       .request_id = std::string(request.request_id),
       .status = request.status,
       .began = request.received_at,
       .ended = request.ended});
}

void Tracer::end_late(const TraceContext& request, const OrderTrace& order, TraceTime now) {
  KeptTrace kept;
  kept.trace.context = request;
  kept.trace.order = order;
  kept.is_late = true;
  kept.began = order.placed_at;
  kept.ended = now;
  put(std::move(kept));
}

std::vector<KeptTrace> Tracer::take(std::size_t most) {
  const std::lock_guard lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, queue_.size()));
  std::vector<KeptTrace> taken(std::make_move_iterator(queue_.begin()),
                               std::make_move_iterator(queue_.begin() + count));
  queue_.erase(queue_.begin(), queue_.begin() + count);
  return taken;
}

bool Tracer::may_keep(KeptFor reason, TraceTime now) {
  if (budgets_[index_of(reason)].take(now)) return true;
  over_rate_.Increment();
  return false;
}

void Tracer::put(KeptTrace kept) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() < options_.queue_max) return queue_.push_back(std::move(kept));
  }
  queue_full_.Increment();
}

}  // namespace flashsale::telemetry
