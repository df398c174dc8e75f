#pragma once
#include <string>

namespace flashsale::workers {

/// A name for whoever holds something that one at a time may hold: nobody else's, even if `name` is given again.
[[nodiscard]] std::string unique_holder(const std::string& name);

}  // namespace flashsale::workers
