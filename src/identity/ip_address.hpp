#pragma once
#include <array>
#include <optional>
#include <string_view>

namespace flashsale::identity {

struct IpAddress {
  std::array<unsigned char, 16> bytes{};  ///< IPv4 as ::ffff:a.b.c.d
  bool is_ipv4_text = false;              ///< it was written as one

  [[nodiscard]] bool is_ipv4() const;
};

[[nodiscard]] std::optional<IpAddress> parse_address(std::string_view text);

}  // namespace flashsale::identity
