#pragma once
#include <string>
#include <string_view>

namespace flashsale {

/// As text and as the value of an attribute, in quotes of both kinds, of HTML and SVG.
[[nodiscard]] std::string escape_html(std::string_view text);

}  // namespace flashsale
