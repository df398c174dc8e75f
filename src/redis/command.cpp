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

/// As Redis sees it: what stands between the first brace and the next one that closes.
std::string_view hash_tag_of(std::string_view key) {
  const auto open = key.find('{');
  const auto close = key.find('}', open);
  if (open == std::string_view::npos || close == std::string_view::npos) return {};
  return key.substr(open + 1, close - open - 1);
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

Command& Command::add_key(std::string_view key) {
  add(key);
  const auto tag = hash_tag_of(key);
  FLASHSALE_CHECK(hash_tag_size_ == 0 || tag == hash_tag());
  if (tag.empty()) return *this;
  const auto key_at = wire_.size() - 2 - key.size();
  hash_tag_at_ = key_at + static_cast<std::size_t>(tag.data() - key.data());
  hash_tag_size_ = tag.size();
  return *this;
}

std::string_view Command::hash_tag() const { return std::string_view(wire_).substr(hash_tag_at_, hash_tag_size_); }

const std::string& Command::wire() const {
  FLASHSALE_CHECK(missing_ == 0);
  return wire_;
}

}  // namespace flashsale::redis
