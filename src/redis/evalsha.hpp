#pragma once
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

#include "flashsale/model/result.hpp"
#include "flashsale/redis/command.hpp"

namespace flashsale::redis {

/// The call of a script with its keys; the caller adds `argument_count` arguments.
[[nodiscard]] Command evalsha(std::string_view script_name, std::span<const std::string_view> keys,
                              std::size_t argument_count);
[[nodiscard]] Command evalsha(std::string_view script_name, std::initializer_list<std::string_view> keys,
                              std::size_t argument_count);

/// Of a reply of a form that its reader does not know.
[[nodiscard]] Error protocol_error();

}  // namespace flashsale::redis
