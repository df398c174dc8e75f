#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/events/event.hpp"

namespace flashsale::events {

struct Attribute {
  std::string_view name;
  std::string value;
};

/// All attributes of the CloudEvent but `datacontenttype`, which is told apart from them in binary modes.
[[nodiscard]] std::vector<Attribute> attributes_of(const Event& event, std::string_view source);

inline constexpr std::string_view kDataContentType = "application/json";

}  // namespace flashsale::events
