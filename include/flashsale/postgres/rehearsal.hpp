#pragma once
#include <cstdint>
#include <string_view>

#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

struct ResetResult {
  enum class Outcome : std::uint8_t { reset, unknown_sale, no_rehearsal } outcome = Outcome::reset;
  Sale sale;  ///< as it stands now: its epoch is one above the one whose orders are gone
  std::int64_t old_epoch = 0;
  std::int64_t orders = 0;  ///< that are gone
};

/// Removes every order and payment of a rehearsal and raises its epoch, in one transaction: what Redis accepted before
/// is not counted any more. Stock stays as it was changed. One log row. Blocking.
[[nodiscard]] Result<ResetResult> reset_rehearsal(Session& session, std::string_view sale_id, std::string_view who);

}  // namespace flashsale::postgres
