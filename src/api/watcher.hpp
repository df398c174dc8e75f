#pragma once
#include <optional>
#include <string_view>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/identity/watch_links.hpp"

namespace flashsale::api {

struct Watcher {
  TimePoint until = TimePoint::max();  ///< the end of the link, or of the admin's token
  std::string_view role;               ///< of an admin; kRoleOfLink for a link
};
inline constexpr std::string_view kRoleOfLink = "watch";

/// Who may watch: whoever has a link, or an admin of any role. Answers 401 itself and gives nothing otherwise.
[[nodiscard]] std::optional<Watcher> identify_watcher(Exchange& exchange, const ProcessParts& process,
                                                      const identity::WatchLinks& links);

}  // namespace flashsale::api
