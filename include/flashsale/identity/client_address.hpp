#pragma once
#include <string>
#include <string_view>

#include "flashsale/identity/gateway_peers.hpp"

namespace flashsale::identity {

/// Whose request it is: `peer`, unless that is a trusted proxy. Then it is the last address of `forwarded_for` (the
/// value of X-Forwarded-For, to whose end each proxy adds whom it has heard) that is no trusted proxy either. What
/// stands in front of that one anybody can have written. What is no address ends the search, and the proxy that sent it
/// stands for its client.
[[nodiscard]] std::string_view client_address(std::string_view peer, std::string_view forwarded_for,
                                              const GatewayPeers& proxies);

/// Whether `peer` and every address of `forwarded_for` are of this machine itself, whoever is trusted. An entry that is
/// no address stands for anybody.
[[nodiscard]] bool is_from_loopback(std::string_view peer, std::string_view forwarded_for);

/// What limits count a client by, as bytes for a hash: an IPv4 address itself, the first bits of an IPv6 address (of
/// which a customer gets 2^64 at least). A text that is no address stands for itself.
[[nodiscard]] std::string client_network(std::string_view address, unsigned ipv6_prefix_bytes = 8);

}  // namespace flashsale::identity
