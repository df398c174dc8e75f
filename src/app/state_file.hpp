#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/model/result.hpp"

namespace flashsale::app {

/// Replaces the file as a whole, for its owner alone: whoever reads it, and whenever the machine stops, it is the old
/// one or the new one.
[[nodiscard]] Error write_state_file(const std::string& path, std::string_view text);
/// Empty: there is no file.
[[nodiscard]] Result<std::optional<std::string>> read_state_file(const std::string& path);

}  // namespace flashsale::app
