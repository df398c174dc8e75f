#pragma once
#include <chrono>
#include <cstdint>
#include <string_view>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

struct ExportLimits {
  std::int32_t chunk = 250;                     ///< rows that are in memory at once
  std::chrono::milliseconds time_max{300'000};  ///< Failure::timed_out after it
};

/// What read_snapshot does, for a reader that may be slow. PostgreSQL puts the rows of one moment aside and serves the
/// reader from there, so that no snapshot is held while it waits: a hot item's row is pruned all the same. The
/// `sale` callback is not called for an id that does not exist. `reader.sale` comes when the rows are ready.
[[nodiscard]] Error export_orders(Session& session, std::string_view sale_id, const SnapshotReader& reader,
                                  const ExportLimits& limits = {});

}  // namespace flashsale::postgres
