#include "exemplars.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace flashsale::telemetry {

std::string Exemplars::key_of(const std::string& family, const std::map<std::string, std::string>& labels) {
  std::string key = family;
  for (const auto& [name, value] : labels) key.append(1, '\0').append(name).append(1, '\0').append(value);
  return key;
}

void Exemplars::add(const prometheus::Histogram& histogram, const std::string& family, const prometheus::Labels& labels,
                    prometheus::Histogram::BucketBoundaries bounds) {
  auto key = key_of(family, {labels.begin(), labels.end()});
  const std::lock_guard lock(mutex_);
  series_.try_emplace(key, Series{std::move(bounds), {}});
  keys_.try_emplace(&histogram, std::move(key));
}

void Exemplars::note(const prometheus::Histogram& histogram, const Exemplar& exemplar) {
  const std::lock_guard lock(mutex_);
  const auto key = keys_.find(&histogram);
  if (key == keys_.end()) return;
  auto& series = series_.at(key->second);
  // As the histogram itself does it: the first bucket whose bound is not below the value.
  const auto bound = std::lower_bound(series.bounds.begin(), series.bounds.end(), exemplar.value);
  series.exemplars[bound == series.bounds.end() ? std::numeric_limits<double>::infinity() : *bound] = exemplar;
}

ExemplarsByBucket Exemplars::of(const std::string& family, const Labels& labels) const {
  std::map<std::string, std::string> sorted;
  for (const auto& label : labels) sorted.emplace(label.name, label.value);
  const std::lock_guard lock(mutex_);
  const auto found = series_.find(key_of(family, sorted));
  return found == series_.end() ? ExemplarsByBucket() : found->second.exemplars;
}

}  // namespace flashsale::telemetry
