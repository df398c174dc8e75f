#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace flashsale::redis {

/// One command in the form of the Redis serialization protocol (RESP2), built without a copy of its arguments.
class Command {
 public:
  /// A command of exactly `argument_count` parts, to be added one by one.
  explicit Command(std::size_t argument_count);
  Command(std::initializer_list<std::string_view> arguments);

  Command& add(std::string_view argument);
  Command& add(std::int64_t argument);
  /// The bytes for the wire; asserts that all parts were added.
  [[nodiscard]] const std::string& wire() const;

 private:
  std::string wire_;
  std::size_t missing_;
};

}  // namespace flashsale::redis
