#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::catalog {

enum class RebuildOutcome : std::uint8_t {
  published,
  superseded,  ///< somebody else did it, or is doing it
};

/// Opens or rebuilds a sale in Redis from what PostgreSQL says (PROTOCOL R1, R2, R3): raises the epoch from
/// `seen_epoch`, closes the fence, drains the pending log that survives, deletes what is left of old epochs, loads one
/// snapshot and publishes it. Blocking; may be repeated, and may run on several instances at once.
[[nodiscard]] Result<RebuildOutcome> rebuild(workers::Stores& stores, const Sale& sale, std::int64_t seen_epoch);

/// Keeps other instances from rebuilding a sale for some seconds at most, while it lives.
class RebuildLease {
 public:
  RebuildLease(workers::Stores& stores, std::string_view sale_id);
  ~RebuildLease();
  RebuildLease(const RebuildLease&) = delete;
  RebuildLease& operator=(const RebuildLease&) = delete;

  /// False: somebody else has it, or Redis is away.
  [[nodiscard]] bool is_held() const { return is_held_; }

 private:
  workers::Stores& stores_;
  std::string sale_id_;
  bool is_held_;
};

}  // namespace flashsale::catalog
