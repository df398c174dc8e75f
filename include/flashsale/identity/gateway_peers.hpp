#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flashsale::identity {

/// Whether the text is an IPv4 or IPv6 address.
[[nodiscard]] bool is_address(std::string_view text);

/// Peers that are believed, as CIDR networks: in X-Customer-Id (auth.gateway_peers), in X-Forwarded-For
/// (http.trusted_proxies). Immutable; any thread.
class GatewayPeers {
 public:
  /// Throws std::invalid_argument with one clear line; start-up only.
  explicit GatewayPeers(std::span<const std::string> networks);
  /// `text` is an IPv4 or IPv6 address; an IPv4-mapped IPv6 one counts as IPv4.
  [[nodiscard]] bool contains(std::string_view text) const;

 private:
  struct Network {
    std::array<unsigned char, 16> bytes;  ///< IPv4 as ::ffff:a.b.c.d
    unsigned prefix_bits;
  };
  std::vector<Network> networks_;
};

}  // namespace flashsale::identity
