#include "flashsale/catalog/upkeep.hpp"

#include <algorithm>
#include <utility>

#include "flashsale/catalog/change_push.hpp"
#include "flashsale/catalog/rebuild.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/redis/known_orders.hpp"
#include "flashsale/redis/pulse.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::catalog {
namespace {

constexpr std::chrono::milliseconds kPauseAfterFailure{200};
/// A rebuild that fails costs both stores something each time; twice the pause before, up to this.
constexpr std::chrono::milliseconds kPauseAfterFailureMax{3200};
/// Reading the ids of a sold-out sale takes at most this share of an upkeep thread's time.
constexpr int kMarksRestFactor = 5;

}  // namespace

Upkeep::Upkeep(Options options, telemetry::Metrics& metrics) : options_(std::move(options)), metrics_(metrics) {}

Upkeep::~Upkeep() { stop(); }

void Upkeep::start(Listener listener) {
  listener_ = std::move(listener);
  for (unsigned i = 0; i < options_.threads; ++i) threads_.emplace_back([this, i] { run(i); });
}

void Upkeep::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Upkeep::request(std::shared_ptr<const Sale> sale, const std::function<void(Work&)>& add) {
  {
    const std::lock_guard lock(mutex_);
    const auto sale_no = sale->sale_no;
    const auto [place, is_new] = waiting_.try_emplace(sale_no);
    if (is_new) order_.push_back(sale_no);
    place->second.sale = std::move(sale);
    add(place->second);
  }
  wake_.notify_one();
}

bool Upkeep::rests(const std::map<std::int32_t, SteadyTime>& not_before, std::int32_t sale_no) {
  const std::lock_guard lock(mutex_);
  const auto found = not_before.find(sale_no);
  return found != not_before.end() && std::chrono::steady_clock::now() < found->second;
}

void Upkeep::rest(std::map<std::int32_t, SteadyTime>& not_before, std::int32_t sale_no, Duration duration) {
  const std::lock_guard lock(mutex_);
  not_before[sale_no] = std::chrono::steady_clock::now() + duration;
}

std::chrono::milliseconds Upkeep::pause_after_rebuild(std::int32_t sale_no, bool done) {
  const std::lock_guard lock(mutex_);
  auto& pause = rebuild_pauses_[sale_no];
  pause = done ? std::chrono::milliseconds(0) : std::clamp(pause * 2, kPauseAfterFailure, kPauseAfterFailureMax);
  return pause;
}

void Upkeep::request_rebuild(std::shared_ptr<const Sale> sale) {
  if (rests(rebuild_not_before_, sale->sale_no)) return;
  request(std::move(sale), [](Work& work) { work.rebuild = true; });
}
void Upkeep::request_correction(std::shared_ptr<const Sale> sale, std::int64_t epoch) {
  request(std::move(sale), [epoch](Work& work) { work.correct_epoch = std::max(work.correct_epoch, epoch); });
}
void Upkeep::request_definition_push(std::shared_ptr<const Sale> sale) {
  request(std::move(sale), [](Work& work) { work.push_definition = true; });
}
void Upkeep::request_stock_push(std::shared_ptr<const Sale> sale, std::int32_t item_no) {
  request(std::move(sale), [item_no](Work& work) { work.push_stock.insert(item_no); });
}
void Upkeep::request_marks(std::shared_ptr<const Sale> sale) {
  if (rests(marks_not_before_, sale->sale_no)) return;
  request(std::move(sale), [](Work& work) { work.load_marks = true; });
}

void Upkeep::run(unsigned thread_no) {
  workers::Stores stores(options_.postgres, options_.redis, "upkeep-" + std::to_string(thread_no), metrics_);
  std::unique_lock lock(mutex_);
  for (;;) {
    auto next = order_.end();
    wake_.wait_for(lock, kPauseAfterFailure, [&] {
      const auto now = std::chrono::steady_clock::now();
      next = std::find_if(order_.begin(), order_.end(),
                          [&](std::int32_t no) { return !in_hand_.contains(no) && waiting_.at(no).not_before <= now; });
      return stopping_ || next != order_.end();
    });
    if (stopping_) return;
    if (next == order_.end()) continue;
    const auto sale_no = *next;
    order_.erase(next);
    const Work work = std::move(waiting_.at(sale_no));
    waiting_.erase(sale_no);
    in_hand_.insert(sale_no);
    lock.unlock();
    perform(stores, work);
    lock.lock();
    in_hand_.erase(sale_no);
    wake_.notify_one();
  }
}

