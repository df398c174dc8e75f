#include "flashsale/model/event_pattern.hpp"

#include <algorithm>

namespace flashsale {
namespace {

bool fits(std::string_view pattern, std::string_view type) {
  if (!pattern.ends_with('*')) return pattern == type;
  pattern.remove_suffix(1);
  return type.starts_with(pattern);
}

}  // namespace

bool is_event_pattern(std::string_view text) {
  return std::ranges::any_of(event_types(), [&](EventType type) { return fits(text, to_string(type)); });
}

bool is_wanted(const std::vector<std::string>& patterns, EventType type) {
  if (patterns.empty()) return true;
  return std::ranges::any_of(patterns, [&](const std::string& pattern) { return fits(pattern, to_string(type)); });
}

}  // namespace flashsale
