#include "flashsale/forecast/prior.hpp"

#include <algorithm>
#include <cstddef>

namespace flashsale::forecast {

EarlierCurve::EarlierCurve(const std::vector<double>& arrivals, std::optional<std::int64_t> registrations)
    : sums_(1, 0.0), registrations_(registrations) {
  sums_.reserve(arrivals.size() + 1);
  for (const double count : arrivals) sums_.push_back(sums_.back() + count);
}

double EarlierCurve::total(unsigned seconds) const { return sums_[std::min<std::size_t>(seconds, sums_.size() - 1)]; }

double EarlierCurve::rate(unsigned from_s, unsigned span_s) const {
  return span_s == 0 ? 0 : (total(from_s + span_s) - total(from_s)) / span_s;
}

double EarlierCurve::peak(unsigned from_s, unsigned span_s) const {
  double most = 0;
  for (unsigned second = from_s; second < from_s + span_s; ++second) most = std::max(most, rate(second, 1));
  return most;
}

}  // namespace flashsale::forecast
