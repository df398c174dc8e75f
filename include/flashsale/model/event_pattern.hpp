#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/event_type.hpp"

namespace flashsale {

/// What a list of wanted types may have: a type's name, or the beginning of one or more and a `*`.
[[nodiscard]] bool is_event_pattern(std::string_view text);

/// An empty list wants all.
[[nodiscard]] bool is_wanted(const std::vector<std::string>& patterns, EventType type);

}  // namespace flashsale
