#pragma once
#include <cstdint>

namespace flashsale::checkout {

/// Checkouts that came to a sale, refused ones and replays too. Not among them is what never got so far: requests over
/// a limit, without a valid token or with a body that is none.
struct SaleArrivals {
  std::int32_t sale_no = 0;
  std::int64_t checkouts = 0;
};

}  // namespace flashsale::checkout
