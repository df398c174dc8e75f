#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace flashsale {

/// Appends `text` as a JSON string (RFC 8259), quotes included. `text` should be UTF-8; each ill-formed sequence in
/// it becomes one U+FFFD, so the result is valid UTF-8 whatever came in. Any thread; allocates only as `out` grows.
void append_json_string(std::string& out, std::string_view text);

/// Appends the decimal form of a number.
void append_json_number(std::string& out, std::int64_t number);

}  // namespace flashsale
