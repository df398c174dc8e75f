#pragma once
#include <cstdint>

namespace flashsale::telemetry {

/// 64 random bits for ids that must be unique and need not be secret. A few instructions; each thread has a sequence of
/// its own, which the system's randomness begins.
[[nodiscard]] std::uint64_t random_word();

}  // namespace flashsale::telemetry
