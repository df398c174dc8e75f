#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/model/time.hpp"

/// The members of a JSON object that is written by hand, one behind the other: what a document repeats a thousand times
/// costs no tree of values. Names are ours and need no escapes.
namespace flashsale {

/// `"name":` with the comma before it, unless it is the first member.
void append_member(std::string& out, std::string_view name);

void append_text(std::string& out, std::string_view name, std::string_view value);
void append_number(std::string& out, std::string_view name, std::int64_t value);
/// With so many digits behind the point, and never below 0; null where there is none.
void append_decimal(std::string& out, std::string_view name, std::optional<double> value, int digits);
void append_time(std::string& out, std::string_view name, TimePoint value);
void append_money(std::string& out, std::string_view name, std::int64_t amount, std::string_view currency);
/// The mark that everything of a rehearsal carries.
void append_rehearsal(std::string& out);

}  // namespace flashsale
