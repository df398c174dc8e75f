#include "file_limit.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace flashsale::app {
namespace {

/// The admin listener's connections (kAdminConnectionsMax), and some for stores, logs and what the libraries open.
constexpr std::uint64_t kReserve = 512 + 128;
/// A connection to Redis, the loop's own three, and refused connections (kRefusingMax of the listener).
constexpr std::uint64_t kReserveOfThread = 4 + 128;

}  // namespace

std::uint64_t raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;  // what every system gives
  const auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

std::uint32_t connections_within(std::uint64_t file_limit, std::uint32_t wanted, unsigned io_threads) {
  // Where there are few at all, buyers get half of them.
  const auto reserve = std::min(kReserve + kReserveOfThread * io_threads, file_limit / 2);
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(file_limit - reserve, 1, wanted));
}

}  // namespace flashsale::app
