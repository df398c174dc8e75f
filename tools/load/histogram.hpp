#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace flashsale::load {

/// Log-linear histogram of durations in nanoseconds, the scheme of Gil Tene's HdrHistogram: each power of two is cut
/// into 128 buckets of equal width, so a bucket is at most 1/128 of its values wide and its middle, which is what a
/// percentile answers, is off by at most 0.4 %. Below 256 ns it is exact. One writer.
class Histogram {
 public:
  static constexpr unsigned kSubBucketBits = 7;
  static constexpr unsigned kValueBits = 42;  ///< up to 73 minutes; longer ones count as that
  static constexpr std::size_t kBuckets = std::size_t{kValueBits - kSubBucketBits + 1} << kSubBucketBits;

  Histogram() : buckets_(kBuckets) {}

  void record(std::uint64_t value_ns, std::uint64_t count = 1);
  void merge(const Histogram& other);
  void clear();

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  [[nodiscard]] double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  /// The smallest recorded value that `percent` of all values do not exceed, within a bucket; 0 when empty.
  [[nodiscard]] std::uint64_t percentile(double percent) const;
  [[nodiscard]] std::uint64_t in_bucket(std::size_t index) const { return buckets_[index]; }

  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value_ns);
  [[nodiscard]] static std::uint64_t middle_of(std::size_t bucket);

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace flashsale::load
