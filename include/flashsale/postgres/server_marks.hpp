#pragma once
#include <cstdint>
#include <string>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// Written into PostgreSQL again and again, at random, and remembered outside of it (PROTOCOL R6). A server that has
/// not got one that was seen in it has gone back in time, however much it has written since.
struct ServerMark {
  std::int64_t number = -1;  ///< they count up; -1: none
  std::string text;
  bool operator==(const ServerMark&) const = default;
};

/// Writes the mark after `newest`, which then covers all that was committed before. `newest` itself when another
/// instance was first. Does not wait for a standby: after a failover, marks of the other server are not asked for.
[[nodiscard]] Result<ServerMark> renew_mark(Session& session, const ServerMark& newest);

}  // namespace flashsale::postgres
