#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace flashsale::api {

struct WholeNumber {
  bool is_negative = false;
  std::uint64_t magnitude = 0;
};

/// The whole number that a JSON number is: to JSON Schema `1.0`, `1e2` and `1.50e1` are integers like any other. Read
/// from the digits, so that no large one is rounded. Empty when there is a fraction or more than 64 bits.
[[nodiscard]] std::optional<WholeNumber> whole_number(std::string_view number);

}  // namespace flashsale::api
