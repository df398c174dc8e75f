#pragma once
#include <cstdint>

#include "random.hpp"

namespace flashsale::load {

enum class ArrivalPattern : std::uint8_t { poisson, uniform };

/// When the requests of an open loop are due, in nanoseconds after its start. The moments follow from rate, pattern
/// and seed alone, never from the answers, so a slow server cannot thin out the load that it is measured with.
/// `share` of `shares` threads: their Poisson streams add up to one of the whole rate, their uniform ones interleave.
class Arrivals {
 public:
  Arrivals(ArrivalPattern pattern, double rate_per_s, std::uint64_t seed, unsigned share, unsigned shares);

  [[nodiscard]] std::uint64_t next_ns() const { return next_ns_; }
  void advance();

 private:
  ArrivalPattern pattern_;
  double gap_ns_;
  Random random_;
  double at_ns_;  ///< kept with its fraction: rounding each gap would shift the rate
  std::uint64_t next_ns_ = 0;
};

}  // namespace flashsale::load
