#include "flashsale/identity/loopback_address.hpp"

#include <array>

#include "address_text.hpp"
#include "ip_address.hpp"

namespace flashsale::identity {

bool is_loopback_address(std::string_view address) {
  const auto parsed = parse_address(address);
  if (!parsed) return false;
  constexpr unsigned char kLoopbackNet = 127;
  static constexpr std::array<unsigned char, 16> kLoopback6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return parsed->is_ipv4() ? parsed->bytes[12] == kLoopbackNet : parsed->bytes == kLoopback6;
}

bool is_loopback_host(std::string_view host) {
  const auto name = without_port(host);
  return name == "localhost" || is_loopback_address(name);
}

}  // namespace flashsale::identity
