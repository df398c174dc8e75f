#pragma once
#include <string>
#include <string_view>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// Writes into the log of changes that somebody has looked at what names customers. `change` is JSON. The log is never
/// changed and outlives an erasure: no argument may name a customer.
[[nodiscard]] Error record_access(Session& session, std::string_view who, std::string_view action,
                                  std::string_view subject, std::string_view change = "{}");

}  // namespace flashsale::postgres
