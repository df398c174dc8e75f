#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace flashsale {

/// Why an order that Redis had accepted is `rejected`. Their names are stored in PostgreSQL (orders.reason) and shown
/// to buyers: never rename one.
enum class RejectionReason : std::uint8_t {
  sold_out,
  limit_exceeded,  ///< any of the bounds on what one customer may have
  sale_not_open,
  interrupted,   ///< Redis lost it before it was written, and it came too late to be reserved again
  unknown_item,  ///< PostgreSQL has no such item
  data_refused,  ///< a row that PostgreSQL cannot take
};

[[nodiscard]] std::string_view to_string(RejectionReason reason);
/// Empty for any other text, as that of a newer version.
[[nodiscard]] std::optional<RejectionReason> parse_rejection_reason(std::string_view text);

}  // namespace flashsale
