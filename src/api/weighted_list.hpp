#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flashsale::api {

/// What a client would take, and how gladly: an element of Accept or Accept-Language (RFC 9110, 12.5). Names and the
/// value are in lower case.
struct WeightedValue {
  std::string value;
  std::vector<std::pair<std::string, std::string>> parameters;  ///< without `q`
  double weight = 1;                                            ///< 0: it is not taken, or its `q` is no number
};

/// No more elements than this are read: whoever sends a thousand has no wish.
inline constexpr std::size_t kWeightedValuesMax = 64;

/// In the order in which they stand; whatever is not well formed is read as far as it goes.
[[nodiscard]] std::vector<WeightedValue> parse_weighted_list(std::string_view header);

/// Of the languages that are spoken, two letters each, the one that is wished most, and of several the first; de-AT is
/// de. Empty: none of them.
[[nodiscard]] std::string_view wished_language(std::string_view accept_language,
                                               const std::vector<std::string>& spoken);

}  // namespace flashsale::api
