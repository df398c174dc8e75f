#pragma once
#include "flashsale/model/result.hpp"
#include "flashsale/redis/pending_log.hpp"
#include "flashsale/redis/reply.hpp"

namespace flashsale::redis {

/// Entries of the pending log as XRANGE gives them.
[[nodiscard]] Result<PendingPage> read_pending(ReplyView reply);

}  // namespace flashsale::redis
