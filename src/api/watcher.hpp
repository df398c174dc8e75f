#pragma once
#include <optional>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/identity/watch_links.hpp"

namespace flashsale::api {

/// Until when the caller may watch: the end of a link, or never for an admin of any role. Answers 401 itself and gives
/// nothing otherwise.
[[nodiscard]] std::optional<TimePoint> identify_watcher(Exchange& exchange, const ProcessParts& process,
                                                        const identity::WatchLinks& links);

}  // namespace flashsale::api
