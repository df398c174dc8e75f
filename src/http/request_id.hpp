#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace flashsale::http {

using MadeRequestId = std::array<char, 32>;

/// For a request that came without an id: 16 random bytes in hexadecimal, which can name its trace, too. Unique, but
/// not secret.
void make_request_id(MadeRequestId& id);

/// May a client's X-Request-Id stand in answers and log lines: 1..128 visible ASCII characters.
[[nodiscard]] bool is_usable_request_id(std::string_view id);

}  // namespace flashsale::http
