#pragma once
#include <cstdint>
#include <set>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// Leaves those whose rows somebody holds for longer than a batch takes. Blocking, for a third of a second at most
/// while PostgreSQL answers.
[[nodiscard]] Error keep_held(Session& session, std::set<std::int32_t>& item_nos);

}  // namespace flashsale::postgres
