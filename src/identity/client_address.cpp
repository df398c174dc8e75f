#include "flashsale/identity/client_address.hpp"

#include "address_text.hpp"
#include "flashsale/identity/loopback_address.hpp"
#include "ip_address.hpp"

namespace flashsale::identity {
namespace {

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Takes the last entry off the list: the address that the next proxy on the way back has heard. Some add the port.
std::string_view take_last(std::string_view& forwarded_for) {
  const auto comma = forwarded_for.rfind(',');
  const auto last = comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1);
  forwarded_for = comma == std::string_view::npos ? std::string_view{} : forwarded_for.substr(0, comma);
  return without_port(trim(last));
}

}  // namespace

std::string_view client_address(std::string_view peer, std::string_view forwarded_for, const GatewayPeers& proxies) {
  std::string_view client = peer;
  while (proxies.contains(client) && !forwarded_for.empty()) {
    const auto address = take_last(forwarded_for);
    if (!is_address(address)) break;
    client = address;
  }
  return client;
}

bool is_from_loopback(std::string_view peer, std::string_view forwarded_for) {
  bool is_here = is_loopback_address(peer);
  // A comma at the end leaves an empty list that was not looked at: an entry that is no address.
  for (bool is_more = !forwarded_for.empty(); is_here && is_more;) {
    is_more = forwarded_for.find(',') != std::string_view::npos;
    is_here = is_loopback_address(take_last(forwarded_for));
  }
  return is_here;
}

std::string client_network(std::string_view address, unsigned ipv6_prefix_bytes) {
  // The interface of a link-local address, as in fe80::1%eth0, is not part of it.
  const auto parsed = parse_address(address.substr(0, address.find('%')));
  if (!parsed) return std::string(address);
  const auto* const bytes = reinterpret_cast<const char*>(parsed->bytes.data());
  return parsed->is_ipv4() ? std::string(bytes + 12, 4) : std::string(bytes, ipv6_prefix_bytes);
}

}  // namespace flashsale::identity
