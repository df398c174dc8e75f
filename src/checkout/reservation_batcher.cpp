#include "reservation_batcher.hpp"

#include <boost/asio/post.hpp>
#include <unordered_set>
#include <utility>

#include "flashsale/redis/error.hpp"

namespace flashsale::checkout {

ReservationBatcher::ReservationBatcher(const Options& options, boost::asio::io_context& context,
                                       redis::Connection& redis, catalog::Catalog& catalog, InFlightOrders& orders,
                                       telemetry::Metrics& metrics, Answered answered)
    : options_(options),
      context_(context),
      redis_(redis),
      catalog_(catalog),
      orders_(orders),
      batch_size_(metrics.batch_size("reservation")),
      latency_(metrics.dependency_seconds("redis", "reserve")),
      answered_(std::move(answered)) {}

void ReservationBatcher::add(std::uint64_t token) {
  const auto& sale = *orders_.find(token)->progress.placement().sale->sale;
  auto& queue = queues_[sale.sale_no];
  queue.sale_id = sale.id;
  queue.waiting.push_back(token);
  post_flush(sale.sale_no, queue);
}

void ReservationBatcher::post_flush(std::int32_t sale_no, SaleQueue& queue) {
  if (queue.flush_posted || queue.waiting.empty() || !has_room(queue)) return;
  queue.flush_posted = true;
  boost::asio::post(context_, [self = shared_from_this(), sale_no] {
    self->queues_[sale_no].flush_posted = false;
    self->flush(sale_no);
  });
}

/// Batches that a lost connection has taken along are waited for, but do not keep others from going out.
bool ReservationBatcher::has_room(SaleQueue& queue) const {
  if (queue.connection != redis_.generation()) {
    queue.connection = redis_.generation();
    queue.in_flight = 0;
  }
  return queue.in_flight < options_.reservation_batches_in_flight_max;
}

void ReservationBatcher::flush(std::int32_t sale_no) {
  auto& queue = queues_[sale_no];
  while (!queue.waiting.empty() && has_room(queue)) {
    std::int64_t accepted_under = 0;
    auto tokens = take_batch(queue, accepted_under);
    send(sale_no, queue, std::move(tokens), accepted_under);
  }
}

/// The oldest orders that may share a call: each id once, and orders that are reserved again apart from new ones and
/// from those of another epoch. The bound counts lines: it is they that Redis works on.
std::vector<std::uint64_t> ReservationBatcher::take_batch(SaleQueue& queue, std::int64_t& accepted_under) {
  std::vector<std::uint64_t> tokens;
  std::vector<std::uint64_t> left;
  std::unordered_set<OrderId, OrderIdHash> ids;
  std::size_t order_lines = 0;
  while (!queue.waiting.empty()) {
    const auto token = queue.waiting.front();
    const auto& order = orders_.find(token)->progress;
    const auto lines_of_order = order.placement().lines.size();
    if (!tokens.empty() && order_lines + lines_of_order > options_.reservation_batch_max) break;
    queue.waiting.pop_front();
    const std::int64_t epoch = order.reserves_again() ? order.epoch() : 0;
    if (tokens.empty()) accepted_under = epoch;
    const bool fits = epoch == accepted_under && ids.insert(order.placement().id).second;
    (fits ? tokens : left).push_back(token);
    if (fits) order_lines += lines_of_order;
  }
  queue.waiting.insert(queue.waiting.begin(), left.begin(), left.end());
  return tokens;
}

std::shared_ptr<telemetry::BatchTrace> ReservationBatcher::trace_of(const std::vector<std::uint64_t>& tokens,
                                                                    catalog::SteadyTime now) const {
  if (!orders_.find(tokens.front())->progress.placement().trace.is_set()) return nullptr;
  auto trace = std::make_shared<telemetry::BatchTrace>();
  trace->orders = tokens.size();
  trace->began = trace->ended = now;
  return trace;
}

void ReservationBatcher::send(std::int32_t sale_no, SaleQueue& queue, std::vector<std::uint64_t> tokens,
                              std::int64_t accepted_under) {
  const auto now = std::chrono::steady_clock::now();
  const auto sale = catalog_.snapshot()->find(sale_no);
  const auto& clock = catalog_.snapshot()->clock;
  auto answer = std::make_shared<Answer>();
  answer->tokens = std::move(tokens);
  answer->epoch = sale ? sale->sale->epoch : 0;
  answer->trace = trace_of(answer->tokens, now);
  ++queue.in_flight;
  const auto done = [self = shared_from_this(), sale_no, answer,
                     connection = queue.connection](const Result<redis::ReservationReply>& result) {
    auto& of_sale = self->queues_[sale_no];
    if (of_sale.connection == connection && of_sale.in_flight > 0) --of_sale.in_flight;
    self->answered_(*answer, result);
    self->post_flush(sale_no, of_sale);
  };
  if (!sale || !sale->serving || clock.reading == TimePoint{} || !redis_.ready()) {
    boost::asio::post(context_, [done] { done(make_error_code(redis::Failure::unavailable)); });
    return;
  }

  std::vector<redis::ReservationRequest> requests;
  requests.reserve(answer->tokens.size());
  for (const auto token : answer->tokens) {
    const auto& placement = orders_.find(token)->progress.placement();
    requests.push_back({placement.id, placement.lines, placement.customer_id, placement.client_hash});
  }
  redis::ReservationTerms terms;
  // Redis refuses from the moment on at which this side has certainly given up (PROTOCOL R10): its clock shows at
  // least `earliest`.
  terms.deadline = clock.earliest(now) + options_.redis_timeout;
  terms.log_entries_max = options_.pending_log_entries_max;
  terms.reserves_again = accepted_under > 0;
  // Between the two another epoch may have sold, and refused their keys.
  terms.too_late = terms.reserves_again && answer->epoch != accepted_under + 1;
  terms.unpaid_orders_max = options_.unpaid_orders_max;
  terms.unpaid_pause = options_.unpaid_pause;
  const auto fence = redis_.fence(queue.sale_id, answer->epoch);
  batch_size_.Observe(static_cast<double>(requests.size()));
  redis_.ask(
      redis::reserve(fence, terms, requests),
      [self = shared_from_this(), done, answer, now](const Result<redis::ReservationReply>& reply) {
        const auto ended = std::chrono::steady_clock::now();
        self->latency_.Observe(std::chrono::duration<double>(ended - now).count());
        if (answer->trace) {
          answer->trace->ended = ended;
          answer->trace->has_failed = !reply;
        }
        done(reply);
      },
      [self = shared_from_this(), answer](const Result<redis::ReservationReply>& reply) {
        answer->late = true;
        self->answered_(*answer, reply);
      });
}

}  // namespace flashsale::checkout
