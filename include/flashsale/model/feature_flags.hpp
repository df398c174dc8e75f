#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flashsale {

/// What can be switched at run time. The set is fixed here; the database only keeps how each is set.
enum class Feature : std::uint8_t {
  checkout,     ///< orders are taken
  queue_joins,  ///< people may join the waiting room; there is none yet
  webhooks,     ///< calls of the payment provider are taken
  live_stock,   ///< the public catalog shows what remains of each item
};
inline constexpr std::array kFeatures{Feature::checkout, Feature::queue_joins, Feature::webhooks, Feature::live_stock};

[[nodiscard]] std::string_view to_string(Feature feature);
[[nodiscard]] std::optional<Feature> parse_feature(std::string_view text);
/// Counts while the feature was never set, and for sales that its setting does not name.
[[nodiscard]] bool is_on_by_default(Feature feature);

/// How a feature is set.
struct Flag {
  bool enabled = true;
  std::int32_t percent = 100;      ///< of all customers, 0..100; always the same ones
  std::vector<std::string> sales;  ///< it is set for these alone, in order, each once; empty: for all

  bool operator==(const Flag&) const = default;
};

/// How a feature is set that nobody has set.
[[nodiscard]] Flag default_flag(Feature feature);

/// 0..99, spread evenly: a customer has a feature when this is below its percentage. So whoever has it keeps it while
/// the percentage grows, and two features have different customers at the same one. It is FNV-1a (64 bits) over the
/// feature's name, a NUL and the customer, finished as in MurmurHash3, modulo 100. It may never change: with it the
/// customers of every percentage would.
[[nodiscard]] std::uint32_t rollout_bucket(Feature feature, std::string_view customer_id) noexcept;

/// How all features are set.
class FeatureFlags {
 public:
  void set(Feature feature, Flag flag);

  /// Never fails: whatever is not set or not known is answered by the default. Where no sale is meant (empty), a
  /// setting for single sales does not count. Where no customer is known (empty), a feature that is on for a part of
  /// them is at its default: nobody can tell which part is asking.
  [[nodiscard]] bool is_on(Feature feature, std::string_view sale_id, std::string_view customer_id) const noexcept;

 private:
  std::array<std::optional<Flag>, kFeatures.size()> set_;
};

}  // namespace flashsale
