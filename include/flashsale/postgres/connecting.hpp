#pragma once
#include <chrono>

namespace flashsale::postgres {

/// From `moment` on nobody waits for a session that is being opened, nor opens one: the process ends. Any thread.
void give_up_connecting_at(std::chrono::steady_clock::time_point moment);

/// Whether sessions that were given up are still being opened. Each is in a thread of its own, which must not meet the
/// end of static objects: such a process ends without it (std::_Exit).
[[nodiscard]] bool is_still_connecting();

}  // namespace flashsale::postgres
