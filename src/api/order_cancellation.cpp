#include "order_cancellation.hpp"

#include <utility>

#include "flashsale/checkout/cancellation.hpp"
#include "operation.hpp"
#include "order_reply.hpp"

namespace flashsale::api {
namespace {

using Cancelled = Result<postgres::CancelResult>;
using Outcome = postgres::CancelResult::Outcome;

void reply_not_done(Exchange& exchange, const Error& error) {
  reply_failure(exchange, error, "the order cannot be cancelled at the moment");
}

void reply_not_cancelled(Exchange& exchange, const Error& error) {
  if (!is_outcome_unknown(error)) return reply_not_done(exchange, error);
  reply_problem(exchange, ProblemType::outcome_unknown,
                "the order may be cancelled: ask for it, or cancel it once more");
}

/// The crowd's cancellations do not stand in the way of support's.
workers::OperationPool& pool_of(const Cancellation& cancellation, const ProcessParts& process) {
  return cancellation.audience == OrderAudience::buyer ? process.buyers : process.operations;
}

/// Everything but an order that PostgreSQL does not know.
void reply_result(Exchange& exchange, const ThreadParts& thread, const Cancelled& result, OrderAudience audience) {
  if (!result) return reply_not_cancelled(exchange, result.error());
  if (result->outcome == Outcome::too_late) {
    return reply_problem(exchange, ProblemType::too_late,
                         is_live(result->row.status)
                             ? "its sale does not let orders be cancelled, or not any more: it is over, or archived"
                             : "the order has ended already");
  }
  if (result->outcome == Outcome::unknown) {
    return reply_problem(exchange, ProblemType::unknown_order, "there is no such order");
  }
  reply_order(exchange, thread, result->row, {200, {}, audience});
}

void cancel_pending(Exchange& exchange, const ProcessParts& process, const ThreadParts& thread,
                    const Cancellation& cancellation) {
  thread.checkout.find_pending(
      cancellation.id, true,
      [kept = exchange.shared_from_this(), &process, &thread,
       cancellation](const Result<std::optional<Order>>& pending) {
        if (!pending) return reply_not_done(*kept, pending.error());
        const bool is_theirs =
            *pending && (cancellation.customer_id.empty() || (*pending)->customer_id == cancellation.customer_id);
        if (!is_theirs) return reply_problem(*kept, ProblemType::unknown_order, "there is no such order");
        run_operation<Cancelled>(
            *kept, pool_of(cancellation, process),
            [order = **pending, cancellation](workers::Stores& stores) {
              return checkout::cancel_unwritten_order(stores, order, cancellation.reason, cancellation.who);
            },
            [&thread, cancellation](Exchange& answered, const Cancelled& result) {
              reply_result(answered, thread, result, cancellation.audience);
            });
      });
}

}  // namespace

void cancel_order(Exchange& exchange, const ProcessParts& process, const ThreadParts& thread,
                  const Cancellation& cancellation) {
  run_operation<Cancelled>(
      exchange, pool_of(cancellation, process),
      [cancellation](workers::Stores& stores) {
        return checkout::cancel_order(stores, cancellation.id, cancellation.customer_id, cancellation.reason,
                                      cancellation.who);
      },
      [&process, &thread, cancellation](Exchange& answered, const Cancelled& result) {
        const bool unknown = result && result->outcome == Outcome::unknown;
        if (unknown) return cancel_pending(answered, process, thread, cancellation);
        reply_result(answered, thread, result, cancellation.audience);
      });
}

}  // namespace flashsale::api
