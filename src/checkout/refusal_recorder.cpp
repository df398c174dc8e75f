#include "flashsale/checkout/refusal_recorder.hpp"

#include <chrono>

#include "flashsale/postgres/error.hpp"

namespace flashsale::checkout {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

RefusalRecorder::RefusalRecorder(postgres::Options options)
    : session_(std::move(options), "refusals"), thread_(kInterval, [this] { write(); }) {}

RefusalRecorder::~RefusalRecorder() { stop(); }

void RefusalRecorder::stop() {
  if (thread_.is_stopping()) return;
  thread_.stop();
  write();
}

void RefusalRecorder::add(const std::vector<postgres::RefusalCount>& counts) {
  if (counts.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const auto& one : counts) unwritten_[{one.sale_no, one.reason}] += one.count;
}

void RefusalRecorder::write() {
  std::vector<postgres::RefusalCount> counts;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [what, count] : unwritten_) counts.push_back({what.first, what.second, count});
    unwritten_.clear();
  }
  const auto error = postgres::add_refusals(session_, counts);
  const bool nothing_written = error && error != postgres::make_error_code(postgres::Failure::outcome_unknown);
  if (nothing_written) add(counts);
}

}  // namespace flashsale::checkout
