#include "log_trimmer.hpp"

#include <boost/asio/post.hpp>

#include "flashsale/model/check.hpp"
#include "flashsale/redis/pending_log.hpp"
#include "flashsale/telemetry/fault_point.hpp"

namespace flashsale::checkout {

void LogTrimmer::order_settled(LogEntry& entry) {
  FLASHSALE_CHECK(entry.unsettled > 0);
  if (--entry.unsettled > 0) return;
  settled_[{entry.sale_id, entry.epoch}].push_back(entry.entry_id);
  if (flush_posted_) return;
  flush_posted_ = true;
  boost::asio::post(context_, [self = shared_from_this()] { self->flush(); });
}

void LogTrimmer::flush() {
  flush_posted_ = false;
  for (const auto& [key, ids] : settled_) {
    FLASHSALE_FAULT_POINT("checkout.before_trim");
    redis_.ask(redis::trim(key.first, key.second, ids),
               [](const Result<std::int64_t>&) { FLASHSALE_FAULT_POINT("checkout.after_trim"); });
  }
  settled_.clear();
}

}  // namespace flashsale::checkout
