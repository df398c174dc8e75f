#pragma once
#include <cstdint>
#include <string_view>

namespace flashsale::redis {

/// What an error reply of Redis is about. None of these has run: whoever asked is answered Failure::unavailable, and
/// Failure::script_missing where it is known that the script comes back.
enum class Refusal : std::uint8_t {
  data,            ///< this one command: of another type, of another form, more than there is room for
  not_permitted,   ///< the user may not do this
  script_missing,  ///< the scripts have to be loaded again
  not_now,         ///< the server is busy with a script, or cannot write: it, or the same one later
  elsewhere,       ///< another node of a cluster has these keys. Not followed: this module speaks to one server
  wrong_server,    ///< no longer the server that was connected to, or no longer as whom: to be connected to anew
};

/// By the first word of the text. What is not known counts as `not_now`.
[[nodiscard]] Refusal judge(std::string_view error);

}  // namespace flashsale::redis
