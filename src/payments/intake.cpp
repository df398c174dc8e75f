#include "flashsale/payments/intake.hpp"

#include <set>
#include <utility>

#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/trace_scope.hpp"

namespace flashsale::payments {
namespace {

/// Enough to share a commit; few enough that the first one does not wait long for the last.
constexpr std::size_t kTogetherMax = 64;
/// How many of those that wait are looked at for more of the first one's sale.
constexpr std::size_t kLookedAtMax = 256;
constexpr std::chrono::milliseconds kRedisSilence{500};

/// What each of them alone would meet too.
bool is_of_all(const Error& error) {
  using postgres::Failure;
  return error == make_error_code(Failure::unavailable) || error == make_error_code(Failure::timed_out) ||
         error == make_error_code(Failure::outcome_unknown);
}

}  // namespace

Intake::Intake(workers::OperationPool& pool, catalog::Upkeep& upkeep, RedisAge redis_age)
    : pool_(pool), upkeep_(upkeep), redis_age_(std::move(redis_age)) {}

bool Intake::submit(postgres::ToldPayment told, Done done) {
  // The thread that is woken waits until the message is there.
  const std::lock_guard lock(mutex_);
  if (!wake_thread()) return false;
  const bool is_alone = !told.event.succeeded;
  waiting_.push_back({std::move(told), std::move(done), is_alone});
  return true;
}

void Intake::stop() {
  std::deque<Waiting> dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(waiting_);
}

bool Intake::wake_thread() {
  return pool_.submit([this](workers::Stores& stores) { carry_out(stores); });
}

/// The oldest one and, if it may go with others, those that may go with it: of its sale, each of another order. Empty:
/// another thread has taken it along.
Intake::Batch Intake::take() {
  const std::lock_guard lock(mutex_);
  Batch taken;
  std::set<OrderId> orders;
  std::deque<Waiting> passed;
  for (std::size_t looked_at = 0; !waiting_.empty() && looked_at < kLookedAtMax; ++looked_at) {
    auto& next = waiting_.front();
    const auto& order_id = next.told.event.order_id;
    const bool fits =
        taken.empty() || (!next.is_alone && order_id.sale_no() == taken.front().told.event.order_id.sale_no());
    if (fits && orders.insert(order_id).second) taken.push_back(std::move(next));
    else passed.push_back(std::move(next));
    waiting_.pop_front();
    if (taken.front().is_alone || taken.size() == kTogetherMax) break;
  }
  for (; !passed.empty(); passed.pop_back()) waiting_.push_front(std::move(passed.back()));
  return taken;
}

void Intake::carry_out(workers::Stores& stores) {
  auto left = take();
  if (!left.empty() && !left.front().is_alone) left = confirm(stores, std::move(left));
  // There are free threads for many that take long each.
  if (left.size() > 1) left = hand_on(std::move(left));
  for (auto& one : left) carry_out(stores, one);
}

void Intake::carry_out(workers::Stores& stores, Waiting& one) {
  const telemetry::TraceScope scope(one.told.cause);
  // While Redis is silent each call of it takes its time, and the next message may be one that needs none.
  const auto promptness = redis_age_() < kRedisSilence ? Promptness::at_once : Promptness::later;
  one.done(receive(stores, upkeep_, one.told.event, promptness));
}

/// Those that are to be carried out one by one.
Intake::Batch Intake::confirm(workers::Stores& stores, Batch batch) {
  std::vector<postgres::ToldPayment> told;
  for (const auto& one : batch) told.push_back(one.told);
  auto confirmed = postgres::confirm_payments(stores.session(), told);
  Batch left;
  for (std::size_t place = 0; place < batch.size(); ++place) {
    if (!confirmed && is_of_all(confirmed.error())) batch[place].done(confirmed.error());
    else if (confirmed && (*confirmed)[place]) batch[place].done(*std::move((*confirmed)[place]));
    else left.push_back(std::move(batch[place]));
  }
  return left;
}

/// Those for which there is no room in the queue.
Intake::Batch Intake::hand_on(Batch left) {
  const std::lock_guard lock(mutex_);
  while (!left.empty() && wake_thread()) {
    left.back().is_alone = true;
    waiting_.push_front(std::move(left.back()));
    left.pop_back();
  }
  return left;
}

}  // namespace flashsale::payments
