#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <vector>

#include "flashsale/postgres/payment_repository.hpp"

namespace flashsale::catalog {

/// Which sold-out items have units that nobody has paid for yet, and so may sell again: asked by one thread, which
/// knows what is sold out, answered by another, which asks PostgreSQL. Until there is an answer an item may.
class UnpaidItems {
 public:
  /// All that are sold out now, and only they.
  void ask(std::span<const postgres::ItemOfSale> sold_out);
  [[nodiscard]] std::vector<postgres::ItemOfSale> asked() const;
  void answer(std::span<const postgres::ItemOfSale> asked, std::span<const std::int32_t> unpaid);
  [[nodiscard]] bool may_come_back(std::int32_t item_no) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::int32_t, std::int32_t> asked_;  ///< the sale of each item
  std::set<std::int32_t> all_paid_;             ///< of those that were asked about
};

}  // namespace flashsale::catalog
