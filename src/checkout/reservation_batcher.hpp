#pragma once
#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "flashsale/catalog/catalog.hpp"
#include "flashsale/checkout/options.hpp"
#include "flashsale/redis/connection.hpp"
#include "flashsale/redis/reservation.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "in_flight_orders.hpp"

namespace flashsale::checkout {

/// Collects the reservations of each sale that arrive while earlier calls are in flight, and sends them as one script
/// call. There is no timer: an idle sale's reservation goes out in the same turn of the loop.
class ReservationBatcher : public std::enable_shared_from_this<ReservationBatcher> {
 public:
  /// What Redis said of one batch. On an error of outcome_unknown the tokens come again in `late`, once, with the
  /// reply or with an error when no reply will ever come.
  struct Answer {
    std::vector<std::uint64_t> tokens;
    std::int64_t epoch = 0;
    bool late = false;
    std::shared_ptr<telemetry::BatchTrace> trace;  ///< null while tracing is off
  };
  using Answered = std::function<void(const Answer&, const Result<redis::ReservationReply>&)>;

  ReservationBatcher(const Options& options, boost::asio::io_context& context, redis::Connection& redis,
                     catalog::Catalog& catalog, InFlightOrders& orders, telemetry::Metrics& metrics, Answered answered);

  /// The order waits for the next batch of its sale.
  void add(std::uint64_t token);

 private:
  struct SaleQueue {
    std::string sale_id;
    std::deque<std::uint64_t> waiting;
    unsigned in_flight = 0;
    std::uint64_t connection = 0;  ///< generation of the one that they are under way on
    bool flush_posted = false;
  };
  void post_flush(std::int32_t sale_no, SaleQueue& queue);
  [[nodiscard]] bool has_room(SaleQueue& queue) const;
  void flush(std::int32_t sale_no);
  [[nodiscard]] std::vector<std::uint64_t> take_batch(SaleQueue& queue, std::int64_t& accepted_under);
  [[nodiscard]] std::shared_ptr<telemetry::BatchTrace> trace_of(const std::vector<std::uint64_t>& tokens,
                                                                catalog::SteadyTime now) const;
  /// `accepted_under`: of orders that are reserved again, else 0.
  void send(std::int32_t sale_no, SaleQueue& queue, std::vector<std::uint64_t> tokens, std::int64_t accepted_under);

  const Options& options_;
  boost::asio::io_context& context_;
  redis::Connection& redis_;
  catalog::Catalog& catalog_;
  InFlightOrders& orders_;
  prometheus::Histogram& batch_size_;
  prometheus::Histogram& latency_;
  Answered answered_;
  std::unordered_map<std::int32_t, SaleQueue> queues_;  ///< by sale_no; bounded by the number of sales
};

}  // namespace flashsale::checkout
