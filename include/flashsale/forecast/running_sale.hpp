#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "flashsale/forecast/sale_outlook.hpp"

namespace flashsale::forecast {

/// A second of the clock that all who count go by, since 1970.
using Second = std::int64_t;

struct SecondCount {
  Second second = 0;
  double arrivals = 0;
};

/// A curve begins with the first of its counts, which are in their order; seconds between them without one had none.
[[nodiscard]] std::vector<double> curve_of(std::span<const SecondCount> counts);

/// One open sale as somebody follows it who counts in seconds of a clock: what came to it, and what remained when. It
/// begins with the second of its first arrival. One thread at a time.
class RunningSale {
 public:
  /// No sale is followed, and no curve kept, for longer than this.
  static constexpr Second kSecondsMax = 6 * 3600;

  /// The model has to live as long.
  explicit RunningSale(Prior prior, const Model& model = Model::built_in());

  /// What remained of each item when `second` had ended. For the seconds that add() has yet to take.
  void note_levels(Second second, std::vector<std::int64_t> remaining);
  /// Counts in their order, whole up to and with `complete`. What it has taken already is not taken again.
  void add(std::span<const SecondCount> counts, Second complete);

  [[nodiscard]] std::optional<Second> begun() const { return begun_; }
  /// The first second that it has not taken yet; 0 before it has begun.
  [[nodiscard]] Second next() const { return next_; }
  /// Whether a second is of the curve that is kept.
  [[nodiscard]] bool is_kept(Second second) const { return !begun_ || second < *begun_ + kSecondsMax; }
  [[nodiscard]] Outlook look() const { return outlook_.look(); }

 private:
  struct Levels {
    Second second = 0;
    std::vector<std::int64_t> remaining;
  };
  static constexpr std::size_t kLevelsKept = 16;

  void take(double arrivals);

  SaleOutlook outlook_;
  std::optional<Second> begun_;
  Second next_ = 0;
  std::deque<Levels> levels_;  ///< of the newest seconds, in their order
};

}  // namespace flashsale::forecast
