#pragma once
#include <cstdint>
#include <string_view>

#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/session.hpp"

/// Moves orders of past sales out of the table that the hot path writes. Blocking; every call may be repeated, at once
/// too, and whatever ends one: an order stands in one table or the other.
namespace flashsale::postgres {

struct ArchiveResult {
  enum class Outcome : std::uint8_t { archived, unknown_sale, rehearsal, not_let_go } outcome = Outcome::archived;
  std::int64_t orders = 0;  ///< moved by this call
};

/// All orders of a sale that Redis has let go, some at a time. Afterwards they can be read and erased as before, but
/// not cancelled any more. `who` is named in the log of changes, the first time.
[[nodiscard]] Result<ArchiveResult> archive_sale(Session& session, std::string_view sale_id, std::string_view who);

/// Whether an order of the sale, of those that are not archived, was made, paid or cancelled within the last days.
[[nodiscard]] Result<bool> has_moved_since(Session& session, const Sale& sale, std::int32_t days);

}  // namespace flashsale::postgres
