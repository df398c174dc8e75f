#pragma once
#include <cstdint>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

struct ServerConnections {
  std::int64_t used = 0;  ///< of all databases and roles
  std::int64_t max = 0;   ///< without those that are kept for superusers
};

/// How near the server is to refusing connections. Blocking.
[[nodiscard]] Result<ServerConnections> read_server_connections(Session& session);

}  // namespace flashsale::postgres
