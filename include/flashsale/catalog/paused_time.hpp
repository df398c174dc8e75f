#pragma once
#include <chrono>

namespace flashsale::catalog {

/// How long this machine has been suspended since it was started: between the two bounds. The steady clock does not
/// count that, but what others know goes on ageing meanwhile.
///
/// It is the difference of two clocks that cannot be read at once, and the thread, or the machine, may stand still
/// between two readings for any time. So the one that counts suspensions is read before and after the other: the
/// earlier reading can only be too small and the later one too great for the moment of the one between them. How long a
/// suspension since some moment may have been at most is `at_most` of now less `at_least` of then; at least,
/// `at_least` of now less `at_most` of then.
struct PausedTime {
  std::chrono::nanoseconds at_least{};
  std::chrono::nanoseconds at_most{};
};

/// Of three readings in this order: the clock that counts suspensions, the one that does not, the first one again.
[[nodiscard]] constexpr PausedTime paused_between(std::chrono::nanoseconds before, std::chrono::nanoseconds steady,
                                                  std::chrono::nanoseconds after) {
  return {before - steady, after - steady};
}
[[nodiscard]] PausedTime paused_time();

}  // namespace flashsale::catalog
