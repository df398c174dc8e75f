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

PausedTime paused_time() {
  const auto before = read(CLOCK_BOOTTIME);
  const auto steady = read(CLOCK_MONOTONIC);
  return paused_between(before, steady, read(CLOCK_BOOTTIME));
}

}  // namespace flashsale::catalog
