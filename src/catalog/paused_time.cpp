#include "flashsale/catalog/paused_time.hpp"

#include <time.h>

namespace flashsale::catalog {
namespace {

std::chrono::nanoseconds read(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

std::chrono::nanoseconds paused_time() {
  // In this order: what passes between the two readings may only make it seem less.
  const auto with_pauses = read(CLOCK_BOOTTIME);
  return with_pauses - read(CLOCK_MONOTONIC);
}

}  // namespace flashsale::catalog
