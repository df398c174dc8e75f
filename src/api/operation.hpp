#pragma once
#include <functional>
#include <memory>
#include <string>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/telemetry/trace_scope.hpp"

namespace flashsale::api {

/// An answer that was made on another thread and owns its parts.
struct Answer {
  unsigned status = 200;
  std::string body;
  std::string headers;
  std::string_view content_type = "application/json";

  [[nodiscard]] static Answer problem(ProblemType type, std::string_view detail, std::string_view members = {});
  /// 503 with Retry-After.
  [[nodiscard]] static Answer unavailable();
  /// Of a store that failed: 503 with Retry-After; 400 where it can never hold what was sent.
  [[nodiscard]] static Answer failure(const Error& error);
  /// The same for a change: it may have been made if that is what `error` says.
  [[nodiscard]] static Answer not_changed(const Error& error);
};

/// The same as Answer::failure, on the exchange's thread. `detail` is of the 503.
void reply_failure(Exchange& exchange, const Error& error, std::string_view detail);

/// Whether what failed so may have been done all the same.
[[nodiscard]] bool is_outcome_unknown(const Error& error);

/// What another thread does for the exchange names this as its cause; none: nothing is traced.
[[nodiscard]] telemetry::TraceContext cause_of(Exchange& exchange);

/// Answers from another thread than the exchange's.
void reply_later(std::shared_ptr<Exchange> exchange, Answer answer);

/// For what no pool has room for.
void reply_pool_full(Exchange& exchange);

/// Runs `work` on the operation pool and answers with what it returns, on the exchange's thread. A full pool is a 503.
/// `work` may read the request: it lives until the answer.
void run_operation(Exchange& exchange, const ProcessParts& process, std::function<Answer(workers::Stores&)> work);

/// The same on another pool.
void run_operation(Exchange& exchange, workers::OperationPool& pool, std::function<Answer(workers::Stores&)> work);

/// The same, with the last step on the exchange's thread, where `finish` must reply.
template <class Value>
void run_operation(Exchange& exchange, workers::OperationPool& pool, std::function<Value(workers::Stores&)> work,
                   std::function<void(Exchange&, Value)> finish);
template <class Value>
void run_operation(Exchange& exchange, const ProcessParts& process, std::function<Value(workers::Stores&)> work,
                   std::function<void(Exchange&, Value)> finish) {
  run_operation<Value>(exchange, process.operations, std::move(work), std::move(finish));
}

}  // namespace flashsale::api

#include <boost/asio/post.hpp>

namespace flashsale::api {

template <class Value>
void run_operation(Exchange& exchange, workers::OperationPool& pool, std::function<Value(workers::Stores&)> work,
                   std::function<void(Exchange&, Value)> finish) {
  auto kept = exchange.shared_from_this();
  const auto cause = cause_of(exchange);
  const bool queued =
      pool.submit([kept, cause, work = std::move(work), finish = std::move(finish)](workers::Stores& stores) mutable {
        const telemetry::TraceScope scope(cause);
        auto value = work(stores);
        auto executor = kept->executor();
        boost::asio::post(executor, [kept = std::move(kept), finish = std::move(finish),
                                     value = std::move(value)]() mutable { finish(*kept, std::move(value)); });
      });
  if (!queued) reply_pool_full(exchange);
}

}  // namespace flashsale::api
