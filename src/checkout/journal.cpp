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
/// Until somebody looks again whether an item is still held. A rebuilt sale rests for half a second after its epoch was
/// raised: what waited for its items should be written by then.
constexpr std::chrono::milliseconds kHeldPause{150};
constexpr std::chrono::milliseconds kDelayMin{500};
constexpr std::chrono::milliseconds kDelayMax{2000};
/// One turn of delayed orders, so that one worker alone still gets to the others.
constexpr std::size_t kDelayedAtOnce = 64;
constexpr std::chrono::milliseconds kDelayedTurn{300};
constexpr std::chrono::milliseconds kBetweenDelayedTurns{100};

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

bool is_failure(const Error& error, postgres::Failure failure) { return error == postgres::make_error_code(failure); }

/// Of a call that has taken long: whether a smaller one might do better. One that has waited for somebody's lock says
/// nothing of that.
bool tells_of_size(const Error& error) {
  return is_failure(error, postgres::Failure::timed_out) || is_failure(error, postgres::Failure::unavailable) ||
         is_failure(error, postgres::Failure::outcome_unknown);
}

}  // namespace

void Journal::SaleQueues::push_back(Submission order) {
  const auto sale_no = order.order.order.id.sale_no();
  auto& queue = queues_[sale_no];
  if (queue.empty()) turns_.push_back(sale_no);
  queue.push_back(std::move(order));
  ++size_;
}

void Journal::SaleQueues::push_front(std::vector<Submission> orders) {
  for (auto order = orders.rbegin(); order != orders.rend(); ++order) {
    const auto sale_no = order->order.order.id.sale_no();
    auto& queue = queues_[sale_no];
    if (queue.empty()) turns_.push_front(sale_no);
    queue.push_front(std::move(*order));
    ++size_;
  }
}

Journal::Submission Journal::SaleQueues::take() {
  auto& queue = queues_.at(turns_.front());
  Submission order = std::move(queue.front());
  queue.pop_front();
  --size_;
  return order;
}

void Journal::SaleQueues::end_turn() {
  const auto sale_no = turns_.front();
  turns_.pop_front();
  const auto queue = queues_.find(sale_no);
  if (queue->second.empty()) queues_.erase(queue);
  else turns_.push_back(sale_no);
}

Journal::Journal(Options options, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      metrics_(metrics),
      single_writer_(postgres::with_brief_waits(options_.postgres),
                     std::string(postgres::kWriterSessionPrefix) + "single") {}

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
    for (auto& order : orders) queue_.push_back(std::move(order));
  }
  wake_.notify_one();
}

void Journal::run(unsigned worker_no) {
  postgres::OrderWriter writer(options_.postgres,
                               std::string(postgres::kWriterSessionPrefix) + std::to_string(worker_no));
  while (auto work = take_work()) {
    for (const auto& [sale_no, items] : work->items) look_at_items(writer, sale_no, items);
    if (!work->delayed.empty()) try_delayed(writer, std::move(work->delayed));
    if (!work->batch.empty()) write(writer, std::move(work->batch));
  }
}

/// Waits until there is something to do. Nothing: it is over.
std::optional<Journal::Work> Journal::take_work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool is_empty = queue_.empty() && aside_.empty() && delayed_.empty();
    if (draining_ && (is_empty || Clock::now() >= drain_deadline_)) return std::nullopt;
    Work work{.items = take_items_to_look_at(), .delayed = {}, .batch = {}};
    if (work.items.empty()) work.delayed = take_due();
    if (work.items.empty() && work.delayed.empty()) work.batch = take_batch();
    if (!work.items.empty() || !work.delayed.empty() || !work.batch.empty()) return work;
    if (held_items_.empty() && delayed_.empty()) {
      wake_.wait(lock);
    } else {
      wake_.wait_for(lock, kHeldPause);
    }
  }
}

std::map<std::int32_t, std::set<std::int32_t>> Journal::take_items_to_look_at() {
  std::map<std::int32_t, std::set<std::int32_t>> due;
  for (auto& [item_no, held] : held_items_) {
    if (held.look_at > Clock::now()) continue;
    held.look_at = Clock::time_point::max();
    due[held.sale_no].insert(item_no);
  }
  return due;
}

