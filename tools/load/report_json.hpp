#pragma once
#include <string>

#include "result.hpp"

namespace flashsale::load {

/// The result for programs.
[[nodiscard]] std::string report_json(const Result& result);

}  // namespace flashsale::load
