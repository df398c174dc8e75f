#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/catalog/sold_out_marks.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/redis/pulse.hpp"
#include "marking.hpp"
#include "pulse_answer.hpp"
#include "unpaid_items.hpp"
#include "upkeep_needs.hpp"

namespace flashsale::catalog {

/// One sale between two beats of the pulse.
struct KnownSale {
  std::shared_ptr<const SaleSnapshot> last;  ///< never null, nor is its sale
  SaleMarks marks;
  SteadyTime next_at{};       ///< when it is asked about again
  SteadyTime all_items_at{};  ///< when its items are read whole again, whatever their state is called
  bool is_quiet = false;

  [[nodiscard]] const Sale& sale() const { return *last->sale; }
};

/// All sales as the directory and Redis have last told of them. Asks nobody; one thread.
class KnownSales {
 public:
  void adopt(const postgres::DirectoryChanges& changes);
  void adopt(const SoldOutMarks& marks);

  /// Those that are to be asked about now, in order of sale_no; the next adoption ends them. `redis_now`: Redis's
  /// clock.
  [[nodiscard]] std::vector<KnownSale*> take_due(SteadyTime now, TimePoint redis_now);
  /// Items of sales with payment of which nothing remains: of those it matters whether units are still unpaid.
  [[nodiscard]] std::vector<postgres::ItemOfSale> sold_out_items() const;

  [[nodiscard]] std::int64_t directory_version() const { return directory_version_; }
  /// A snapshot of them, without what is of the beat.
  [[nodiscard]] Snapshot snapshot() const;

 private:
  void make_index();

  std::map<std::int32_t, KnownSale> sales_;  ///< by sale_no
  std::vector<const KnownSale*> in_order_;   ///< of their creation
  OrderIdSalt order_salt_;
  std::int64_t directory_version_ = -1;
  std::shared_ptr<const Index> index_;
  std::shared_ptr<const FeatureFlags> flags_ = std::make_shared<const FeatureFlags>();
};

/// The state of the items to ask with, from now on known until the next answer; empty: all are asked for.
[[nodiscard]] std::string_view items_state_to_ask_with(KnownSale& known, SteadyTime now);

/// What is known of a sale with the reply; gives what has to be done for it.
[[nodiscard]] UpkeepNeeds take_answer(KnownSale& known, const redis::PulseReply& reply, const RedisClock& clock,
                                      const ExpectedServers& servers, const UnpaidItems& unpaid);

}  // namespace flashsale::catalog
