#include "histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace flashsale::load {
namespace {

constexpr std::uint64_t kSubBuckets = std::uint64_t{1} << Histogram::kSubBucketBits;
constexpr std::uint64_t kValueMax = (std::uint64_t{1} << Histogram::kValueBits) - 1;

}  // namespace

std::size_t Histogram::bucket_of(std::uint64_t value_ns) {
  const std::uint64_t value = std::min(value_ns, kValueMax);
  if (value < kSubBuckets) return static_cast<std::size_t>(value);
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - kSubBucketBits - 1;
  // The leading one of the shifted value counts the power of two; the bits behind it are the place within.
  return static_cast<std::size_t>((std::uint64_t{shift} << kSubBucketBits) + (value >> shift));
}

std::uint64_t Histogram::middle_of(std::size_t bucket) {
  if (bucket < 2 * kSubBuckets) return bucket;
  const std::uint64_t shift = (bucket >> kSubBucketBits) - 1;
  const std::uint64_t lowest = (bucket - (shift << kSubBucketBits)) << shift;
  return lowest + (std::uint64_t{1} << shift) / 2;
}

void Histogram::record(std::uint64_t value_ns, std::uint64_t count) {
  buckets_[bucket_of(value_ns)] += count;
  count_ += count;
  max_ = std::max(max_, value_ns);
  sum_ += static_cast<double>(value_ns) * static_cast<double>(count);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

void Histogram::clear() { *this = Histogram(); }

std::uint64_t Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100.0;
  const auto rank =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(middle_of(i), max_);
  }
  return max_;
}

}  // namespace flashsale::load
