#pragma once
#include <array>
#include <cstddef>

namespace flashsale::forecast {

/// Arrivals of one sale by second since its opening, as far as a forecast looks back: running numbers of a fixed size.
class ArrivalHistory {
 public:
  static constexpr std::array kWindowsS{2.0, 5.0, 15.0, 45.0};
  static constexpr std::size_t kNewest = 10;

  void add_second(double arrivals);

  [[nodiscard]] unsigned elapsed_s() const { return elapsed_s_; }
  [[nodiscard]] double total() const { return total_; }
  [[nodiscard]] double last() const { return newest_[0]; }
  /// Of the first three seconds, or of those that have been.
  [[nodiscard]] double opening() const { return opening_; }
  /// Mean of the last three seconds, or of those that have been.
  [[nodiscard]] double recent() const;
  /// Mean that forgets with this window, and without what the zeros before the opening would weigh.
  [[nodiscard]] double window(std::size_t number) const;
  [[nodiscard]] double peak() const { return peak_; }
  [[nodiscard]] double since_peak_s() const { return elapsed_s_ - peak_at_s_; }
  [[nodiscard]] double least_of_newest() const;
  [[nodiscard]] double most_of_newest() const;
  /// How far one second is from the next, on average.
  [[nodiscard]] double swing() const { return swing_; }
  /// A burst is a second far above what was usual. Below zero: there was none yet.
  [[nodiscard]] double since_burst_s() const { return burst_at_s_ < 0 ? -1 : elapsed_s_ - burst_at_s_; }
  [[nodiscard]] double burst_gap_s() const { return burst_gap_s_; }

 private:
  [[nodiscard]] std::size_t newest_count() const;

  unsigned elapsed_s_ = 0;
  double total_ = 0;
  double opening_ = 0;
  std::array<double, kNewest> newest_{};  ///< the last second first
  std::array<double, kWindowsS.size()> windows_{};
  double peak_ = 0;
  double peak_at_s_ = 0;
  double swing_ = 0;
  double burst_at_s_ = -1;
  double burst_gap_s_ = 0;
};

}  // namespace flashsale::forecast
