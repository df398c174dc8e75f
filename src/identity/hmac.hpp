#pragma once
#include <array>
#include <string_view>

namespace flashsale::identity {

/// HMAC-SHA256. Any thread.
[[nodiscard]] std::array<unsigned char, 32> hmac_sha256(std::string_view key, std::string_view content);

}  // namespace flashsale::identity
