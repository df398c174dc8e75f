#include "retry_schedule.hpp"

#include <algorithm>
#include <array>

namespace flashsale::events {
namespace {

using std::chrono::seconds;

constexpr auto kDelays = std::to_array<seconds>({
    seconds(5),
    std::chrono::minutes(5),
    std::chrono::minutes(30),
    std::chrono::hours(2),
    std::chrono::hours(5),
    std::chrono::hours(10),
    std::chrono::hours(14),
    std::chrono::hours(20),
    std::chrono::hours(24),
});
constexpr double kSpread = 0.1;

}  // namespace

std::chrono::milliseconds retry_delay(std::int32_t failures, double chance) {
  const auto step = static_cast<std::size_t>(std::max(failures, 1) - 1);
  const std::chrono::duration<double> delay = kDelays[std::min(step, kDelays.size() - 1)];
  const double factor = 1 - kSpread + 2 * kSpread * std::clamp(chance, 0.0, 1.0);
  return std::chrono::duration_cast<std::chrono::milliseconds>(delay * factor);
}

}  // namespace flashsale::events
