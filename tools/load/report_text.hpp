#pragma once
#include <cstdint>
#include <string>

#include "result.hpp"

namespace flashsale::load {

/// `1,234,567`
[[nodiscard]] std::string with_thousands(std::uint64_t number);
/// Milliseconds with three significant digits or more.
[[nodiscard]] std::string in_ms(std::uint64_t ns);

/// One line about one second of the run.
[[nodiscard]] std::string progress_line(std::size_t second, const MergedInterval& interval);
/// The tables at the end: answers, latencies, the check.
[[nodiscard]] std::string report_text(const Result& result);

}  // namespace flashsale::load
