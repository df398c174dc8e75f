#pragma once
#include <chrono>

#include "flashsale/catalog/snapshot.hpp"

/// How often the pulse asks about a sale, and about all of its items.
namespace flashsale::catalog {

/// A sale in which nothing can move is asked about less often: a change by an admin moves the directory, and that asks
/// at once.
inline constexpr std::chrono::milliseconds kQuietInterval{1000};
/// Well before a scheduled sale opens it is asked about as often as an open one: a crowd that comes early is refused
/// from memory, and that must be fresh.
inline constexpr std::chrono::minutes kAwakeBeforeStart{10};
inline constexpr std::chrono::minutes kAwakeAfterEnd{10};
/// An item that somebody has changed by hand shows after this long at the latest.
inline constexpr std::chrono::milliseconds kAllItemsInterval{1000};

/// Whether nothing in the sale can move. `last`: as it was last seen; `now` by Redis's clock.
[[nodiscard]] bool is_quiet(const SaleSnapshot& last, TimePoint now);

}  // namespace flashsale::catalog
