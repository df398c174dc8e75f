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

/// Until somebody looks again whether an item is still held. A rebuilt sale rests for half a second after its epoch was
/// raised: what waited for its items should be written by then.
constexpr std::chrono::milliseconds kHeldPause{150};
constexpr std::chrono::milliseconds kDelayMin{500};
constexpr std::chrono::milliseconds kDelayMax{2000};
/// One turn of delayed orders. Others have a third of that time, so that one worker alone still gets to them.
constexpr std::size_t kDelayedAtOnce = 64;
constexpr std::chrono::milliseconds kDelayedTurn{300};

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

/// Null if none of its orders is traced: those of a sweeper are not.
std::shared_ptr<const telemetry::BatchTrace> trace_of(const std::vector<Journal::Submission>& batch,
                                                      telemetry::TraceTime began, telemetry::TraceTime ended) {
  if (std::ranges::none_of(batch, [](const auto& submission) { return submission.order.trace.is_set(); }))
    return nullptr;
  auto trace = std::make_shared<telemetry::BatchTrace>();
  trace->kind = telemetry::BatchTrace::Kind::writing;
  trace->orders = batch.size();
  trace->began = began;
  trace->ended = ended;
  return trace;
}

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
  order.place = ++last_place_;
  queue.push_back(std::move(order));
  ++size_;
}

/// From the last, since most stand before all that have come since.
void Journal::SaleQueues::put_back(std::vector<Submission> orders) {
  for (auto order = orders.rbegin(); order != orders.rend(); ++order) {
    const auto sale_no = order->order.order.id.sale_no();
    auto& queue = queues_[sale_no];
    if (queue.empty()) turns_.push_front(sale_no);
    queue.insert(std::ranges::lower_bound(queue, order->place, {}, &Submission::place), std::move(*order));
    ++size_;
  }
}

bool Journal::SaleQueues::begin_turn(const std::function<bool(std::int32_t)>& may) {
  const auto next = std::ranges::find_if(turns_, may);
  if (next == turns_.end()) return false;
  std::rotate(turns_.begin(), next, next + 1);
  return true;
}

std::size_t Journal::SaleQueues::size_of(std::int32_t sale_no) const {
  const auto queue = queues_.find(sale_no);
  return queue == queues_.end() ? 0 : queue->second.size();
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
    if (!work->items.empty()) look_at_items(writer, work->sale_no, work->items);
    if (!work->delayed.empty()) try_delayed(writer, work->sale_no, std::move(work->delayed));
    if (!work->batch.empty()) write(writer, std::move(work->batch));
    end_work(work->sale_no);
  }
}

/// Waits until there is something to do. Nothing: it is over.
std::optional<Journal::Work> Journal::take_work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool is_empty = queue_.empty() && aside_.empty() && delayed_.empty();
    if (draining_ && (is_empty || Clock::now() >= drain_deadline_)) return std::nullopt;
    const auto looked_at = Clock::now();
    if (auto work = take_due_work()) return work;
    wait_for_work(lock, looked_at);
  }
}

std::optional<Journal::Work> Journal::take_due_work() {
  Work work;
  take_items_to_look_at(work);
  if (work.items.empty()) take_due(work);
  if (work.items.empty() && work.delayed.empty()) take_batch(work);
  const bool has_some = !work.items.empty() || !work.delayed.empty() || !work.batch.empty();
  if (has_some) troubles_.begin(work.sale_no, work.batch.size());
  note_waiting();
  return has_some ? std::optional(std::move(work)) : std::nullopt;
}

/// There was nothing to do at `looked_at`. At most until something may be done that nobody reports.
void Journal::wait_for_work(std::unique_lock<std::mutex>& lock, Clock::time_point looked_at) {
  auto until = troubles_.next_change(looked_at);
  const auto consider = [&](Clock::time_point at) { until = std::min(until.value_or(at), at); };
  if (!held_items_.empty() || !delayed_.empty()) consider(looked_at + kHeldPause);
  if (draining_) consider(drain_deadline_);
  if (until) wake_.wait_until(lock, *until);
  else wake_.wait(lock);
}

