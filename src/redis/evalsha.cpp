#include "evalsha.hpp"

#include <cstdint>

#include "flashsale/redis/error.hpp"
#include "script.hpp"

namespace flashsale::redis {

Command evalsha(std::string_view script_name, std::span<const std::string_view> keys, std::size_t argument_count) {
  Command command(3 + keys.size() + argument_count);
  command.add("EVALSHA").add(script(script_name).sha1).add(static_cast<std::int64_t>(keys.size()));
  for (const auto key : keys) command.add_key(key);
  return command;
}

Command evalsha(std::string_view script_name, std::initializer_list<std::string_view> keys,
                std::size_t argument_count) {
  return evalsha(script_name, std::span(keys.begin(), keys.size()), argument_count);
}

Error protocol_error() { return make_error_code(Failure::protocol); }

}  // namespace flashsale::redis
