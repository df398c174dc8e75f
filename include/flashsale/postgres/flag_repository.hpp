#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "flashsale/model/feature_flags.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// A feature that somebody has set.
struct FlagRecord {
  Feature feature = Feature::checkout;
  Flag flag;
  TimePoint changed_at{};
};

/// Those that were ever set, as far as this binary knows them, in order of their names.
[[nodiscard]] Result<std::vector<FlagRecord>> list_flags(Session& session);

struct FlagChange {
  FlagRecord record;
  std::int64_t directory_version = 0;  ///< raised by the change: whoever has loaded it has the flag
};
/// Sets the feature, writes one log row and raises the directory version. `flag.sales` are valid identifiers, in order.
[[nodiscard]] Result<FlagChange> put_flag(Session& session, Feature feature, const Flag& flag, std::string_view who);

}  // namespace flashsale::postgres
