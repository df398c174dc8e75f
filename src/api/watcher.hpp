#pragma once
#include <optional>
#include <string_view>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/identity/watch_links.hpp"

namespace flashsale::api {

struct Watcher {
  TimePoint until = TimePoint::max();  ///< the end of a link
  std::string_view role;               ///< of an admin; `watch` for a link
};

/// Answers 401 itself and gives nothing where the caller may not watch.
[[nodiscard]] std::optional<Watcher> identify_watcher(Exchange& exchange, const ProcessParts& process,
                                                      const identity::WatchLinks& links);

}  // namespace flashsale::api
