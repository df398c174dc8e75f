#pragma once
#include <cstdint>
#include <string_view>

namespace flashsale::redis {

/// Who is asking: the sale under an epoch, on a server of this identity (PROTOCOL R2, R6). Connection and
/// workers::Stores make it.
struct Fence {
  std::string_view sale_id;
  std::int64_t epoch = 0;
  std::string_view identity;
};

}  // namespace flashsale::redis
