#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>

#include "flashsale/insight/series.hpp"
#include "flashsale/model/time.hpp"

namespace flashsale::insight {

/// What happened to a series within a window. It follows from each event alone, so whoever counts the same events
/// another way gets the same.
struct WindowFigures {
  Amounts placed;                   ///< first events of orders that have their units
  Amounts confirmed;                ///< orders that were bought
  Amounts cancelled;                ///< orders that were cancelled
  std::int64_t returned_units = 0;  ///< of orders that were cancelled or expired after they had been placed

  WindowFigures& operator+=(const WindowFigures& other);
  bool operator==(const WindowFigures&) const = default;
};

/// Figures of the last windows of 1, 10 and 60 seconds by the time of the events, which need not come in its order.
/// What comes for a window that is not kept any more is not counted.
class Windows {
 public:
  struct Width {
    std::int64_t seconds;
    std::int64_t kept;  ///< windows, up to that of the newest event
  };
  static constexpr std::array<Width, 3> kWidths{{{1, 120}, {10, 60}, {60, 60}}};

  using Cells = std::map<SeriesKey, WindowFigures>;
  using Ring = std::map<std::int64_t, Cells>;  ///< by the second in which the window begins

  /// `cells_max`: series in one window; more are counted together.
  explicit Windows(std::size_t cells_max = 512) : cells_max_(cells_max) {}

  /// False: too late for one of the windows.
  [[nodiscard]] bool add(TimePoint at, const SeriesKey& key, const WindowFigures& figures);
  /// Sum of the last `seconds` before `until`, over windows of a second.
  [[nodiscard]] WindowFigures last(const SeriesKey& key, std::int64_t seconds, TimePoint until) const;

  /// By the index of kWidths.
  [[nodiscard]] const std::array<Ring, kWidths.size()>& rings() const { return rings_; }
  [[nodiscard]] TimePoint newest() const { return newest_; }
  /// As it was kept elsewhere; what is too old by `newest` is left out.
  void restore(std::size_t width, std::int64_t begins_at_s, const SeriesKey& key, const WindowFigures& figures);
  void restore_newest(TimePoint newest) { newest_ = newest; }

 private:
  std::size_t cells_max_;
  std::array<Ring, kWidths.size()> rings_;
  TimePoint newest_{};
};

/// The second in which the window that holds this moment begins.
[[nodiscard]] std::int64_t window_of(TimePoint at, std::int64_t width_s);

}  // namespace flashsale::insight
