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
/// Until somebody looks again whether an item is still held.
constexpr std::chrono::milliseconds kHeldPause{500};

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
  wake_retry_.notify_all();
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
  while (auto work = take_work()) {
    if (work->items.empty()) {
      write(writer, std::move(work->batch));
    } else {
      look_at_items(writer, work->items);
    }
  }
}

/// Waits until there is something to do. Nothing: it is over.
std::optional<Journal::Work> Journal::take_work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool is_empty = queue_.empty() && aside_.empty();
    if (draining_ && (is_empty || Clock::now() >= drain_deadline_)) return std::nullopt;
    Work work{.items = take_items_to_look_at(), .batch = {}};
    if (work.items.empty()) work.batch = take_batch();
    if (!work.items.empty() || !work.batch.empty()) return work;
    if (held_items_.empty()) {
      wake_.wait(lock);
    } else {
      wake_.wait_for(lock, kHeldPause);
    }
  }
}

std::set<std::int32_t> Journal::take_items_to_look_at() {
  std::set<std::int32_t> due;
  for (auto& [item_no, look_at] : held_items_) {
    if (look_at > Clock::now()) continue;
    look_at = Clock::time_point::max();
    due.insert(item_no);
  }
  return due;
}

bool Journal::is_held(const Submission& submission) const {
  return !held_items_.empty() && std::ranges::any_of(submission.order.order.lines, [this](const OrderLine& line) {
    return held_items_.contains(line.item_no);
  });
}

/// Takes what is there, up to the bound, each id once: a second submission of an id stays queued for the next batch.
std::vector<Journal::Submission> Journal::take_batch() {
  std::vector<Submission> batch;
  std::vector<Submission> repeated;
  std::unordered_set<OrderId, OrderIdHash> ids;
  while (!queue_.empty() && batch.size() < batch_max_now_) {
    auto& front = queue_.front();
    if (is_held(front)) {
      aside_.push_back(std::move(front));
    } else {
      (ids.insert(front.order.order.id).second ? batch : repeated).push_back(std::move(front));
    }
    queue_.pop_front();
  }
  queue_.insert(queue_.begin(), std::make_move_iterator(repeated.begin()), std::make_move_iterator(repeated.end()));
  metrics_.queue_depth("journal").Set(static_cast<double>(queue_.size() + aside_.size()));
  return batch;
}

/// What is free again goes to the front of the queue.
void Journal::look_at_items(postgres::OrderWriter& writer, const std::set<std::int32_t>& items) {
  const auto held = writer.find_held_items(items);
  {
    const std::lock_guard lock(mutex_);
    for (const auto item_no : items) {
      if (!held || held->contains(item_no)) {
        held_items_[item_no] = Clock::now() + kHeldPause;
      } else {
        held_items_.erase(item_no);
      }
    }
    const auto free = std::stable_partition(aside_.begin(), aside_.end(), [this](const auto& s) { return is_held(s); });
    queue_.insert(queue_.begin(), std::make_move_iterator(free), std::make_move_iterator(aside_.end()));
    aside_.erase(free, aside_.end());
  }
  wake_.notify_all();
}

void Journal::write(postgres::OrderWriter& writer, std::vector<Submission> batch) {
  bool may_exist = std::any_of(batch.begin(), batch.end(), [](const Submission& s) { return s.may_exist; });
  auto& batch_size = metrics_.batch_size("journal");
  auto& latency = metrics_.dependency_seconds("postgres", "write_orders");
  auto pause = kRetryPauseMin;
  int failures = 0;
  for (;;) {
    std::vector<postgres::NewOrder> orders;
    orders.reserve(batch.size());
    for (const auto& submission : batch) orders.push_back(submission.order);
    const auto started = Clock::now();
    auto results = writer.write(orders, may_exist);
    const auto took = Clock::now() - started;
    if (results) {
      FLASHSALE_FAULT_POINT("journal.after_commit");
      batch_size.Observe(static_cast<double>(batch.size()));
      latency.Observe(std::chrono::duration<double>(took).count());
      learn_size(batch.size());
      return deliver(batch, *results);
    }
    metrics_.dependency_errors("postgres", "write_orders").Increment();
    telemetry::log_warn("orders could not be written yet",
                        {{"orders", batch.size()}, {"error", results.error().message()}});
    may_exist = true;
    // PostgreSQL is there, but this is too much for it, or one order of it: the rest must not wait for that. Who was
    // at it for so long was there, too, although the call's connection was cut in the end.
    const bool took_long = took >= options_.postgres.statement_timeout;
    const bool is_away = results.error() == postgres::make_error_code(postgres::Failure::unavailable) && !took_long;
    if (!is_away && set_aside(writer, batch)) {
      if (batch.empty()) return;
      continue;
    }
    if (!wait_before_retry(pause)) return;
    pause = std::min(pause * 2, kRetryPauseMax);
    failures += took_long ? kFailuresBeforeHalving : 1;
    if (failures < kFailuresBeforeHalving || is_away || batch.size() == 1) continue;
    failures = 0;
    put_back(batch, batch.size() / 2, took_long);
  }
}

/// Orders of items that somebody keeps locked wait until those are free, without a worker. False: there are none.
bool Journal::set_aside(postgres::OrderWriter& writer, std::vector<Submission>& batch) {
  std::set<std::int32_t> items;
  for (const auto& submission : batch) {
    for (const auto& line : submission.order.order.lines) items.insert(line.item_no);
  }
  const auto held = writer.find_held_items(std::move(items));
  if (!held || held->empty()) return false;
  // Who waits for something to do has to look at them in time.
  wake_.notify_all();
  const std::lock_guard lock(mutex_);
  for (const auto item_no : *held) held_items_.try_emplace(item_no, Clock::now() + kHeldPause);
  const auto first = std::stable_partition(batch.begin(), batch.end(), [this](const auto& s) { return !is_held(s); });
  telemetry::log_warn("somebody holds items, their orders wait",
                      {{"items", held->size()}, {"orders", batch.end() - first}});
  for (auto order = first; order != batch.end(); ++order) order->may_exist = true;
  aside_.insert(aside_.end(), std::make_move_iterator(first), std::make_move_iterator(batch.end()));
  batch.erase(first, batch.end());
  return true;
}

/// After one that was too much, batches grow again slowly: each that is too much costs all of a statement's time.
void Journal::learn_size(std::size_t written) {
  const std::lock_guard lock(mutex_);
  if (batch_max_now_ >= options_.batch_max || written < batch_max_now_) return;
  batch_max_now_ = std::min(options_.batch_max, batch_max_now_ + std::max<std::size_t>(1, batch_max_now_ / 8));
}

/// False when it is time to give up: the orders stand in the pending log.
bool Journal::wait_before_retry(std::chrono::milliseconds pause) {
  const auto until = std::chrono::steady_clock::now() + pause;
  std::unique_lock lock(mutex_);
  const auto over = [this] { return draining_ && std::chrono::steady_clock::now() >= drain_deadline_; };
  wake_retry_.wait_until(lock, until, over);
  return !over();
}

/// Leaves `keep` orders in the batch; the others go to the front of the queue, as ones that may exist. `was_too_much`:
/// the next batches are not larger either.
void Journal::put_back(std::vector<Submission>& batch, std::size_t keep, bool was_too_much) {
  const auto first = batch.begin() + static_cast<std::ptrdiff_t>(keep);
  for (auto order = first; order != batch.end(); ++order) order->may_exist = true;
  {
    const std::lock_guard lock(mutex_);
    if (was_too_much) batch_max_now_ = std::min(batch_max_now_, keep);
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
