#include "flashsale/forecast/arrival_history.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace flashsale::forecast {
namespace {

constexpr unsigned kRecentS = 3;
constexpr std::size_t kUsualWindow = 2;  // a burst is held against it
constexpr double kBurstFactor = 2, kBurstMin = 10, kBurstRestS = 3;
constexpr double kSwingWindowS = 10;

}  // namespace

void ArrivalHistory::add_second(double arrivals) {
  const double usual = window(kUsualWindow);
  const double before = elapsed_s_ > 0 ? newest_[0] : arrivals;
  ++elapsed_s_;
  const bool is_burst =
      arrivals > kBurstFactor * usual + kBurstMin && elapsed_s_ > kRecentS && elapsed_s_ - burst_at_s_ > kBurstRestS;
  if (is_burst && burst_at_s_ >= 0) burst_gap_s_ = elapsed_s_ - burst_at_s_;
  if (is_burst) burst_at_s_ = elapsed_s_;
  for (std::size_t i = 0; i < windows_.size(); ++i) windows_[i] += (arrivals - windows_[i]) / kWindowsS[i];
  swing_ += (std::abs(arrivals - before) - swing_) / kSwingWindowS;
  if (arrivals > peak_) {
    peak_ = arrivals;
    peak_at_s_ = elapsed_s_;
  }
  total_ += arrivals;
  if (elapsed_s_ <= kRecentS) opening_ += arrivals;
  std::shift_right(newest_.begin(), newest_.end(), 1);
  newest_[0] = arrivals;
}

std::size_t ArrivalHistory::newest_count() const { return std::min<std::size_t>(elapsed_s_, kNewest); }

double ArrivalHistory::recent() const {
  const unsigned span = std::min(elapsed_s_, kRecentS);
  return span == 0 ? 0 : std::accumulate(newest_.begin(), newest_.begin() + span, 0.0) / span;
}

double ArrivalHistory::window(std::size_t number) const {
  if (elapsed_s_ == 0) return 0;
  return windows_[number] / (1 - std::pow(1 - 1 / kWindowsS[number], elapsed_s_));
}

double ArrivalHistory::least_of_newest() const {
  if (elapsed_s_ == 0) return 0;
  return *std::min_element(newest_.begin(), newest_.begin() + static_cast<std::ptrdiff_t>(newest_count()));
}

double ArrivalHistory::most_of_newest() const { return *std::max_element(newest_.begin(), newest_.end()); }

}  // namespace flashsale::forecast
