#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace flashsale::api {

struct StrictJson {
  nlohmann::json value;
  std::string_view error;  ///< a literal for people; empty: all is well
};

/// How much there may be in a text, whatever its size. Reading ends at the first that is too much.
struct JsonBounds {
  std::size_t values_max = 32'768;  ///< objects, arrays and what stands in them
  std::size_t depth_max = 16;       ///< objects and arrays in each other
};

/// Parses JSON that a client sent: valid UTF-8, no duplicate member names, nothing behind it. Takes time in proportion
/// to the text, and no more than that of `values_max` values. A number that is whole is kept as an integer, exactly,
/// however it is written (`1.0`).
[[nodiscard]] StrictJson parse_strict_json(std::string_view text, const JsonBounds& bounds = {});

}  // namespace flashsale::api
