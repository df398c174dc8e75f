#include "array_literal.hpp"

#include <charconv>

namespace flashsale::postgres {

void ArrayLiteral::separate() {
  if (text_.size() > 1) text_.push_back(',');
}

ArrayLiteral& ArrayLiteral::add(std::int64_t number) {
  separate();
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  text_.append(digits, end);
  return *this;
}

ArrayLiteral& ArrayLiteral::add(const OrderId& id) {
  separate();
  id.append_to(text_);
  return *this;
}

ArrayLiteral& ArrayLiteral::add(const std::optional<TimePoint>& time) {
  if (!time) return add_null();
  separate();
  append_rfc3339(text_, *time);
  return *this;
}

ArrayLiteral& ArrayLiteral::add_null() {
  separate();
  text_.append("NULL");
  return *this;
}

ArrayLiteral& ArrayLiteral::add_text(std::string_view text) {
  separate();
  text_.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') text_.push_back('\\');
    text_.push_back(c);
  }
  text_.push_back('"');
  return *this;
}

const std::string& ArrayLiteral::close() {
  text_.push_back('}');
  return text_;
}

std::string array_of(std::span<const OrderId> ids) {
  ArrayLiteral array;
  for (const auto& id : ids) array.add(id);
  return array.close();
}

std::string array_of(std::span<const std::int32_t> numbers) {
  ArrayLiteral array;
  for (const auto number : numbers) array.add(std::int64_t{number});
  return array.close();
}

std::string array_of(std::span<const std::string> texts) {
  ArrayLiteral array;
  for (const auto& text : texts) array.add_text(text);
  return array.close();
}

}  // namespace flashsale::postgres
