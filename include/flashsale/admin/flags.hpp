#pragma once
#include <string_view>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/flag_repository.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::admin {

/// Sets a feature for every instance: each loads it with the directory, whose version it raises. Blocking; may be
/// repeated.
[[nodiscard]] Result<postgres::FlagRecord> set_flag(workers::Stores& stores, Feature feature, const Flag& flag,
                                                    std::string_view who);

}  // namespace flashsale::admin
