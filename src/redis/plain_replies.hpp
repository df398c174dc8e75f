#pragma once
#include <cstdint>

#include "flashsale/model/result.hpp"
#include "flashsale/redis/call.hpp"
#include "flashsale/redis/reply.hpp"

/// Readers of what plain commands reply.
namespace flashsale::redis {

[[nodiscard]] Result<std::int64_t> read_number(ReplyView reply);
[[nodiscard]] Result<Done> read_done(ReplyView reply);

}  // namespace flashsale::redis
