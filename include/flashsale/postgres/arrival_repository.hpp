#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// Checkouts that came to a sale in one second, of all instances.
struct ArrivalCount {
  std::int64_t second = 0;  ///< since 1970, by Redis's clock
  std::int64_t checkouts = 0;
};

struct ArrivalCurve {
  std::int64_t reset_epoch = 0;      ///< which run of the sale: only a rehearsal has several
  std::vector<ArrivalCount> counts;  ///< in the order of the seconds; none for those in which nobody came
};

/// Adds to what is stored of a sale; `counts` by second. Of a run that has gone on for `seconds_max` nothing more.
[[nodiscard]] Error add_arrivals(Session& session, std::int32_t sale_no,
                                 const std::map<std::int64_t, std::int64_t>& counts, std::int64_t seconds_max);

/// Of the sale's run that is under way, or was the last: the first ones from `second` on.
[[nodiscard]] Result<ArrivalCurve> read_arrivals(Session& session, std::int32_t sale_no, std::int64_t second,
                                                 std::size_t counts_max);

enum class NewestRun : std::uint8_t { any, ended };
/// The beginning of a sale's newest curve; `ended`: of a run before the one that is under way. Empty: there is none.
[[nodiscard]] Result<ArrivalCurve> read_newest_run(Session& session, std::int32_t sale_no, NewestRun which,
                                                   std::size_t counts_max);

}  // namespace flashsale::postgres
