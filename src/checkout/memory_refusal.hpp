#pragma once
#include <optional>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/checkout/placement.hpp"

namespace flashsale::checkout {

/// Why this placement is refused without asking anybody, as far as that is sure: its sale's last pulse says that there
/// is no order of its key, and nothing for it (PROTOCOL R8, R9).
[[nodiscard]] std::optional<PlacementOutcome> refusal_from_memory(const Placement& placement, catalog::SteadyTime now);

}  // namespace flashsale::checkout
