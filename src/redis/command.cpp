#include "flashsale/redis/command.hpp"

#include <charconv>

#include "flashsale/model/check.hpp"

namespace flashsale::redis {
namespace {

void append_header(std::string& out, char type, std::size_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out += type;
  out.append(digits, end);
  out += "\r\n";
}

}  // namespace

Command::Command(std::size_t argument_count) : missing_(argument_count) {
  wire_.reserve(16 + argument_count * 32);
  append_header(wire_, '*', argument_count);
}

Command::Command(std::initializer_list<std::string_view> arguments) : Command(arguments.size()) {
  for (const auto argument : arguments) add(argument);
}

Command& Command::add(std::string_view argument) {
  FLASHSALE_CHECK(missing_ > 0);
  --missing_;
  append_header(wire_, '$', argument.size());
  wire_ += argument;
  wire_ += "\r\n";
  return *this;
}

Command& Command::add(std::int64_t argument) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, argument).ptr;
  return add(std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

const std::string& Command::wire() const {
  FLASHSALE_CHECK(missing_ == 0);
  return wire_;
}

}  // namespace flashsale::redis
