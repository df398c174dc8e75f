#pragma once
#include <string_view>

namespace flashsale {

/// Sale ids and SKUs: 1..64 of [A-Za-z0-9._-], not starting with a dot or a dash. So they stand unescaped in
/// URLs, JSON, Redis keys and log lines.
[[nodiscard]] bool is_valid_identifier(std::string_view text);

/// Customer ids (`sub` or X-Customer-Id): 1..128 bytes of valid UTF-8 without control characters.
[[nodiscard]] bool is_valid_customer_id(std::string_view text);

/// True when `text` is well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
[[nodiscard]] bool is_valid_utf8(std::string_view text);

/// Three upper-case ASCII letters.
[[nodiscard]] bool is_valid_currency(std::string_view text);

}  // namespace flashsale
