#include "flashsale/model/feature_flags.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "flashsale/model/check.hpp"

namespace flashsale {
namespace {

struct Description {
  std::string_view name;
  bool is_on_by_default = true;
};

// In the order of the enumeration.
constexpr std::array<Description, kFeatures.size()> kDescriptions{
    {{"checkout", true}, {"queue_joins", true}, {"webhooks", true}, {"live_stock", true}}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kFeatures.size(); ++i) {
    if (static_cast<std::size_t>(kFeatures[i]) != i) return false;
  }
  return true;
}
static_assert(is_in_order());

const Description& describe(Feature feature) {
  const auto index = static_cast<std::size_t>(feature);
  FLASHSALE_CHECK(index < kDescriptions.size());
  return kDescriptions[index];
}

constexpr std::uint64_t kFnvStart = 14695981039346656037ULL;

constexpr std::uint64_t fnv1a(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

/// By FNV alone, customers that differ in their last byte would fall in one pattern, the same at every feature.
constexpr std::uint64_t mixed(std::uint64_t hash) {
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33);
}

bool names(const std::vector<std::string>& sales, std::string_view sale_id) {
  return std::binary_search(sales.begin(), sales.end(), sale_id);
}

}  // namespace

std::string_view to_string(Feature feature) { return describe(feature).name; }

std::optional<Feature> parse_feature(std::string_view text) {
  const auto found = std::ranges::find(kFeatures, text, [](Feature feature) { return to_string(feature); });
  if (found == kFeatures.end()) return std::nullopt;
  return *found;
}

bool is_on_by_default(Feature feature) { return describe(feature).is_on_by_default; }

Flag default_flag(Feature feature) { return {is_on_by_default(feature), 100, {}}; }

std::uint32_t rollout_bucket(Feature feature, std::string_view customer_id) noexcept {
  // No customer id has a NUL in it.
  constexpr std::string_view kSeparator("\0", 1);
  const auto hash = fnv1a(fnv1a(fnv1a(kFnvStart, to_string(feature)), kSeparator), customer_id);
  return static_cast<std::uint32_t>(mixed(hash) % 100);
}

void FeatureFlags::set(Feature feature, Flag flag) {
  std::ranges::sort(flag.sales);
  flag.sales.erase(std::unique(flag.sales.begin(), flag.sales.end()), flag.sales.end());
  set_.at(static_cast<std::size_t>(feature)) = std::move(flag);
}

bool FeatureFlags::is_on(Feature feature, std::string_view sale_id, std::string_view customer_id) const noexcept {
  const auto& flag = set_[static_cast<std::size_t>(feature)];
  if (!flag || (!flag->sales.empty() && !names(flag->sales, sale_id))) return is_on_by_default(feature);
  if (!flag->enabled || flag->percent <= 0) return false;
  if (flag->percent >= 100) return true;
  if (customer_id.empty()) return is_on_by_default(feature);
  return rollout_bucket(feature, customer_id) < static_cast<std::uint32_t>(flag->percent);
}

}  // namespace flashsale
