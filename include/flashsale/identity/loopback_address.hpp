#pragma once
#include <string_view>

namespace flashsale::identity {

/// Of this machine itself. False for a text that is no address.
[[nodiscard]] bool is_loopback_address(std::string_view address);

}  // namespace flashsale::identity
