#include "flashsale/insight/windows.hpp"

#include <algorithm>

namespace flashsale::insight {

std::int64_t window_of(TimePoint at, std::int64_t width_s) {
  const auto second = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  return second - (second % width_s + width_s) % width_s;
}

WindowFigures& WindowFigures::operator+=(const WindowFigures& other) {
  placed += other.placed;
  confirmed += other.confirmed;
  cancelled += other.cancelled;
  returned_units += other.returned_units;
  return *this;
}

bool Windows::add(TimePoint at, const SeriesKey& key, const WindowFigures& figures) {
  newest_ = std::max(newest_, at);
  bool is_in_time = true;
  for (std::size_t i = 0; i < kWidths.size(); ++i) {
    const auto [seconds, kept] = kWidths[i];
    auto& ring = rings_[i];
    const auto first_kept = window_of(newest_, seconds) - (kept - 1) * seconds;
    ring.erase(ring.begin(), ring.lower_bound(first_kept));
    const auto begins_at_s = window_of(at, seconds);
    if (begins_at_s >= first_kept) restore(i, begins_at_s, key, figures);
    else is_in_time = false;
  }
  return is_in_time;
}

void Windows::restore(std::size_t width, std::int64_t begins_at_s, const SeriesKey& key, const WindowFigures& figures) {
  auto& cells = rings_[width][begins_at_s];
  const bool has_room = cells.size() < cells_max_ || cells.contains(key);
  const SeriesKey others{kOthers, key.sku.empty() ? "" : kOthers, key.currency};
  cells[has_room ? key : others] += figures;
}

WindowFigures Windows::last(const SeriesKey& key, std::int64_t seconds, TimePoint until) const {
  WindowFigures sum;
  const auto& ring = rings_.front();
  const auto end = window_of(until, 1);
  for (auto window = ring.lower_bound(end - seconds); window != ring.end() && window->first < end; ++window) {
    const auto found = window->second.find(key);
    if (found != window->second.end()) sum += found->second;
  }
  return sum;
}

}  // namespace flashsale::insight
