#pragma once
#include <cstddef>
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
  /// The same for a key. Asserts that its hash tag is that of the keys before it.
  Command& add_key(std::string_view key);
  /// The bytes for the wire; asserts that all parts were added.
  [[nodiscard]] const std::string& wire() const;
  /// What stands in braces in its keys: the sale whose keys they are, by which a cluster would find their server.
  /// Empty: its keys, if any, belong to no sale. Valid as long as the command.
  [[nodiscard]] std::string_view hash_tag() const;

 private:
  std::string wire_;
  std::size_t missing_;
  std::size_t hash_tag_at_ = 0;  ///< in wire_
  std::size_t hash_tag_size_ = 0;
};

}  // namespace flashsale::redis
