#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "flashsale/checkout/sale_troubles.hpp"
#include "flashsale/postgres/order_writer.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/telemetry/trace.hpp"

namespace flashsale::checkout {

/// What became of an order that was handed to the journal.
struct SettledOrder {
  std::uint64_t token = 0;  ///< the submitter's
  postgres::WriteResult result;
  std::shared_ptr<const telemetry::BatchTrace> batch{};  ///< that wrote it; null if none of its orders is traced
};

/// Whoever submits orders. Called on a journal thread; must outlive the journal's stop().
class Settlement {
 public:
  virtual ~Settlement() = default;
  virtual void settled(std::vector<SettledOrder> orders) = 0;
};

/// The order journal: a queue in front of a few threads that write whatever is queued, up to a bound, in one
/// transaction. The queue is bounded by its submitters: checkouts by permits, the sweeper by its quota. An order leaves
/// only with a definite answer of PostgreSQL: while that is away, batches are tried again and again (PROTOCOL R5). A
/// sale whose batch has failed is put off, whatever has failed, and the workers go on with others: see SaleTroubles. A
/// batch that PostgreSQL does not take while it is there becomes smaller, down to single orders. No single order keeps
/// a worker: one whose own row somebody holds, or that fails by itself, is tried again after a pause. Orders of items
/// that somebody holds wait aside until those are free. All of them keep what their submitters have given them: how
/// many may wait is the submitters' to bound, see held_back().
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
    std::uint64_t place = 0;  ///< given by the journal, in the order of coming
  };

  Journal(Options options, telemetry::Metrics& metrics);
  ~Journal();
  void start();
  /// Writes what is queued for as long as PostgreSQL answers, at most until `deadline`, then ends the threads.
  /// What is left stands in the pending log.
  void stop(std::chrono::steady_clock::time_point deadline);

  void submit(std::vector<Submission> orders);  ///< any thread; does not block

  /// How many orders wait for items that somebody holds, or for sales that are put off while others are written. Any
  /// thread.
  [[nodiscard]] std::size_t held_back() const { return held_back_.load(std::memory_order_relaxed); }
  /// Whether an order of these lines of a sale would wait with them. Any thread; does not block.
  [[nodiscard]] bool holds_back(std::int32_t sale_no, const OrderLines& lines) const;

 private:
  using Clock = std::chrono::steady_clock;
  /// Orders that are to be written, by sale: each batch is of one, and the sales take turns, so that a crowd in one of
  /// them does not stand in front of the others.
  class SaleQueues {
   public:
    void push_back(Submission order);
    void put_back(std::vector<Submission> orders);  ///< of any sales, each to where it stood
    /// The turn of the first sale that may have it. False: there is none.
    [[nodiscard]] bool begin_turn(const std::function<bool(std::int32_t)>& may);
    [[nodiscard]] std::int32_t sale_no() const { return turns_.front(); }
    /// Of the sale whose turn it is, until has_more() says no or the turn is ended.
    [[nodiscard]] bool has_more() const { return !queues_.at(turns_.front()).empty(); }
    [[nodiscard]] Submission take();
    void end_turn();
    [[nodiscard]] bool empty() const { return turns_.empty(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t size_of(std::int32_t sale_no) const;

   private:
    std::map<std::int32_t, std::deque<Submission>> queues_;  ///< none of them empty between turns
    std::deque<std::int32_t> turns_;
    std::size_t size_ = 0;
    std::uint64_t last_place_ = 0;
  };
  struct HeldItem {
    std::int32_t sale_no = 0;
    Clock::time_point look_at{};  ///< again; max: somebody is at it
  };
  /// Comes again after a pause.
  struct Delayed {
    Submission submission;
    bool is_row_held = false;  ///< somebody holds its row; otherwise it fails by itself, and is written by itself
    std::chrono::milliseconds pause{};
    Clock::time_point due{};
  };
  /// What a worker does next, in one sale: look whether items are still held, try what was delayed, or write orders.
  struct Work {
    std::set<std::int32_t> items;
    std::vector<Delayed> delayed;
    std::vector<Submission> batch;
    std::int32_t sale_no = 0;
  };

  void run(unsigned worker_no);
  [[nodiscard]] std::optional<Work> take_work();
  [[nodiscard]] std::optional<Work> take_due_work();
  void wait_for_work(std::unique_lock<std::mutex>& lock, Clock::time_point looked_at);
  void end_work(std::int32_t sale_no);
  void take_items_to_look_at(Work& work);
  void take_due(Work& work);
  void take_batch(Work& work);
  [[nodiscard]] bool begin_turn();
  void note_look(std::int32_t sale_no, Clock::time_point began, bool has_failed);
  void look_at_items(postgres::OrderWriter& writer, std::int32_t sale_no, const std::set<std::int32_t>& items);
  void write(postgres::OrderWriter& writer, std::vector<Submission> batch);
  void note_written(const std::vector<Submission>& batch);
  [[nodiscard]] bool set_aside(postgres::OrderWriter& writer, std::vector<Submission>& batch);
  void put_off(std::vector<Submission> batch, const SaleTroubles::Failed& how);
  void try_delayed(postgres::OrderWriter& writer, std::int32_t sale_no, std::vector<Delayed> delayed);
  [[nodiscard]] bool write_single(Submission& submission);
  void delay(Submission submission, bool is_row_held);
  void note_waiting();
  [[nodiscard]] bool is_held(const OrderLines& lines) const;
  void deliver(std::vector<Submission>& batch, std::vector<postgres::WriteResult>& results, Clock::time_point began,
               Clock::time_point ended);

  Options options_;
  telemetry::Metrics& metrics_;
  std::atomic<std::size_t> held_back_{0};
  postgres::OrderWriter single_writer_;  ///< of whoever has delayed orders in hand
  mutable std::mutex mutex_;             // guards all that follows
  std::condition_variable wake_;
  SaleQueues queue_;
  SaleTroubles troubles_{options_.batch_max};
  std::vector<Submission> aside_;                ///< of items that are held, in the order of their coming
  std::map<std::int32_t, HeldItem> held_items_;  ///< by item_no
  std::vector<Delayed> delayed_;
  bool is_delayed_in_hand_ = false;         ///< one worker at a time
  Clock::time_point delayed_rest_until_{};  ///< between its turns others get theirs
  bool draining_ = false;
  std::chrono::steady_clock::time_point drain_deadline_{};
  std::vector<std::thread> threads_;
};

}  // namespace flashsale::checkout
