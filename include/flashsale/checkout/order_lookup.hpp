#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::checkout {

/// Reads orders from PostgreSQL by id: questions that arrive while one query runs are asked together in the next.
class OrderLookup {
 public:
  struct Options {
    postgres::Options postgres;
    unsigned workers = 1;
    std::size_t batch_max = 256;
    std::size_t queue_max = 4096;
  };
  /// Called on a lookup thread.
  using Callback = std::function<void(Result<std::optional<Order>>)>;

  OrderLookup(Options options, telemetry::Metrics& metrics);
  ~OrderLookup();
  void start();
  void stop();  ///< questions that wait get postgres::Failure::unavailable

  /// False: the queue is full, and the callback will not come.
  [[nodiscard]] bool find(const OrderId& id, Callback callback);

 private:
  struct Question {
    OrderId id;
    Callback callback;
  };
  void run(unsigned worker_no);
  void answer(postgres::Session& session, std::vector<Question>& questions);
  [[nodiscard]] Error answer_sale(postgres::Session& session, const std::vector<Question>& questions);
  static void fail(const std::vector<Question>& questions, const Error& error);

  Options options_;
  telemetry::Metrics& metrics_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Question> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace flashsale::checkout
