#pragma once
#include <nlohmann/json.hpp>
#include <string_view>

namespace flashsale::api {

struct StrictJson {
  nlohmann::json value;
  std::string_view error;  ///< a literal for people; empty: all is well
};

/// Parses JSON that a client sent: valid UTF-8, no duplicate member names, no more than 16 levels, nothing behind it.
[[nodiscard]] StrictJson parse_strict_json(std::string_view text);

}  // namespace flashsale::api
