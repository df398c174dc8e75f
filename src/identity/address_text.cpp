#include "address_text.hpp"

namespace flashsale::identity {

std::string_view without_port(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    return end == std::string_view::npos ? text : text.substr(1, end - 1);
  }
  const auto colon = text.find(':');
  const bool has_one_colon = colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  return has_one_colon ? text.substr(0, colon) : text;
}

}  // namespace flashsale::identity
