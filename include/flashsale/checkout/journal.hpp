#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "flashsale/postgres/order_writer.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::checkout {

/// What became of an order that was handed to the journal.
struct SettledOrder {
  std::uint64_t token = 0;  ///< the submitter's
  postgres::WriteResult result;
};

/// Whoever submits orders. Called on a journal thread; must outlive the journal's stop().
class Settlement {
 public:
  virtual ~Settlement() = default;
  virtual void settled(std::vector<SettledOrder> orders) = 0;
};

/// The order journal: a queue in front of a few threads that write whatever is queued, up to a bound, in one
/// transaction. The queue is bounded by its submitters: checkouts by permits, the sweeper by its quota. An order leaves
/// only with a definite answer of PostgreSQL: while that is away, batches are tried again and again (PROTOCOL R5).
class Journal {
 public:
  struct Options {
    postgres::Options postgres;
    unsigned workers = 2;
    std::size_t batch_max = 1024;
  };
  struct Submission {
    postgres::NewOrder order;
    bool may_exist = false;
    Settlement* owner = nullptr;
    std::uint64_t token = 0;
  };

  Journal(Options options, telemetry::Metrics& metrics);
  ~Journal();
  void start();
  /// Writes what is queued for as long as PostgreSQL answers, at most until `deadline`, then ends the threads.
  /// What is left stands in the pending log.
  void stop(std::chrono::steady_clock::time_point deadline);

  void submit(std::vector<Submission> orders);  ///< any thread; does not block

 private:
  void run(unsigned worker_no);
  [[nodiscard]] std::vector<Submission> take_batch();
  void write(postgres::OrderWriter& writer, std::vector<Submission> batch);
  [[nodiscard]] bool wait_before_retry(std::chrono::milliseconds pause);
  void put_back(std::vector<Submission>& batch, std::size_t keep);
  void deliver(std::vector<Submission>& batch, std::vector<postgres::WriteResult>& results);

  Options options_;
  telemetry::Metrics& metrics_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Submission> queue_;
  bool draining_ = false;
  std::chrono::steady_clock::time_point drain_deadline_{};
  std::vector<std::thread> threads_;
};

}  // namespace flashsale::checkout
