#include "flashsale/redis/options.hpp"

#include <charconv>
#include <stdexcept>
#include <string_view>

namespace flashsale::redis {
namespace {

template <class Number>
Number parse_number(std::string_view text, const char* what) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw std::invalid_argument(std::string("redis.url: the ") + what + " is not a number in range");
  }
  return value;
}

}  // namespace

Address parse_url(const std::string& url) {
  constexpr std::string_view scheme = "redis://";
  std::string_view rest = url;
  if (!rest.starts_with(scheme)) throw std::invalid_argument("redis.url: must begin with redis://");
  rest.remove_prefix(scheme.size());

  Address address;
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    if (const auto database = rest.substr(slash + 1); !database.empty()) {
      address.database = parse_number<std::uint32_t>(database, "database");
    }
    rest = rest.substr(0, slash);
  }
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    const auto credentials = rest.substr(0, at);
    const auto colon = credentials.find(':');
    if (colon == std::string_view::npos) throw std::invalid_argument("redis.url: credentials need user:password@");
    address.user = credentials.substr(0, colon);
    address.password = credentials.substr(colon + 1);
    rest = rest.substr(at + 1);
  }
  if (const auto colon = rest.rfind(':');
      colon != std::string_view::npos && rest.find(']', colon) == std::string_view::npos) {
    address.port = parse_number<std::uint16_t>(rest.substr(colon + 1), "port");
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  if (!rest.empty()) address.host = rest;
  return address;
}

}  // namespace flashsale::redis
