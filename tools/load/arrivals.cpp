#include "arrivals.hpp"

#include <cmath>

#include "flashsale/model/check.hpp"

namespace flashsale::load {

Arrivals::Arrivals(ArrivalPattern pattern, double rate_per_s, std::uint64_t seed, unsigned share, unsigned shares)
    : pattern_(pattern),
      gap_ns_(1e9 * static_cast<double>(shares) / rate_per_s),
      random_(seed + share),
      at_ns_(gap_ns_ * static_cast<double>(share) / static_cast<double>(shares)) {
  FLASHSALE_CHECK(rate_per_s > 0 && share < shares);
  if (pattern_ == ArrivalPattern::poisson) {
    at_ns_ = 0;
    advance();
  }
  next_ns_ = static_cast<std::uint64_t>(at_ns_);
}

void Arrivals::advance() {
  // 1 - unit() is in (0, 1], so the logarithm is finite.
  at_ns_ += pattern_ == ArrivalPattern::poisson ? -std::log(1 - random_.unit()) * gap_ns_ : gap_ns_;
  next_ns_ = static_cast<std::uint64_t>(at_ns_);
}

}  // namespace flashsale::load
