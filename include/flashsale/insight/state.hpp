#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/insight/figures.hpp"

namespace flashsale::insight {

/// Figures with the position that they are of, to go on from: one JSON document. It names customers.
[[nodiscard]] std::string write_state(const Figures& figures);
/// Empty: it is none, or of another version.
[[nodiscard]] std::optional<Figures> read_state(std::string_view text, const Figures::Limits& limits);

}  // namespace flashsale::insight
