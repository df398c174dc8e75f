#pragma once
#include <string_view>

#include "flashsale/catalog/publisher.hpp"
#include "flashsale/postgres/flag_repository.hpp"

namespace flashsale::admin {

/// Sets a feature for every instance: each loads it with the directory, whose version it raises. Blocking; may be
/// repeated.
[[nodiscard]] Result<postgres::FlagRecord> set_flag(catalog::Publisher& stores, Feature feature, const Flag& flag,
                                                    std::string_view who);

}  // namespace flashsale::admin
