#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/admin/audited_item.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::admin {

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
