#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "flashsale/catalog/pending_work.hpp"
#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/order_writer.hpp"
#include "flashsale/redis/order_record.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::catalog {

/// Part of a rebuild: what Redis had accepted under older epochs becomes rows under the new one, and what no longer
/// fits becomes a rejected row. Both are what the snapshot that is read next will say.
class LogDrain {
 public:
  explicit LogDrain(workers::Stores& stores)
      : session_(stores.session()), writer_(stores.writer()), redis_(stores.redis()) {}

  /// Behind a fence that is closed for `new_epoch`, so that nothing is added any more.
  [[nodiscard]] Error drain(const Sale& sale, std::span<const std::int64_t> old_epochs, std::int64_t new_epoch);

 private:
  struct Page {
    const Sale& sale;
    std::int64_t old_epoch = 0;
    std::int64_t new_epoch = 0;
    std::vector<postgres::NewOrder> orders;  ///< collected, not written yet
  };
  [[nodiscard]] Error drain_epoch(const Sale& sale, std::int64_t old_epoch, std::int64_t new_epoch);
  [[nodiscard]] Error settle(Page& page, std::vector<redis::PendingEntry> entries);
  [[nodiscard]] Error carry_out(Page& page, WriteOrders work);
  [[nodiscard]] Error carry_out(Page& page, const ConfirmRetake& work);
  [[nodiscard]] Error carry_out(Page& page, const WriteWithdrawal& work);
  [[nodiscard]] Error write(Page& page);
  [[nodiscard]] Error write_once(const Sale& sale, std::span<postgres::NewOrder> orders);
  [[nodiscard]] Error refuse_those_above_limit(const Sale& sale, std::span<postgres::NewOrder> orders);
  [[nodiscard]] Error confirm(const Sale& sale, const Order& taken, std::int64_t new_epoch);

  postgres::Session& session_;
  postgres::OrderWriter& writer_;
  redis::SyncClient& redis_;
};

}  // namespace flashsale::catalog
