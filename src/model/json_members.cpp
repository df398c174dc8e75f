#include "flashsale/model/json_members.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "flashsale/model/json_text.hpp"

namespace flashsale {

void append_member(std::string& out, std::string_view name) {
  if (!out.empty() && out.back() != '{') out += ',';
  out += '"';
  out += name;
  out += "\":";
}

void append_text(std::string& out, std::string_view name, std::string_view value) {
  append_member(out, name);
  append_json_string(out, value);
}

void append_number(std::string& out, std::string_view name, std::int64_t value) {
  append_member(out, name);
  append_json_number(out, value);
}

void append_decimal(std::string& out, std::string_view name, std::optional<double> value, int digits) {
  append_member(out, name);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, std::clamp(value.value_or(0), 0.0, 1e15));
  out += value ? text.data() : "null";
}

void append_time(std::string& out, std::string_view name, TimePoint value) {
  append_member(out, name);
  out += '"';
  append_rfc3339(out, value);
  out += '"';
}

void append_money(std::string& out, std::string_view name, std::int64_t amount, std::string_view currency) {
  append_member(out, name);
  out += '{';
  append_number(out, "amount", amount);
  append_text(out, "currency", currency);
  out += '}';
}

void append_rehearsal(std::string& out) {
  append_member(out, "rehearsal");
  out += "true";
}

}  // namespace flashsale
