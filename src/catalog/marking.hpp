#pragma once
#include <cstdint>
#include <map>
#include <memory>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/catalog/sold_out_marks.hpp"

/// When a sold-out mark holds from one pulse to the next (PROTOCOL R8), and what a sale shows by it.
namespace flashsale::catalog {

class UnpaidItems;

struct SoldOutMark {
  ItemState state;  ///< as of the last pulse
  std::shared_ptr<const OrderIdSet> ids;
  SteadyTime unsold_until{};          ///< whatever has come back since: until then by the clock here,
  TimePoint unsold_until_at_redis{};  ///< and until then by Redis's nothing of it is sold
};

/// The marks of one sale.
struct SaleMarks {
  std::int64_t epoch = 0;
  std::map<std::int32_t, SoldOutMark> items;  ///< by item_no
};

/// Takes marks that were loaded, if they are of the epoch that the sale has by now.
void adopt_marks(SaleMarks& marks, const SoldOutMarks& loaded, const Sale& sale);

/// Whether the ids of a mark are still all there are.
[[nodiscard]] bool still_holds(const SoldOutMark& mark, const SaleSnapshot& sale, const ItemLevels& level);

/// Gives the items the ids of those marks that still hold; the others die. `sale` as Redis has it by now.
void attach_marks(SaleMarks& marks, SaleSnapshot& sale);

/// Sold out, but not for good: a unit that is not paid for in time, or whose order is not written yet, may come back.
void mark_held(SaleSnapshot& sale, const UnpaidItems& unpaid);

}  // namespace flashsale::catalog
