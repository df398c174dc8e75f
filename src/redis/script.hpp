#pragma once
#include <span>
#include <string>
#include <string_view>

namespace flashsale::redis {

/// A Lua script of src/redis/lua, called by its SHA-1. Connections load all of them when they open. Before each stands
/// what its head says that it uses: files `prelude_….lua`, and `times`, which are those of model/selling_times.hpp.
struct Script {
  std::string_view name;  ///< file name without .lua; the `operation` label of metrics
  std::string text;
  std::string sha1;  ///< 40 hex digits
};

[[nodiscard]] std::span<const Script> all_scripts();
[[nodiscard]] const Script& script(std::string_view name);  ///< asserts that there is one

}  // namespace flashsale::redis
