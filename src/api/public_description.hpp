#pragma once
#include <string>
#include <string_view>

namespace flashsale::api {

/// openapi.yaml without what only the admin listener serves, and without the components that nothing else uses.
/// Start-up only.
[[nodiscard]] std::string public_description(std::string_view openapi);

}  // namespace flashsale::api
