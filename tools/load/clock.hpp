#pragma once
#include <ctime>

#include <cstdint>

namespace flashsale::load {

[[nodiscard]] inline std::uint64_t read_clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

[[nodiscard]] inline std::uint64_t now_ns() { return read_clock_ns(CLOCK_MONOTONIC); }
[[nodiscard]] inline std::uint64_t thread_cpu_ns() { return read_clock_ns(CLOCK_THREAD_CPUTIME_ID); }

inline constexpr std::uint64_t kMillisecondNs = 1'000'000;
inline constexpr std::uint64_t kSecondNs = 1'000'000'000;

}  // namespace flashsale::load
