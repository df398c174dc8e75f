#include "flashsale/checkout/journal.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>

#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::checkout {
namespace {

constexpr std::chrono::milliseconds kRetryPauseMin{20};
constexpr std::chrono::milliseconds kRetryPauseMax{500};
constexpr int kFailuresBeforeHalving = 3;

std::string_view outcome_label(postgres::WriteOutcome outcome) {
  switch (outcome) {
    case postgres::WriteOutcome::committed: return "committed";
    case postgres::WriteOutcome::existing: return "existing";
    case postgres::WriteOutcome::rejected: return "rejected";
    case postgres::WriteOutcome::recorded: return "recorded";
    case postgres::WriteOutcome::stale_epoch: return "stale_epoch";
  }
  return "unknown";
}

}  // namespace

Journal::Journal(Options options, telemetry::Metrics& metrics) : options_(std::move(options)), metrics_(metrics) {}

Journal::~Journal() { stop(std::chrono::steady_clock::now()); }

void Journal::start() {
  for (unsigned i = 0; i < options_.workers; ++i) threads_.emplace_back([this, i] { run(i); });
}

void Journal::stop(std::chrono::steady_clock::time_point deadline) {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    drain_deadline_ = deadline;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Journal::submit(std::vector<Submission> orders) {
  {
    const std::lock_guard lock(mutex_);
    queue_.insert(queue_.end(), std::make_move_iterator(orders.begin()), std::make_move_iterator(orders.end()));
  }
  wake_.notify_one();
}

void Journal::run(unsigned worker_no) {
  postgres::OrderWriter writer(options_.postgres,
                               std::string(postgres::kWriterSessionPrefix) + std::to_string(worker_no));
  for (;;) {
    auto batch = take_batch();
    if (batch.empty()) return;
    write(writer, std::move(batch));
  }
}

/// Waits for orders and takes what is there, up to the bound, each id once: a second submission of an id stays queued
/// for the next batch. Empty: it is over.
std::vector<Journal::Submission> Journal::take_batch() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return draining_ || !queue_.empty(); });
  if (draining_ && std::chrono::steady_clock::now() >= drain_deadline_) return {};
  std::vector<Submission> batch;
  std::vector<Submission> repeated;
  std::unordered_set<OrderId, OrderIdHash> ids;
  while (!queue_.empty() && batch.size() < options_.batch_max) {
    auto& front = queue_.front();
    (ids.insert(front.order.order.id).second ? batch : repeated).push_back(std::move(front));
    queue_.pop_front();
  }
  queue_.insert(queue_.begin(), std::make_move_iterator(repeated.begin()), std::make_move_iterator(repeated.end()));
  metrics_.queue_depth("journal").Set(static_cast<double>(queue_.size()));
  return batch;
}

void Journal::write(postgres::OrderWriter& writer, std::vector<Submission> batch) {
  std::vector<postgres::NewOrder> orders;
  orders.reserve(batch.size());
  for (const auto& submission : batch) orders.push_back(submission.order);
  bool may_exist = std::any_of(batch.begin(), batch.end(), [](const Submission& s) { return s.may_exist; });
  auto& batch_size = metrics_.batch_size("journal");
  auto& latency = metrics_.dependency_seconds("postgres", "write_orders");
  auto pause = kRetryPauseMin;
  int failures = 0;
  for (;;) {
    const auto started = std::chrono::steady_clock::now();
    auto results = writer.write(orders, may_exist);
    if (results) {
      FLASHSALE_FAULT_POINT("journal.after_commit");
      batch_size.Observe(static_cast<double>(batch.size()));
      latency.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
      return deliver(batch, *results);
    }
    metrics_.dependency_errors("postgres", "write_orders").Increment();
    telemetry::log_warn("orders could not be written yet",
                        {{"orders", batch.size()}, {"error", results.error().message()}});
    may_exist = true;
    if (!wait_before_retry(pause)) return;
    pause = std::min(pause * 2, kRetryPauseMax);
    // PostgreSQL is there, but this is too much for it, or one order of it: the rest must not wait for that.
    const bool is_away = results.error() == postgres::make_error_code(postgres::Failure::unavailable);
    if (++failures < kFailuresBeforeHalving || is_away || batch.size() == 1) continue;
    failures = 0;
    put_back(batch, batch.size() / 2);
    orders.resize(batch.size());
  }
}

/// False when it is time to give up: the orders stand in the pending log.
bool Journal::wait_before_retry(std::chrono::milliseconds pause) {
  const auto until = std::chrono::steady_clock::now() + pause;
  std::unique_lock lock(mutex_);
  const auto over = [this] { return draining_ && std::chrono::steady_clock::now() >= drain_deadline_; };
  wake_.wait_until(lock, until, over);
  return !over();
}

/// Leaves `keep` orders in the batch; the others go to the front of the queue, as ones that may exist.
void Journal::put_back(std::vector<Submission>& batch, std::size_t keep) {
  const auto first = batch.begin() + static_cast<std::ptrdiff_t>(keep);
  for (auto order = first; order != batch.end(); ++order) order->may_exist = true;
  {
    const std::lock_guard lock(mutex_);
    queue_.insert(queue_.begin(), std::make_move_iterator(first), std::make_move_iterator(batch.end()));
  }
  batch.erase(first, batch.end());
  wake_.notify_one();
}

void Journal::deliver(std::vector<Submission>& batch, std::vector<postgres::WriteResult>& results) {
  std::map<Settlement*, std::vector<SettledOrder>> by_owner;
  std::map<postgres::WriteOutcome, int> counts;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    ++counts[results[i].outcome];
    by_owner[batch[i].owner].push_back({batch[i].token, std::move(results[i])});
  }
  for (const auto& [outcome, count] : counts) metrics_.orders_written(outcome_label(outcome)).Increment(count);
  for (auto& [owner, orders] : by_owner) owner->settled(std::move(orders));
}

}  // namespace flashsale::checkout
