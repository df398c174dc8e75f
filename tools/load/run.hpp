#pragma once
#include <atomic>

#include "options.hpp"
#include "result.hpp"

namespace flashsale::load {

/// Does a whole run: tokens, sale, load, check. Throws std::exception with one line for the user when that is not
/// possible. `is_stopping` ends the load early; what was seen until then is checked.
[[nodiscard]] Result run(const Options& options, const std::atomic<bool>& is_stopping);

}  // namespace flashsale::load