void Upkeep::perform(workers::Stores& stores, const Work& work) {
  if (work.rebuild || work.correct_epoch >= 0) return rebuild(stores, work.sale, work.correct_epoch);
  if (work.push_definition) {
    const auto outcome = push_definition(stores, *work.sale);
    if (outcome && *outcome == PushOutcome::lost) return rebuild(stores, work.sale);
  }
  for (const auto item_no : work.push_stock) {
    const auto outcome = push_stock(stores, *work.sale, item_no);
    if (outcome && *outcome == PushOutcome::lost) return rebuild(stores, work.sale);
  }
  if (work.load_marks) load_marks(stores, *work.sale);
}

void Upkeep::rebuild(workers::Stores& stores, const std::shared_ptr<const Sale>& sale, std::int64_t correct_epoch) {
  bool done = false;
  auto pause = kPauseAfterFailure;
  // Somebody may be at it, or Redis away.
  if (const RebuildLease lease(stores, sale->id); lease.is_held()) {
    done = rebuild_under_lease(stores, *sale, correct_epoch);
    pause = pause_after_rebuild(sale->sale_no, done);
  }
  if (!done) {
    rest(rebuild_not_before_, sale->sale_no, pause);
    // A sale that is lost is asked for again by the next pulse; drift no pulse can see.
    const auto not_before = std::chrono::steady_clock::now() + pause;
    if (correct_epoch >= 0) {
      request(sale, [correct_epoch, not_before](Work& work) {
        work.correct_epoch = std::max(work.correct_epoch, correct_epoch);
        work.not_before = not_before;
      });
    }
  }
  if (listener_.directory_moved) listener_.directory_moved();
}

bool Upkeep::rebuild_under_lease(workers::Stores& stores, const Sale& sale, std::int64_t correct_epoch) {
  const auto epoch = postgres::current_epoch(stores.session(), sale.sale_no);
  if (!epoch) return false;
  // Whoever asked may have looked at an epoch that is no longer the newest, or before another instance was done.
  if (correct_epoch != *epoch && is_served(stores, sale, *epoch)) return true;
  const auto outcome = catalog::rebuild(stores, sale, *epoch);
  if (outcome) return true;
  metrics_.rebuilds("failed").Increment();
  telemetry::log_warn("sale could not be rebuilt", {{"sale", sale.id}, {"error", outcome.error().message()}});
  return false;
}

bool Upkeep::is_served(workers::Stores& stores, const Sale& sale, std::int64_t epoch) {
  if (stores.redis().check_identity()) return false;
  const auto pulse = stores.redis().ask(redis::pulse(sale.id, epoch));
  return pulse && !pulse->lost && pulse->identity == stores.redis().identity() &&
         pulse->items.size() == sale.items.size() && pulse->postgres_identity == stores.session().server_identity();
}

void Upkeep::load_marks(workers::Stores& stores, const Sale& sale) {
  const auto started = std::chrono::steady_clock::now();
  read_marks(stores, sale);
  rest(marks_not_before_, sale.sale_no, (std::chrono::steady_clock::now() - started) * kMarksRestFactor);
}

void Upkeep::read_marks(workers::Stores& stores, const Sale& sale) {
  auto& client = stores.redis();
  const auto pulse = [&] { return client.ask(redis::pulse(sale.id, sale.epoch)); };
  const auto before = pulse();
  if (!before || before->lost) return;
  std::vector<std::uint64_t> hashes;
  hashes.reserve(static_cast<std::size_t>(before->order_records));
  std::string cursor = "0";
  do {
    auto page = client.ask(redis::scan_orders(sale.id, sale.epoch, cursor));
    if (!page) return;
    hashes.insert(hashes.end(), page->hashes.begin(), page->hashes.end());
    cursor = std::move(page->next_cursor);
  } while (cursor != "0");
  const auto after = pulse();
  if (!after || after->lost) return;

  SoldOutMarks marks{sale.sale_no, sale.epoch, std::make_shared<const OrderIdSet>(hashes), {}};
  for (std::size_t i = 0; i < before->items.size() && i < after->items.size(); ++i) {
    const auto& old = before->items[i];
    const auto& now = after->items[i];
    const ItemState state{now.version, now.remaining};
    const bool steady = old.item_no == now.item_no && ItemState{old.version, old.remaining} == state;
    // What rests at the moment is judged by who knows the time.
    const bool may_rest = now.sells_from != from_unix_us(0);
    if (steady && (now.remaining == 0 || may_rest)) marks.items[now.item_no] = state;
  }
  if (listener_.marks_loaded) listener_.marks_loaded(std::move(marks));
}

}  // namespace flashsale::catalog