void Journal::end_work(std::int32_t sale_no) {
  const std::lock_guard lock(mutex_);
  troubles_.end(sale_no);
  // One of those that are put off may be tried now.
  if (!troubles_.none()) wake_.notify_all();
}

/// Those of one sale.
void Journal::take_items_to_look_at(Work& work) {
  const auto now = Clock::now();
  for (auto& [item_no, held] : held_items_) {
    const bool may_come = work.items.empty() ? troubles_.may_begin(held.sale_no, now) : held.sale_no == work.sale_no;
    if (held.look_at > now || !may_come) continue;
    held.look_at = Clock::time_point::max();
    work.sale_no = held.sale_no;
    work.items.insert(item_no);
  }
}

/// Those of one sale.
void Journal::take_due(Work& work) {
  const auto now = Clock::now();
  if (is_delayed_in_hand_ || now < delayed_rest_until_) return;
  auto& due = work.delayed;
  for (std::size_t i = 0; i < delayed_.size() && due.size() < kDelayedAtOnce;) {
    const auto sale_no = delayed_[i].submission.order.order.id.sale_no();
    const bool may_come = due.empty() ? troubles_.may_begin(sale_no, now) : sale_no == work.sale_no;
    if (delayed_[i].due > now || !may_come) {
      ++i;
      continue;
    }
    work.sale_no = sale_no;
    due.push_back(std::move(delayed_[i]));
    if (i + 1 < delayed_.size()) delayed_[i] = std::move(delayed_.back());
    delayed_.pop_back();
  }
  is_delayed_in_hand_ = !due.empty();
}

bool Journal::holds_back(std::int32_t sale_no, const OrderLines& lines) const {
  const std::lock_guard lock(mutex_);
  // What is there is tried again: without that nobody would learn that the sale is well.
  const bool has_some = queue_.size_of(sale_no) + troubles_.in_hand(sale_no) > 0;
  return is_held(lines) || (has_some && troubles_.waits_alone(sale_no));
}

bool Journal::is_held(const OrderLines& lines) const {
  return !held_items_.empty() &&
         std::ranges::any_of(lines, [this](const OrderLine& line) { return held_items_.contains(line.item_no); });
}

void Journal::note_waiting() {
  auto held_back = aside_.size();
  for (const auto sale_no : troubles_.waiting_alone())
    held_back += queue_.size_of(sale_no) + troubles_.in_hand(sale_no);
  held_back_.store(held_back, std::memory_order_relaxed);
  metrics_.queue_depth("journal").Set(static_cast<double>(queue_.size() + aside_.size() + delayed_.size()));
}

/// Those that are put off for long come when others have nothing to be written.
bool Journal::begin_turn() {
  const auto now = Clock::now();
  using Others = SaleTroubles::Others;
  return queue_.begin_turn([&](std::int32_t sale_no) { return troubles_.may_begin(sale_no, now, Others::first); }) ||
         queue_.begin_turn(
             [&](std::int32_t sale_no) { return troubles_.may_begin(sale_no, now, Others::have_nothing); });
}

/// Takes what is there of one sale, up to the bound, each id once: a second submission of an id stays queued for the
/// next batch.
void Journal::take_batch(Work& work) {
  std::vector<Submission> repeated;
  std::unordered_set<OrderId, OrderIdHash> ids;
  while (work.batch.empty() && begin_turn()) {
    work.sale_no = queue_.sale_no();
    const auto most = troubles_.batch_max(work.sale_no);
    while (queue_.has_more() && work.batch.size() < most) {
      auto order = queue_.take();
      if (is_held(order.order.order.lines)) {
        aside_.push_back(std::move(order));
      } else {
        (ids.insert(order.order.order.id).second ? work.batch : repeated).push_back(std::move(order));
      }
    }
    queue_.end_turn();
  }
  queue_.put_back(std::move(repeated));
  // Whoever handed in orders of several sales has woken one worker.
  if (!work.batch.empty() && !queue_.empty()) wake_.notify_one();
}

