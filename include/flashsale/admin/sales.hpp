#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/rehearsal.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/workers/stores.hpp"

/// What a merchant does to a sale. Blocking; every call may be repeated. PostgreSQL is written first and Redis is told
/// at once; what a crash leaves between the two, the pulse of any instance finishes.
namespace flashsale::admin {

/// Creates the sale and opens it in Redis. Empty: the id exists.
[[nodiscard]] Result<std::optional<Sale>> create_sale(workers::Stores& stores, const Sale& definition,
                                                      std::string_view who);

struct PatchedSale {
  postgres::PatchResult result;
  /// False: Redis, which decides what is sold, has not been told within half a second: it still goes by what was
  /// before. Every instance's pulse tells it as soon as it is there.
  bool is_told = true;
};
[[nodiscard]] Result<PatchedSale> patch_sale(workers::Stores& stores, std::string_view sale_id,
                                             const postgres::SalePatch& patch, std::string_view who);

/// Begins a rehearsal anew: its orders and payments are gone, in both stores. Orders that are under way meanwhile may
/// stand afterwards as the new one's first.
[[nodiscard]] Result<postgres::ResetResult> reset_rehearsal(workers::Stores& stores, std::string_view sale_id,
                                                            std::string_view who);

/// Tells every instance that the directory has moved. They would see it within a second anyway.
void announce(workers::Stores& stores);

struct StockResult {
  enum class Outcome : std::uint8_t { done, repeated, unknown_sale, unknown_item, not_enough, key_reused };
  Outcome outcome = Outcome::done;
  postgres::StockChange change;
  std::int64_t remaining = 0;  ///< when there is not enough
  bool is_told = true;         ///< as of a PatchedSale
};
/// Adds units, or takes unsold ones out (`delta` < 0). `change_id` makes a repeated call harmless (PROTOCOL R11, R12).
[[nodiscard]] Result<StockResult> change_stock(workers::Stores& stores, std::string_view sale_id, std::string_view sku,
                                               const OrderId& change_id, std::int64_t delta, std::string_view who);

}  // namespace flashsale::admin