std::vector<Journal::Delayed> Journal::take_due() {
  std::vector<Delayed> due;
  const auto now = Clock::now();
  if (is_delayed_in_hand_ || now < delayed_rest_until_) return due;
  for (std::size_t i = 0; i < delayed_.size() && due.size() < kDelayedAtOnce;) {
    if (delayed_[i].due > now) {
      ++i;
      continue;
    }
    due.push_back(std::move(delayed_[i]));
    delayed_[i] = std::move(delayed_.back());
    delayed_.pop_back();
  }
  is_delayed_in_hand_ = !due.empty();
  return due;
}

bool Journal::holds_back(const OrderLines& lines) const {
  const std::lock_guard lock(mutex_);
  return is_held(lines);
}

bool Journal::is_held(const OrderLines& lines) const {
  return !held_items_.empty() &&
         std::ranges::any_of(lines, [this](const OrderLine& line) { return held_items_.contains(line.item_no); });
}

void Journal::note_waiting() {
  held_back_.store(aside_.size(), std::memory_order_relaxed);
  metrics_.queue_depth("journal").Set(static_cast<double>(queue_.size() + aside_.size() + delayed_.size()));
}

/// Takes what is there of one sale, up to the bound, each id once: a second submission of an id stays queued for the
/// next batch.
std::vector<Journal::Submission> Journal::take_batch() {
  std::vector<Submission> batch;
  std::vector<Submission> repeated;
  std::unordered_set<OrderId, OrderIdHash> ids;
  while (!queue_.empty() && batch.empty()) {
    while (queue_.has_more() && batch.size() < batch_max_now_) {
      auto order = queue_.take();
      if (is_held(order.order.order.lines)) {
        aside_.push_back(std::move(order));
      } else {
        (ids.insert(order.order.order.id).second ? batch : repeated).push_back(std::move(order));
      }
    }
    queue_.end_turn();
  }
  queue_.push_front(std::move(repeated));
  // Whoever handed in orders of several sales has woken one worker.
  if (!queue_.empty()) wake_.notify_one();
  note_waiting();
  return batch;
}

/// What is free again goes to the front of the queue.
void Journal::look_at_items(postgres::OrderWriter& writer, std::int32_t sale_no, const std::set<std::int32_t>& items) {
  const auto held = writer.find_held_items(sale_no, items, postgres::Look::once);
  {
    const std::lock_guard lock(mutex_);
    for (const auto item_no : items) {
      if (!held || held->contains(item_no)) {
        held_items_[item_no] = {sale_no, Clock::now() + kHeldPause};
      } else {
        held_items_.erase(item_no);
      }
    }
    const auto free = std::stable_partition(aside_.begin(), aside_.end(),
                                            [this](const auto& s) { return is_held(s.order.order.lines); });
    queue_.push_front({std::make_move_iterator(free), std::make_move_iterator(aside_.end())});
    aside_.erase(free, aside_.end());
    note_waiting();
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
    const bool is_away = is_failure(results.error(), postgres::Failure::unavailable) && !took_long;
    if (!is_away && set_aside(writer, batch)) {
      if (batch.empty()) return;
      continue;
    }
    if (!wait_before_retry(pause)) return;
    pause = std::min(pause * 2, kRetryPauseMax);
    failures += took_long ? kFailuresBeforeHalving : 1;
    if (failures < kFailuresBeforeHalving || is_away) continue;
    failures = 0;
    if (batch.size() == 1) {
      const std::lock_guard lock(mutex_);
      return delay(std::move(batch.front()), false);
    }
    put_back(batch, batch.size() / 2, took_long && tells_of_size(results.error()));
  }
}

