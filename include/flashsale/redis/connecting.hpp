#pragma once
#include <chrono>

namespace flashsale::redis {

/// From `moment` on no SyncClient connects any more: the process ends. Any thread.
void give_up_connecting_at(std::chrono::steady_clock::time_point moment);

}  // namespace flashsale::redis
