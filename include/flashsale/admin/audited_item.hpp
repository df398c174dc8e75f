#pragma once
#include <cstdint>
#include <string>

#include "flashsale/model/sale.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/redis/item_level.hpp"

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

/// What Redis had of an item before PostgreSQL was read, and afterwards; null: nothing.
struct LevelsAround {
  const redis::ItemLevel* before = nullptr;
  const redis::ItemLevel* after = nullptr;
  TimePoint before_at{}, after_at{};  ///< by Redis's clock
};

/// Units of the pending log that have no row yet.
struct UnwrittenUnits {
  std::int64_t ordered = 0;
  std::int64_t withdrawn = 0;
};

/// Holds both stores against each other, over values alone (PROTOCOL R17).
[[nodiscard]] AuditedItem judge(const Item& item, const postgres::ItemAudit& row, const LevelsAround& levels,
                                const UnwrittenUnits& unwritten);

}  // namespace flashsale::admin
