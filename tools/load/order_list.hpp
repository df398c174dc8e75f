#pragma once
#include <ostream>
#include <vector>

#include "check.hpp"
#include "observations.hpp"

namespace flashsale::load {

/// Writes what buyers know of their orders, for whoever compares it with what others were told: the sale's id in
/// the first line, then an order a line, its id and one of
///
///   told      201 or 200
///   accepted  202, and no answer since
///   open      no answer says whether there is an order
///
/// and ` cancelled` behind it where the buyer was told so. Keys whose every answer was a refusal are left out.
void write_order_list(std::ostream& out, const Expectation& expectation, const std::vector<KeyRecord>& keys);

}  // namespace flashsale::load
