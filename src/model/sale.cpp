#include "flashsale/model/sale.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "flashsale/model/check.hpp"

namespace flashsale {
namespace {

// In the order of the numbers.
constexpr std::array<std::string_view, 4> kStateNames{"scheduled", "open", "paused", "closed"};
constexpr std::array<std::string_view, 2> kPaymentNames{"none", "required"};
constexpr std::array<std::string_view, 3> kCancellableNames{"paid", "closed", "never"};

template <class Enum, std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  FLASHSALE_CHECK(index < names.size());
  return names[index];
}

template <class Enum, std::size_t N>
std::optional<Enum> value_of(const std::array<std::string_view, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(SaleState state) { return name_of(kStateNames, state); }
std::optional<SaleState> parse_sale_state(std::string_view text) { return value_of<SaleState>(kStateNames, text); }

std::string_view to_string(PaymentMode mode) { return name_of(kPaymentNames, mode); }
std::optional<PaymentMode> parse_payment_mode(std::string_view text) {
  return value_of<PaymentMode>(kPaymentNames, text);
}

std::string_view to_string(CancellableUntil until) { return name_of(kCancellableNames, until); }
std::optional<CancellableUntil> parse_cancellable_until(std::string_view text) {
  return value_of<CancellableUntil>(kCancellableNames, text);
}

const Item* Sale::find_item(std::string_view sku) const {
  const auto found = std::find_if(items.begin(), items.end(), [&](const Item& item) { return item.sku == sku; });
  return found == items.end() ? nullptr : &*found;
}

const Item* Sale::find_item(std::int32_t item_no) const {
  const auto found = std::ranges::lower_bound(items, item_no, {}, &Item::item_no);
  return found == items.end() || found->item_no != item_no ? nullptr : &*found;
}

SaleState effective_state(SaleState state, TimePoint starts_at, TimePoint ends_at, TimePoint now) {
  // A sale that has ended is closed to buyers whatever was set: pausing does not prolong it.
  if (state == SaleState::closed || now >= ends_at) return SaleState::closed;
  if (state == SaleState::scheduled && now >= starts_at) return SaleState::open;
  return state;
}

}  // namespace flashsale
