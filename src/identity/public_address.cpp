#include "flashsale/identity/public_address.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "ip_address.hpp"

namespace flashsale::identity {
namespace {

struct Block4 {
  std::uint32_t first;
  unsigned bits;
};

constexpr std::uint32_t ipv4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

/// IANA's registry of special addresses, and one that a cloud answers on.
constexpr auto kNotPublic4 = std::to_array<Block4>({
    {ipv4(0, 0, 0, 0), 8},         // this network
    {ipv4(10, 0, 0, 0), 8},        // private
    {ipv4(100, 64, 0, 0), 10},     // shared, CGNAT
    {ipv4(127, 0, 0, 0), 8},       // loopback
    {ipv4(168, 63, 129, 16), 32},  // metadata of Azure
    {ipv4(169, 254, 0, 0), 16},    // link-local, metadata of most clouds
    {ipv4(172, 16, 0, 0), 12},     // private
    {ipv4(192, 0, 0, 0), 24},      // protocol assignments
    {ipv4(192, 0, 2, 0), 24},      // documentation
    {ipv4(192, 88, 99, 0), 24},    // relays of 6to4
    {ipv4(192, 168, 0, 0), 16},    // private
    {ipv4(198, 18, 0, 0), 15},     // benchmarks
    {ipv4(198, 51, 100, 0), 24},   // documentation
    {ipv4(203, 0, 113, 0), 24},    // documentation
    {ipv4(224, 0, 0, 0), 3},       // multicast, reserved, broadcast
});

using Bytes = std::array<unsigned char, 16>;

struct Block6 {
  Bytes first;
  unsigned bits;
};

/// Only 2000::/3 is given out at all; of it, these are not for anybody's host.
constexpr auto kNotPublic6 = std::to_array<Block6>({
    {{0x20, 0x01, 0x00}, 23},        // protocol assignments, Teredo
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    {{0x20, 0x02}, 16},              // 6to4
    {{0x3f, 0xff, 0x00}, 20},        // documentation
});
constexpr Block6 kGivenOut{{0x20}, 3};
constexpr Block6 kTranslated{{0x00, 0x64, 0xff, 0x9b}, 96};

bool is_within(const Bytes& address, const Block6& block) {
  for (unsigned bit = 0; bit < block.bits; ++bit) {
    const auto mask = static_cast<unsigned char>(0x80U >> bit % 8);
    if ((address[bit / 8] & mask) != (block.first[bit / 8] & mask)) return false;
  }
  return true;
}

bool is_public_ipv4(std::uint32_t address) {
  return std::ranges::none_of(
      kNotPublic4, [address](const Block4& block) { return (address ^ block.first) >> (32 - block.bits) == 0; });
}

std::uint32_t last_four(const Bytes& bytes) { return ipv4(bytes[12], bytes[13], bytes[14], bytes[15]); }

bool is_public(const IpAddress& address) {
  if (address.is_ipv4() || is_within(address.bytes, kTranslated)) return is_public_ipv4(last_four(address.bytes));
  return is_within(address.bytes, kGivenOut) &&
         std::ranges::none_of(kNotPublic6, [&](const Block6& block) { return is_within(address.bytes, block); });
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in ip{};
    std::memcpy(&ip, &address, sizeof ip);
    return is_public_ipv4(ntohl(ip.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 ip{};
  std::memcpy(&ip, &address, sizeof ip);
  IpAddress parsed;
  std::memcpy(parsed.bytes.data(), &ip.sin6_addr, parsed.bytes.size());
  return is_public(parsed);
}

std::optional<bool> is_public_address(std::string_view text) {
  const auto address = parse_address(text);
  if (!address) return std::nullopt;
  return is_public(*address);
}

}  // namespace flashsale::identity
