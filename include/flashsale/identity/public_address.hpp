#pragma once
#include <optional>
#include <string_view>

struct sockaddr;

// Which addresses are somebody's on the internet, and not this machine's, this network's or the cloud's own: where a
// request may go whose target somebody else has named.
namespace flashsale::identity {

/// False for everything private, loopback, link-local, shared (CGNAT), reserved, multicast, or a cloud's metadata
/// service; for IPv6 that maps or translates such an IPv4 address; and for what is no IP address at all.
[[nodiscard]] bool is_public_address(const sockaddr& address);

/// The same for an address in numbers, as it stands in a URL without brackets; nothing: it is a name.
[[nodiscard]] std::optional<bool> is_public_address(std::string_view text);

}  // namespace flashsale::identity