/// Orders of items that somebody keeps locked, and those whose own rows somebody keeps locked, wait until these are
/// free, without a worker. False: there are none.
bool Journal::set_aside(postgres::OrderWriter& writer, std::vector<Submission>& batch) {
  const auto sale_no = batch.front().order.order.id.sale_no();
  std::set<std::int32_t> items;
  std::set<OrderId> ids;
  for (const auto& submission : batch) {
    ids.insert(submission.order.order.id);
    for (const auto& line : submission.order.order.lines) items.insert(line.item_no);
  }
  const auto held_items = writer.find_held_items(sale_no, std::move(items), postgres::Look::patient);
  const auto held_orders = writer.find_held_orders(sale_no, std::move(ids), postgres::Look::patient);
  if (!held_items || !held_orders || (held_items->empty() && held_orders->empty())) return false;
  telemetry::log_warn("somebody holds rows, their orders wait",
                      {{"items", held_items->size()}, {"orders", held_orders->size()}});
  {
    const std::lock_guard lock(mutex_);
    for (const auto item_no : *held_items)
      held_items_.try_emplace(item_no, HeldItem{sale_no, Clock::now() + kHeldPause});
    std::vector<Submission> free;
    for (auto& submission : batch) {
      const auto& order = submission.order.order;
      if (held_orders->contains(order.id)) {
        delay(std::move(submission), true);
      } else if (is_held(order.lines)) {
        submission.may_exist = true;
        aside_.push_back(std::move(submission));
      } else {
        free.push_back(std::move(submission));
      }
    }
    batch = std::move(free);
    note_waiting();
  }
  // Who waits for something to do has to look at them in time.
  wake_.notify_all();
  return true;
}

/// Under the lock.
void Journal::delay(Submission submission, bool is_row_held) {
  submission.may_exist = true;
  delayed_.push_back({std::move(submission), is_row_held, kDelayMin, Clock::now() + kDelayMin});
}

/// Those of the orders whose rows somebody holds; those of a sale that cannot be asked count as held.
std::set<OrderId> Journal::find_held(postgres::OrderWriter& writer, const std::vector<Delayed>& delayed) {
  std::map<std::int32_t, std::set<OrderId>> sales;
  for (const auto& one : delayed) sales[one.submission.order.order.id.sale_no()].insert(one.submission.order.order.id);
  std::set<OrderId> all;
  for (auto& [sale_no, ids] : sales) {
    auto held = writer.find_held_orders(sale_no, ids, postgres::Look::once);
    all.merge(held ? *held : ids);
  }
  return all;
}

/// Rows that are free again go to the front of the queue. What fails by itself is written by itself, since it would
/// take others with it, and with brief waits, since it is known to take long.
void Journal::try_delayed(postgres::OrderWriter& writer, std::vector<Delayed> delayed) {
  const auto held = find_held(writer, delayed);
  const auto until = Clock::now() + kDelayedTurn;
  std::vector<Submission> free;
  std::vector<Delayed> left;
  for (auto& one : delayed) {
    const bool is_free = !held.contains(one.submission.order.order.id);
    if (is_free && one.is_row_held) {
      free.push_back(std::move(one.submission));
    } else if (is_free && Clock::now() >= until) {
      left.push_back(std::move(one));  // due in the next turn
    } else if (!is_free || !write_single(one.submission)) {
      one.pause = std::min(one.pause * 2, kDelayMax);
      one.due = Clock::now() + one.pause;
      left.push_back(std::move(one));
    }
  }
  {
    const std::lock_guard lock(mutex_);
    queue_.push_front(std::move(free));
    delayed_.insert(delayed_.end(), std::make_move_iterator(left.begin()), std::make_move_iterator(left.end()));
    is_delayed_in_hand_ = false;
    delayed_rest_until_ = Clock::now() + kBetweenDelayedTurns;
    note_waiting();
  }
  wake_.notify_all();
}

bool Journal::write_single(Submission& submission) {
  auto results = single_writer_.write(std::span(&submission.order, 1), true);
  if (!results) {
    metrics_.dependency_errors("postgres", "write_orders").Increment();
    telemetry::log_warn("an order could not be written yet",
                        {{"order", submission.order.order.id.to_string()}, {"error", results.error().message()}});
    return false;
  }
  FLASHSALE_FAULT_POINT("journal.after_commit");
  metrics_.batch_size("journal").Observe(1);
  std::vector<Submission> written;
  written.push_back(std::move(submission));
  deliver(written, *results);
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
    queue_.push_front({std::make_move_iterator(first), std::make_move_iterator(batch.end())});
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
