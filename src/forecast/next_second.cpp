#include "flashsale/forecast/next_second.hpp"

#include <algorithm>
#include <cmath>

namespace flashsale::forecast {
namespace {

constexpr double kDriftStart = 0.05, kDriftMin = 0.0002, kDriftGain = 0.1;
constexpr double kOutlier = 9;      // a surprise counts for at most so many variances
constexpr double kFollowMin = 0.2;  // of a surprise moves the level
constexpr std::size_t kLocalFromS = 3;
constexpr double kLossesKept = 0.93;  // from one second to the next
constexpr double kHandicap = 1.5;     // the level begins as if it had been so many times as bad as the model
constexpr int kTrust = 3;             // one that was half as bad as the other counts for 2 to that as much

Quantiles as_rates(const Quantiles& logarithms) {
  Quantiles rates{};
  std::ranges::transform(logarithms, rates.begin(), [](double value) { return std::expm1(value); });
  return rates;
}

/// Twice the pinball loss, on average over the levels.
double loss(const Quantiles& rates, double came) {
  double sum = 0;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const double gap = came - rates[i];
    sum += std::max(kLevels[i] * gap, (kLevels[i] - 1) * gap);
  }
  return 2 * sum / static_cast<double>(rates.size());
}

}  // namespace

void LocalLevel::add_second(double arrivals) {
  const double seen = std::log1p(arrivals);
  if (!has_begun_) {
    has_begun_ = true;
    level_ = seen;
    drift_ = kDriftStart;
    return;
  }
  const double noise = std::exp(-level_);
  const double surprise = seen - level_;
  const double excess = std::min(surprise * surprise, kOutlier * (drift_ + noise)) - noise;
  drift_ = std::max(kDriftMin, drift_ + kDriftGain * (excess - drift_));
  level_ += std::max(kFollowMin, drift_ / (drift_ + noise)) * surprise;
}

Quantiles LocalLevel::tell() const {
  const double spread = std::sqrt(drift_ + std::exp(-level_));
  Quantiles line{};
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = std::max(0.0, level_ + spread * kNormal[i]);
  return line;
}

NextSecond::NextSecond() : model_loss_(1), local_loss_(kHandicap) {}

Quantiles NextSecond::tell(const Quantiles& said) {
  if (elapsed_s_ < kLocalFromS) return said;
  const Quantiles local = local_.tell();
  told_ = Told{as_rates(said), as_rates(local)};
  const double weight = 1 / (1 + std::pow(model_loss_ / local_loss_, kTrust));
  Quantiles line{};
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = weight * said[i] + (1 - weight) * local[i];
  return line;
}

void NextSecond::add_second(double arrivals) {
  if (told_) {
    const double size = 1 + arrivals + told_->model[kMiddle];
    model_loss_ = model_loss_ * kLossesKept + loss(told_->model, arrivals) / size;
    local_loss_ = local_loss_ * kLossesKept + loss(told_->local, arrivals) / size;
  }
  local_.add_second(arrivals);
  ++elapsed_s_;
}

}  // namespace flashsale::forecast
