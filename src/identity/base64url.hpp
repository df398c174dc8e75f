#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace flashsale::identity {

/// Decodes base64url without padding (RFC 7515 section 2) into `out` and returns the bytes written there. Exactly one
/// text stands for given bytes: padding, other characters and trailing bits that are not zero are refused. Empty also
/// when `out` is too small.
[[nodiscard]] std::optional<std::string_view> decode_base64url(std::string_view text, std::span<char> out);

/// The same into a string of its own; start-up only.
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);

[[nodiscard]] std::string encode_base64url(std::string_view bytes);

}  // namespace flashsale::identity
