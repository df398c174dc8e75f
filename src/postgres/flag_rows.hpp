#pragma once
#include <vector>

#include "flashsale/postgres/flag_repository.hpp"
#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

[[nodiscard]] std::vector<FlagRecord> read_flag_records(pqxx::transaction_base& tx);

/// The same for evaluation.
[[nodiscard]] FeatureFlags read_feature_flags(pqxx::transaction_base& tx);

}  // namespace flashsale::postgres
