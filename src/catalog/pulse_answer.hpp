#pragma once
#include <string_view>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/redis/pulse.hpp"

namespace flashsale::catalog {

/// Identities of the servers that a sale has to be of, to be served (PROTOCOL R6).
struct ExpectedServers {
  std::string_view redis;
  std::string_view postgres;  ///< empty: not known yet
};

/// Makes of what was last seen of a sale what Redis says of it now, without sold-out marks. It is not served when Redis
/// has lost it or an item of it, or has it of another server. What else the pulse is to tell is read here.
void apply_answer(SaleSnapshot& sale, const redis::PulseReply& reply, const RedisClock& clock,
                  const ExpectedServers& servers);

}  // namespace flashsale::catalog