/// What is free again goes back to where it stood.
void Journal::look_at_items(postgres::OrderWriter& writer, std::int32_t sale_no, const std::set<std::int32_t>& items) {
  const auto began = Clock::now();
  const auto held = writer.find_held_items(sale_no, items, postgres::Look::once);
  {
    const std::lock_guard lock(mutex_);
    note_look(sale_no, began, !held);
    for (const auto item_no : items) {
      if (!held || held->contains(item_no)) {
        held_items_[item_no] = {sale_no, Clock::now() + kHeldPause};
      } else {
        held_items_.erase(item_no);
      }
    }
    const auto free = std::stable_partition(aside_.begin(), aside_.end(),
                                            [this](const auto& s) { return is_held(s.order.order.lines); });
    queue_.put_back({std::make_move_iterator(free), std::make_move_iterator(aside_.end())});
    aside_.erase(free, aside_.end());
    note_waiting();
  }
  wake_.notify_all();
}

void Journal::write(postgres::OrderWriter& writer, std::vector<Submission> batch) {
  const bool may_exist = std::any_of(batch.begin(), batch.end(), [](const Submission& s) { return s.may_exist; });
  std::vector<postgres::NewOrder> orders;
  orders.reserve(batch.size());
  for (const auto& submission : batch) orders.push_back(submission.order);
  const auto began = Clock::now();
  auto results = writer.write(orders, may_exist);
  const auto ended = Clock::now();
  const auto took = ended - began;
  if (results) {
    FLASHSALE_FAULT_POINT("journal.after_commit");
    metrics_.batch_size("journal").Observe(static_cast<double>(batch.size()));
    metrics_.dependency_seconds("postgres", "write_orders").Observe(std::chrono::duration<double>(took).count());
    note_written(batch);
    return deliver(batch, *results, began, ended);
  }
  metrics_.dependency_errors("postgres", "write_orders").Increment();
  telemetry::log_warn("orders could not be written yet", {{"orders", batch.size()},
                                                          {"error", results.error().message()},
                                                          {"trace_id", batch.front().order.trace.trace_id}});
  for (auto& submission : batch) submission.may_exist = true;
  // PostgreSQL is there, but this is too much for it, or one order of it: the rest must not wait for that. Who was
  // at it for so long was there, too, although the call's connection was cut in the end.
  const bool took_long = took >= options_.postgres.statement_timeout;
  const bool is_away = is_failure(results.error(), postgres::Failure::unavailable) && !took_long;
  if (!is_away && set_aside(writer, batch)) return;
  put_off(std::move(batch), {.orders = orders.size(),
                             .took = Clock::now() - began,
                             .is_away = is_away,
                             .took_long = took_long,
                             .was_too_much = took_long && tells_of_size(results.error())});
}

void Journal::note_written(const std::vector<Submission>& batch) {
  const std::lock_guard lock(mutex_);
  troubles_.written(batch.front().order.order.id.sale_no(), Clock::now(), batch.size());
}

/// The batch goes back to where it stood, until its sale is tried again.
void Journal::put_off(std::vector<Submission> batch, const SaleTroubles::Failed& how) {
  const std::lock_guard lock(mutex_);
  const auto next = troubles_.failed(batch.front().order.order.id.sale_no(), Clock::now(), how);
  if (next == SaleTroubles::Next::alone) delay(std::move(batch.front()), false);
  else queue_.put_back(std::move(batch));
  note_waiting();
}

