#pragma once
#include <span>
#include <string>
#include <string_view>

namespace flashsale::redis {

/// A Lua script of src/redis/lua, called by its SHA-1. Connections load all of them when they open.
struct Script {
  std::string_view name;  ///< file name without .lua; the `operation` label of metrics
  std::string_view text;
  std::string sha1;  ///< 40 hex digits
};

[[nodiscard]] std::span<const Script> all_scripts();
[[nodiscard]] const Script& script(std::string_view name);  ///< asserts that there is one

}  // namespace flashsale::redis
