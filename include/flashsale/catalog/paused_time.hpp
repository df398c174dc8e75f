#pragma once
#include <chrono>

namespace flashsale::catalog {

/// How long this machine has been suspended since it was started. The steady clock does not count that, but what others
/// know goes on ageing meanwhile.
[[nodiscard]] std::chrono::nanoseconds paused_time();

}  // namespace flashsale::catalog
