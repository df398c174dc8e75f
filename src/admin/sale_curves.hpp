#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "flashsale/admin/forecasts.hpp"
#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/forecast/prior.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::admin {

/// Numbers of the sales whose curves may say something of this one: those that are over or rehearsals, and that begin
/// before it; the one that begins last comes first. A few.
[[nodiscard]] std::vector<std::int32_t> earlier_sales(const catalog::Snapshot& snapshot, const Sale& sale,
                                                      TimePoint now);

/// What is known of a sale before anybody comes: the curve of its own last run, if it is a rehearsal that was reset, or
/// else that of the first of earlier_sales() to which enough came.
[[nodiscard]] Result<forecast::Prior> find_prior(postgres::Session& session, const catalog::Snapshot& snapshot,
                                                 const Sale& sale, TimePoint now);

/// Empty: nobody came to it, or nobody counted.
[[nodiscard]] Result<std::optional<SaleHindsight>> look_back(postgres::Session& session,
                                                             const catalog::Snapshot& snapshot, const Sale& sale,
                                                             TimePoint now);

}  // namespace flashsale::admin
