#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::admin {

struct AuditedItem {
  std::string sku;
  std::int64_t stock = 0;
  std::int64_t sold = 0;        ///< as PostgreSQL's item row counts it
  std::int64_t remaining = 0;   ///< in Redis
  std::int64_t pending = 0;     ///< units in the pending log that have no row yet
  std::int64_t live_units = 0;  ///< sum over the rows of live orders
  bool consistent = false;
  bool judged = false;     ///< nothing moved between the reads that would make the numbers say nothing
  std::int64_t drift = 0;  ///< units that both stores together have too many (or, negative, too few)
};

struct AuditReport {
  std::string sale_id;
  bool is_rehearsal = false;
  bool consistent = false;
  TimePoint checked_at{};
  std::vector<AuditedItem> items;
};

/// One look, without patience: an item that is not consistent may only be on its way.
[[nodiscard]] Result<AuditReport> look_at_sale(workers::Stores& stores, const Sale& sale);

/// Compares both stores (PROTOCOL R17), while the sale runs: Redis is read at a moment T, PostgreSQL after it without
/// the orders accepted after T, and an item is judged only if its version in Redis is the same before and after. What
/// cannot be judged, or does not add up because a change is on its way, is read again for up to `patience`. Empty: no
/// such sale. An error: it cannot be told.
[[nodiscard]] Result<std::optional<AuditReport>> audit_sale(workers::Stores& stores, std::string_view sale_id,
                                                            std::chrono::milliseconds patience);

}  // namespace flashsale::admin
