#pragma once
#include <string_view>

namespace flashsale::identity {

/// Of `192.0.2.1:4711`, `[2001:db8::1]:4711` or `localhost:8080` what stands before the port. An IPv6 address without
/// brackets has none.
[[nodiscard]] std::string_view without_port(std::string_view text);

}  // namespace flashsale::identity
