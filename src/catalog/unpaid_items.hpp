#pragma once
#include <cstdint>
#include <mutex>
#include <set>
#include <span>
#include <vector>

namespace flashsale::catalog {

/// Which sold-out items have units that nobody has paid for yet, and so may sell again: asked by one thread, which
/// knows what is sold out, answered by another, which asks PostgreSQL. Until there is an answer an item may.
class UnpaidItems {
 public:
  /// All that are sold out now, and only they.
  void ask(std::span<const std::int32_t> sold_out);
  [[nodiscard]] std::vector<std::int32_t> asked() const;
  void answer(std::span<const std::int32_t> asked, std::span<const std::int32_t> unpaid);
  [[nodiscard]] bool may_come_back(std::int32_t item_no) const;

 private:
  mutable std::mutex mutex_;
  std::set<std::int32_t> asked_;
  std::set<std::int32_t> all_paid_;  ///< of those that were asked about
};

}  // namespace flashsale::catalog
