#pragma once
#include <vector>

#include "flashsale/redis/item_level.hpp"
#include "flashsale/redis/reply.hpp"

namespace flashsale::redis {

/// The items hash, `<item_no>:<letter>` → value, as one value an item, in order of item_no.
[[nodiscard]] std::vector<ItemLevel> read_items(ReplyView fields);

}  // namespace flashsale::redis
