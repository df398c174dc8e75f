#pragma once
#include <string_view>

namespace flashsale::identity {

/// Of this machine itself. False for a text that is no address.
[[nodiscard]] bool is_loopback_address(std::string_view address);

/// What a `Host` field says when this machine itself is meant: `localhost`, or a loopback address, with a port or
/// without. Any other name may lead here too, if somebody else's name server says so.
[[nodiscard]] bool is_loopback_host(std::string_view host);

}  // namespace flashsale::identity
