#include "flashsale/checkout/refusal_recorder.hpp"

#include <chrono>

#include "flashsale/postgres/error.hpp"

namespace flashsale::checkout {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

RefusalRecorder::RefusalRecorder(postgres::Options options) : session_(std::move(options), "refusals") {}

RefusalRecorder::~RefusalRecorder() { stop(); }

void RefusalRecorder::start() {
  thread_ = std::thread([this] { run(); });
}

void RefusalRecorder::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RefusalRecorder::add(const std::vector<postgres::RefusalCount>& counts) {
  if (counts.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const auto& one : counts) unwritten_[{one.sale_no, one.reason}] += one.count;
}

void RefusalRecorder::run() {
  for (bool is_last = false; !is_last;) {
    {
      std::unique_lock lock(mutex_);
      is_last = wake_.wait_for(lock, kInterval, [this] { return stopping_; });
    }
    write();
  }
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
