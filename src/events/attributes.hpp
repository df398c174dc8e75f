#pragma once
#include <array>
#include <string>
#include <string_view>

#include "flashsale/events/event.hpp"

namespace flashsale::events {

struct Attribute {
  std::string_view name;
  std::string value;
};

/// All attributes of the CloudEvent but `datacontenttype`, which is told apart from them in binary modes.
[[nodiscard]] std::array<Attribute, 9> attributes_of(const Event& event, std::string_view source);

inline constexpr std::string_view kDataContentType = "application/json";

}  // namespace flashsale::events
