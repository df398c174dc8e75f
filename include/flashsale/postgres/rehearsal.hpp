#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

struct ResetResult {
  enum class Outcome : std::uint8_t { reset, unknown_sale, no_rehearsal, overtaken } outcome = Outcome::reset;
  Sale sale;                ///< as it stands now, under a new epoch
  std::int64_t orders = 0;  ///< that are gone
};

/// Removes every order and payment of a rehearsal, some at a time, and in the end raises its epoch: what was accepted
/// before is not counted any more, nor written by whoever rebuilds the sale. Stock stays as it was changed; one that it
/// found closed opens again by its times, unless somebody has changed the sale meanwhile. Whatever ends the call, a
/// repeated one goes on from there; when another one has come to its end meanwhile, this one removes nothing more and
/// answers the sale as it stands. One log row. Blocking.
[[nodiscard]] Result<ResetResult> reset_rehearsal(Session& session, std::string_view sale_id, std::string_view who);
/// The same for a reset that has not got on for so long. `overtaken`: somebody else is at it or has finished it; what
/// has been ordered since is not touched.
[[nodiscard]] Result<ResetResult> finish_reset(Session& session, std::string_view sale_id,
                                               std::chrono::seconds stalled_for, std::string_view who);
/// Rehearsals whose reset has not got on for so long: nobody is at it any more.
[[nodiscard]] Result<std::vector<std::string>> unfinished_resets(Session& session, std::chrono::seconds older_than);

}  // namespace flashsale::postgres
