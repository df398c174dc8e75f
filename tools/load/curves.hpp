#pragma once
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace flashsale::load {

/// `flashsale-load curves`: arrivals by second of many crowds, without any server, as CSV: what the forecast is fitted
/// and scored with. A row for each rehearsal and each sale. Gives what is wrong with the arguments; empty: written.
[[nodiscard]] std::string write_curves(const std::vector<std::string>& arguments, std::ostream& out);
[[nodiscard]] std::string_view curves_usage();

}  // namespace flashsale::load