/// Orders of items that somebody keeps locked, and those whose own rows somebody keeps locked, wait until these are
/// free, without a worker; the others go back to the queue, and are tried at once. False: there are none.
bool Journal::set_aside(postgres::OrderWriter& writer, std::vector<Submission>& batch) {
  const auto sale_no = batch.front().order.order.id.sale_no();
  std::set<std::int32_t> items;
  std::set<OrderId> ids;
  for (const auto& submission : batch) {
    ids.insert(submission.order.order.id);
    for (const auto& line : submission.order.order.lines) items.insert(line.item_no);
  }
  const auto held_items = writer.find_held_items(sale_no, std::move(items), postgres::Look::patient);
  if (!held_items) return false;
  const auto held_orders = writer.find_held_orders(sale_no, std::move(ids), postgres::Look::patient);
  if (!held_orders || (held_items->empty() && held_orders->empty())) return false;
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
        aside_.push_back(std::move(submission));
      } else {
        free.push_back(std::move(submission));
      }
    }
    queue_.put_back(std::move(free));
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

/// Rows that are free again go back to the queue. What fails by itself is written by itself, since it would take others
/// with it, and with brief waits, since it is known to take long.
void Journal::try_delayed(postgres::OrderWriter& writer, std::int32_t sale_no, std::vector<Delayed> delayed) {
  const auto began = Clock::now();
  std::set<OrderId> ids;
  for (const auto& one : delayed) ids.insert(one.submission.order.order.id);
  const auto held = writer.find_held_orders(sale_no, std::move(ids), postgres::Look::once);
  std::vector<Submission> free;
  std::vector<Delayed> left;
  for (auto& one : delayed) {
    const bool is_free = held && !held->contains(one.submission.order.order.id);
    if (is_free && one.is_row_held) {
      free.push_back(std::move(one.submission));
    } else if (is_free && Clock::now() >= began + kDelayedTurn) {
      left.push_back(std::move(one));  // due in the next turn
    } else if (!is_free || !write_single(one.submission)) {
      one.pause = std::min(one.pause * 2, kDelayMax);
      one.due = Clock::now() + one.pause;
      left.push_back(std::move(one));
    }
  }
  {
    const std::lock_guard lock(mutex_);
    note_look(sale_no, began, !held);
    queue_.put_back(std::move(free));
    delayed_.insert(delayed_.end(), std::make_move_iterator(left.begin()), std::make_move_iterator(left.end()));
    is_delayed_in_hand_ = false;
    delayed_rest_until_ = Clock::now() + (Clock::now() - began) / 3;
    note_waiting();
  }
  wake_.notify_all();
}

bool Journal::write_single(Submission& submission) {
  const auto began = Clock::now();
  auto results = single_writer_.write(std::span(&submission.order, 1), true);
  if (!results) {
    metrics_.dependency_errors("postgres", "write_orders").Increment();
    telemetry::log_warn("an order could not be written yet", {{"order", submission.order.order.id.to_string()},
                                                              {"error", results.error().message()},
                                                              {"trace_id", submission.order.trace.trace_id}});
    return false;
  }
  FLASHSALE_FAULT_POINT("journal.after_commit");
  metrics_.batch_size("journal").Observe(1);
  std::vector<Submission> written;
  written.push_back(std::move(submission));
  note_written(written);
  deliver(written, *results, began, Clock::now());
  return true;
}

/// Under the lock. A sale that cannot even be asked what is held is put off like one that cannot be written.
void Journal::note_look(std::int32_t sale_no, Clock::time_point began, bool has_failed) {
  const auto now = Clock::now();
  if (has_failed) (void)troubles_.failed(sale_no, now, {.took = now - began, .is_away = true});
  else troubles_.answered(sale_no);
}

void Journal::deliver(std::vector<Submission>& batch, std::vector<postgres::WriteResult>& results,
                      Clock::time_point began, Clock::time_point ended) {
  const auto trace = trace_of(batch, began, ended);
  std::map<Settlement*, std::vector<SettledOrder>> by_owner;
  std::map<postgres::WriteOutcome, int> counts;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    ++counts[results[i].outcome];
    by_owner[batch[i].owner].push_back({batch[i].token, std::move(results[i]), trace});
  }
  for (const auto& [outcome, count] : counts) metrics_.orders_written(outcome_label(outcome)).Increment(count);
  for (auto& [owner, orders] : by_owner) owner->settled(std::move(orders));
}

}  // namespace flashsale::checkout
