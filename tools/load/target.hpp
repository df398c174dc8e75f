#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

namespace flashsale::load {

/// Where a listener is. Only this machine: a load generator that can be aimed elsewhere is a weapon.
struct Target {
  sockaddr_storage address{};
  socklen_t address_size = 0;
  std::string host;  ///< of the Host field: address and port
};

struct ParsedTarget {
  Target target;
  std::string error;  ///< one line; empty: none
};

/// `http://` + 127.0.0.0/8, [::1] or localhost + `:port`, without a path.
[[nodiscard]] ParsedTarget parse_target(std::string_view url);

}  // namespace flashsale::load
