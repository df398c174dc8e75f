#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/api/problem.hpp"
#include "flashsale/model/feature_flags.hpp"

namespace flashsale::api {

/// How a feature is to be set, or what is wrong with the body.
struct FlagBody {
  Flag flag;
  std::optional<ProblemType> problem;
  std::string detail;
};
/// `{"enabled":bool,"percent":0..100?,"sales":[ids]?}`. Without `percent` it is 100; without `sales`, or with null as
/// the answers have it, the setting is for all sales. An empty list is refused: one that a tool has left empty by
/// mistake would switch everything. The sales need not exist yet.
[[nodiscard]] FlagBody parse_flag_body(std::string_view body);

}  // namespace flashsale::api
