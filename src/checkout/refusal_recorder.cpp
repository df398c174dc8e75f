#include "flashsale/checkout/refusal_recorder.hpp"

#include <algorithm>
#include <utility>

#include "flashsale/postgres/error.hpp"

namespace flashsale::checkout {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kInterval{1};
/// What is not written by then waits for the next pass, or is lost at the end of the process.
constexpr std::chrono::seconds kPassMax{2};
/// So many sales that cannot be reached end a pass: PostgreSQL may be away.
constexpr int kUnreachableSales = 3;

}  // namespace

RefusalRecorder::RefusalRecorder(postgres::Options options)
    : session_(postgres::with_brief_waits(std::move(options)), "refusals"), thread_(kInterval, [this] { write(); }) {}

RefusalRecorder::~RefusalRecorder() { stop(); }

void RefusalRecorder::stop() {
  if (thread_.is_stopping()) return;
  thread_.stop();
  write();
}

void RefusalRecorder::add(const std::vector<postgres::RefusalCount>& counts) {
  if (counts.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const auto& one : counts) unwritten_[one.sale_no][one.reason] += one.count;
}

RefusalRecorder::Counts RefusalRecorder::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(unwritten_, {});
}

void RefusalRecorder::put_back(const Counts& counts) {
  const std::lock_guard lock(mutex_);
  for (const auto& [sale_no, reasons] : counts) {
    for (const auto& [reason, count] : reasons) unwritten_[sale_no][reason] += count;
  }
}

/// Those that failed come last, the one that did so long ago before the others.
std::vector<std::int32_t> RefusalRecorder::in_turn(const Counts& counts) const {
  std::vector<std::int32_t> sales;
  for (const auto& [sale_no, reasons] : counts) sales.push_back(sale_no);
  std::ranges::stable_sort(sales, {}, [this](std::int32_t sale_no) {
    const auto failed = failed_at_.find(sale_no);
    return failed == failed_at_.end() ? Clock::time_point::min() : failed->second;
  });
  return sales;
}

void RefusalRecorder::write() {
  auto counts = take();
  const auto until = Clock::now() + kPassMax;
  int unreachable = 0;
  for (const auto sale_no : in_turn(counts)) {
    if (Clock::now() >= until || unreachable >= kUnreachableSales) break;
    const auto error = postgres::add_refusals(session_, sale_no, counts.at(sale_no));
    if (error == postgres::make_error_code(postgres::Failure::unavailable)) ++unreachable;
    const bool nothing_written = error && error != postgres::make_error_code(postgres::Failure::outcome_unknown);
    if (nothing_written) {
      failed_at_[sale_no] = Clock::now();
    } else {
      failed_at_.erase(sale_no);
      counts.erase(sale_no);
    }
  }
  put_back(counts);
}

}  // namespace flashsale::checkout
