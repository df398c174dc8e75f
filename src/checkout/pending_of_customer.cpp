#include "flashsale/checkout/pending_of_customer.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/redis/pending_log.hpp"
#include "flashsale/redis/pulse.hpp"

namespace flashsale::checkout {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int32_t kSalesPage = 500;
/// In one round trip: bounds how long they hold Redis.
constexpr std::size_t kAskedAtOnce = 100;
constexpr std::int64_t kLogPage = 100;
constexpr std::chrono::milliseconds kPauseMin{10};
constexpr std::chrono::milliseconds kPauseMax{200};

/// Ever longer pauses, none past the end.
class Pauses {
 public:
  explicit Pauses(Clock::time_point until) : until_(until) {}

  /// False: the time is over.
  bool next() {
    if (Clock::now() >= until_) return false;
    std::this_thread::sleep_until(std::min(Clock::now() + pause_, until_));
    pause_ = std::min(pause_ * 2, kPauseMax);
    return true;
  }

 private:
  Clock::time_point until_;
  std::chrono::milliseconds pause_ = kPauseMin;
};

struct Log {
  std::string sale_id;
  std::int32_t sale_no = 0;
  std::int64_t epoch = 0;
};
struct Entry {
  Log log;
  std::string id;
};

Result<std::vector<Log>> logs_of_all_sales(postgres::Session& session) {
  std::vector<Log> logs;
  for (std::int32_t after = 0;;) {
    const auto sales = postgres::list_sales(session, after, kSalesPage);
    if (!sales) return sales.error();
    for (const auto& sale : *sales) {
      if (!sale.let_go) logs.push_back({sale.id, sale.sale_no, sale.epoch});
    }
    if (sales->size() < static_cast<std::size_t>(kSalesPage)) return logs;
    after = sales->back().sale_no;
  }
}

/// Finds the entries with orders of the customer, and waits until they are trimmed: then their rows are there. (A
/// rebuild deletes a log only when all of it is written.)
class Wait {
 public:
  Wait(workers::Stores& stores, std::string_view customer_id, Clock::time_point until)
      : stores_(stores), customer_id_(customer_id), until_(until) {}

  bool run() {
    auto logs = logs_of_all_sales(stores_.session());
    if (!logs || !find_used(std::move(*logs))) return false;
    for (const auto& log : used_) {
      if (!read(log)) return false;
    }
    return std::ranges::all_of(theirs_, [&](const Entry& entry) { return await_trimmed(entry); });
  }

 private:
  /// Of a sale that is being rebuilt, older logs may hold something: it is asked again.
  bool find_used(std::vector<Log> logs) {
    Pauses pauses(until_);
    for (;;) {
      std::vector<Log> not_served;
      for (std::size_t first = 0; first < logs.size(); first += kAskedAtOnce) {
        const auto count = std::min(kAskedAtOnce, logs.size() - first);
        if (!ask(std::span(logs).subspan(first, count), not_served)) return false;
      }
      if (not_served.empty()) return true;
      if (!pauses.next()) return false;
      for (auto& log : not_served) {
        const auto epoch = postgres::current_epoch(stores_.session(), log.sale_no);
        if (!epoch) return false;
        log.epoch = *epoch;
      }
      logs = std::move(not_served);
    }
  }

  bool ask(std::span<const Log> logs, std::vector<Log>& not_served) {
    std::vector<redis::Call<redis::PulseReply>> calls;
    for (const auto& log : logs) calls.push_back(redis::pulse(log.sale_id, log.epoch));
    const auto pulses = stores_.redis().ask_all<redis::PulseReply>(calls);
    if (!pulses) return false;
    for (std::size_t i = 0; i < logs.size(); ++i) {
      const auto& pulse = (*pulses)[i];
      if (!pulse) return false;
      if (pulse->lost) not_served.push_back(logs[i]);
      else if (pulse->log_entries > 0) used_.push_back(logs[i]);
    }
    return true;
  }

  bool read(const Log& log) {
    const auto is_theirs = [&](const Order& order) { return order.customer_id == customer_id_; };
    std::string after;
    while (Clock::now() < until_) {
      const auto page = stores_.redis().ask(redis::pending(log.sale_id, log.epoch, after, kLogPage));
      if (!page || page->unreadable > 0) return false;
      for (const auto& entry : page->entries) {
        if (std::ranges::any_of(entry.orders, is_theirs)) theirs_.push_back({log, entry.id});
      }
      if (page->size < static_cast<std::size_t>(kLogPage)) return true;
      after = page->last_id;
    }
    return false;
  }

  bool await_trimmed(const Entry& entry) {
    Pauses pauses(until_);
    for (;;) {
      const auto left = stores_.redis().ask(redis::pending_entry(entry.log.sale_id, entry.log.epoch, entry.id));
      if (!left) return false;
      if (left->size == 0) return true;
      if (!pauses.next()) return false;
    }
  }

  workers::Stores& stores_;
  std::string_view customer_id_;
  Clock::time_point until_;
  std::vector<Log> used_;
  std::vector<Entry> theirs_;
};

}  // namespace

bool await_rows_of(workers::Stores& stores, std::string_view customer_id, Clock::time_point until) {
  return Wait(stores, customer_id, until).run();
}

}  // namespace flashsale::checkout
