#pragma once
#include <chrono>

/// How long memory may say what Redis alone can know, and how long Redis waits for that memory to die. The pairs belong
/// together: whoever changes one is told here what else has to change.
namespace flashsale {

/// A sold-out mark lives this long from the moment the last pulse that confirmed it was sent (PROTOCOL R8).
inline constexpr std::chrono::milliseconds kSoldOutMarkLife{250};
/// Units that are given back to an empty item, and a sale that was rebuilt, rest this long before they sell (R8).
inline constexpr std::chrono::microseconds kRestockRest{500'000};
static_assert(kSoldOutMarkLife * 2 <= kRestockRest, "every mark is dead by then, with as much again for slow threads");

/// Memory of `not open` lives this long from the moment the pulse was sent (PROTOCOL R9).
inline constexpr std::chrono::milliseconds kNotOpenMemoryLife{150};
/// A sale that was shut sells this long after it was opened by hand.
inline constexpr std::chrono::microseconds kOpeningRest{200'000};
static_assert(kNotOpenMemoryLife < kOpeningRest, "nobody remembers that it was shut when it sells");

}  // namespace flashsale
