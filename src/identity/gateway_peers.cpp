#include "flashsale/identity/gateway_peers.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "ip_address.hpp"

namespace flashsale::identity {
namespace {

constexpr unsigned kAddressBits = 128;
constexpr unsigned kMappedPrefixBits = 96;  // of ::ffff:0:0/96, where IPv4 stands
constexpr std::size_t kNetworksMax = 1024;

bool bit_at(const std::array<unsigned char, 16>& bytes, unsigned bit) {
  return (bytes[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

bool have_same_prefix(const std::array<unsigned char, 16>& a, const std::array<unsigned char, 16>& b, unsigned bits) {
  if (std::memcmp(a.data(), b.data(), bits / 8) != 0) return false;
  for (unsigned bit = bits / 8 * 8; bit < bits; ++bit) {
    if (bit_at(a, bit) != bit_at(b, bit)) return false;
  }
  return true;
}

std::optional<unsigned> parse_prefix(std::string_view text, unsigned max) {
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  return is_number && bits <= max ? std::optional(bits) : std::nullopt;
}

}  // namespace

bool is_address(std::string_view text) { return parse_address(text).has_value(); }

GatewayPeers::GatewayPeers(std::span<const std::string> networks) {
  if (networks.size() > kNetworksMax) throw std::invalid_argument("there are more than 1024 networks");
  for (const std::string& text : networks) {
    const std::string where = "network '" + text.substr(0, 64) + "': ";
    const std::size_t slash = text.find('/');
    const auto address = parse_address(std::string_view(text).substr(0, slash));
    if (!address) throw std::invalid_argument(where + "must be an IPv4 or IPv6 address or network");
    const unsigned offset = address->is_ipv4_text ? kMappedPrefixBits : 0;
    unsigned bits = kAddressBits;
    if (slash != std::string::npos) {
      const auto prefix = parse_prefix(std::string_view(text).substr(slash + 1), kAddressBits - offset);
      if (!prefix) throw std::invalid_argument(where + "what follows the slash must be a prefix length");
      bits = *prefix + offset;
    }
    // 10.1.2.3/8 is more often a slip than a wish for 10.0.0.0/8, and this list decides whom to believe.
    for (unsigned bit = bits; bit < kAddressBits; ++bit) {
      if (bit_at(address->bytes, bit)) throw std::invalid_argument(where + "has bits set behind its prefix");
    }
    networks_.push_back({address->bytes, bits});
  }
}

bool GatewayPeers::contains(std::string_view text) const {
  // The interface of a link-local address, as in fe80::1%eth0, is not part of it.
  const auto address = parse_address(text.substr(0, text.find('%')));
  if (!address) return false;
  const bool is_ipv4 = address->is_ipv4();
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    // ::/0 means all of IPv6 and nothing of IPv4, which is only stored inside it.
    if (is_ipv4 && network.prefix_bits < kMappedPrefixBits) return false;
    return have_same_prefix(address->bytes, network.bytes, network.prefix_bits);
  });
}

}  // namespace flashsale::identity
