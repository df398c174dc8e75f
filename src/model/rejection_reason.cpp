#include "flashsale/model/rejection_reason.hpp"

#include <array>
#include <cstddef>

#include "flashsale/model/check.hpp"

namespace flashsale {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 6> kNames{"sold_out",    "limit_exceeded", "sale_not_open",
                                                 "interrupted", "unknown_item",   "data_refused"};
static_assert(kNames.size() == static_cast<std::size_t>(RejectionReason::data_refused) + 1);

}  // namespace

std::string_view to_string(RejectionReason reason) {
  const auto index = static_cast<std::size_t>(reason);
  FLASHSALE_CHECK(index < kNames.size());
  return kNames[index];
}

std::optional<RejectionReason> parse_rejection_reason(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) return static_cast<RejectionReason>(i);
  }
  return std::nullopt;
}

}  // namespace flashsale
