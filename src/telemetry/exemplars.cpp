#include "exemplars.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace flashsale::telemetry {

std::string Exemplars::key_of(const std::string& family, const Labels& labels) {
  std::string key = family;
  for (const auto& label : labels) key.append(1, '\0').append(label.name).append(1, '\0').append(label.value);
  return key;
}

void Exemplars::add(const ThreadHistogram& histogram, const std::string& family, const Labels& labels,
                    std::span<const double> bounds) {
  auto key = key_of(family, labels);
  const std::lock_guard lock(mutex_);
  series_.try_emplace(key, Series{bounds, {}});
  keys_.try_emplace(&histogram, std::move(key));
}

void Exemplars::note(const ThreadHistogram& histogram, const Exemplar& exemplar) {
  const std::lock_guard lock(mutex_);
  const auto key = keys_.find(&histogram);
  if (key == keys_.end()) return;
  auto& series = series_.at(key->second);
  // As the histogram itself does it: the first bucket whose bound is not below the value.
  const auto bound = std::lower_bound(series.bounds.begin(), series.bounds.end(), exemplar.value);
  series.exemplars[bound == series.bounds.end() ? std::numeric_limits<double>::infinity() : *bound] = exemplar;
}

ExemplarsByBucket Exemplars::of(const std::string& family, const Labels& labels) const {
  const std::lock_guard lock(mutex_);
  const auto found = series_.find(key_of(family, labels));
  return found == series_.end() ? ExemplarsByBucket() : found->second.exemplars;
}

}  // namespace flashsale::telemetry
