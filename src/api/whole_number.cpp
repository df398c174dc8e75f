#include "whole_number.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace flashsale::api {
namespace {

/// Beyond it a number is 0, has a fraction or has more than 64 bits, whatever its digits in a body are.
constexpr std::int64_t kExponentMax = 1'000'000'000;

/// What stands behind the `e`; a number that is too long for 64 bits is as good as the largest.
std::int64_t exponent_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t exponent = 0;
  const auto error = std::from_chars(text.data(), text.data() + text.size(), exponent).ec;
  if (error == std::errc{}) return std::clamp(exponent, -kExponentMax, kExponentMax);
  return text.starts_with('-') ? -kExponentMax : kExponentMax;
}

/// The digits times 10 to the power of `exponent`.
std::optional<std::uint64_t> magnitude_of(std::string_view digits, std::int64_t exponent) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  const auto append = [&value](std::uint64_t digit) {
    const bool fits = value <= (kMax - digit) / 10;
    value = value * 10 + digit;
    return fits;
  };
  for (const char c : digits) {
    if (!append(static_cast<std::uint64_t>(c - '0'))) return std::nullopt;
  }
  for (std::int64_t i = 0; i < exponent; ++i) {
    if (!append(0)) return std::nullopt;
  }
  return value;
}

}  // namespace

std::optional<WholeNumber> whole_number(std::string_view number) {
  WholeNumber whole;
  whole.is_negative = number.starts_with('-');
  if (whole.is_negative) number.remove_prefix(1);
  const auto e = std::min(number.find_first_of("eE"), number.size());
  auto exponent = e == number.size() ? 0 : exponent_of(number.substr(e + 1));
  const auto point = std::min(number.find('.'), e);
  std::string digits(number.substr(0, point));
  if (point < e) {
    digits += number.substr(point + 1, e - point - 1);
    exponent -= static_cast<std::int64_t>(e - point - 1);
  }
  const auto last = digits.find_last_not_of('0');
  if (last == std::string::npos) return WholeNumber{};
  exponent += static_cast<std::int64_t>(digits.size() - last - 1);
  digits.resize(last + 1);
  const auto magnitude = exponent < 0 ? std::nullopt : magnitude_of(digits, exponent);
  if (!magnitude) return std::nullopt;
  whole.magnitude = *magnitude;
  return whole;
}

}  // namespace flashsale::api
