#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace flashsale {

/// Sale ids and SKUs: 1..64 of [A-Za-z0-9._-], not starting with a dot or a dash. So they stand unescaped in
/// URLs, JSON, Redis keys and log lines.
[[nodiscard]] bool is_valid_identifier(std::string_view text);

/// Texts for people: 1..`characters_max` characters (code points, as JSON Schema counts) of valid UTF-8, none of them a
/// control character (U+0000 to U+001F, U+007F to U+009F).
[[nodiscard]] bool is_valid_text(std::string_view text, std::size_t characters_max);

/// Customer ids (`sub` or X-Customer-Id): a text of 1..255 characters, which is what OpenID Connect gives a `sub`.
[[nodiscard]] bool is_valid_customer_id(std::string_view text);

/// True when `text` is well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
[[nodiscard]] bool is_valid_utf8(std::string_view text);

/// Three ASCII letters of any case, as upper-case ones.
[[nodiscard]] std::optional<std::string> parse_currency(std::string_view text);

}  // namespace flashsale
