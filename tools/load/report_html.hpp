#pragma once
#include <string>

#include "result.hpp"

namespace flashsale::load {

/// The result as one page with plots; it loads nothing from anywhere.
[[nodiscard]] std::string report_html(const Result& result);

}  // namespace flashsale::load
