#include "target.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>

namespace flashsale::load {
namespace {

struct Place {
  std::string host;
  std::uint16_t port = 80;
};

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || stopped != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::optional<Place> parse_place(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  const std::size_t host_end = url.starts_with('[') ? url.find(']') + 1 : std::min(url.find(':'), url.size());
  if (host_end == 0 || url.substr(0, host_end).find_first_of("/@?#") != std::string_view::npos) return std::nullopt;
  Place place;
  place.host = url.starts_with('[') ? url.substr(1, host_end - 2) : url.substr(0, host_end);
  if (host_end == url.size()) return place;
  const auto port = url[host_end] == ':' ? parse_port(url.substr(host_end + 1)) : std::nullopt;
  if (!port) return std::nullopt;
  place.port = *port;
  return place;
}

bool set_ipv4(const Place& place, Target& target) {
  sockaddr_in address{};
  const std::string host = place.host == "localhost" ? "127.0.0.1" : place.host;
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return false;
  if (ntohl(address.sin_addr.s_addr) >> 24 != 127) return false;
  address.sin_family = AF_INET;
  address.sin_port = htons(place.port);
  std::memcpy(&target.address, &address, sizeof address);
  target.address_size = sizeof address;
  target.host = host + ":" + std::to_string(place.port);
  return true;
}

bool set_ipv6(const Place& place, Target& target) {
  sockaddr_in6 address{};
  if (inet_pton(AF_INET6, place.host.c_str(), &address.sin6_addr) != 1) return false;
  if (!IN6_IS_ADDR_LOOPBACK(&address.sin6_addr)) return false;
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(place.port);
  std::memcpy(&target.address, &address, sizeof address);
  target.address_size = sizeof address;
  target.host = "[" + place.host + "]:" + std::to_string(place.port);
  return true;
}

}  // namespace

ParsedTarget parse_target(std::string_view url) {
  ParsedTarget parsed;
  const auto place = parse_place(url);
  if (!place) {
    parsed.error = "\"" + std::string(url) + "\" is not of the form http://127.0.0.1:8080";
  } else if (!set_ipv4(*place, parsed.target) && !set_ipv6(*place, parsed.target)) {
    parsed.error =
        "\"" + std::string(url) + "\" is refused: only this machine may be loaded (127.0.0.0/8, [::1], localhost)";
  }
  return parsed;
}

}  // namespace flashsale::load
