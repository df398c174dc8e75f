#pragma once
#include <string>
#include <string_view>

#include "flashsale/postgres/behaviour_repository.hpp"

namespace flashsale::api {

/// How many of these customers are in each band, as a member of a JSON object.
void append_behaviour_bands(std::string& out, std::string_view name, const postgres::BehaviourBands& bands);

}  // namespace flashsale::api
