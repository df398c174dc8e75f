#pragma once
#include <chrono>
#include <string_view>

#include "flashsale/workers/stores.hpp"

namespace flashsale::checkout {

/// Waits until every order of this customer that was accepted before the call, in any sale, has its row. False: not so
/// when the time is over, or not known, since a store does not answer or a sale is not served. Blocking.
[[nodiscard]] bool await_rows_of(workers::Stores& stores, std::string_view customer_id,
                                 std::chrono::steady_clock::time_point until);

}  // namespace flashsale::checkout
