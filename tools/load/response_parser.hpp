#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flashsale::load {

/// One response at the front of a connection's bytes.
struct Response {
  enum class State : std::uint8_t { incomplete, complete, malformed };
  State state = State::incomplete;
  unsigned status = 0;
  std::size_t size = 0;  ///< bytes of the whole response; of the head and the announced body when incomplete, or 0
  bool closes = false;   ///< the server will close the connection
  bool is_replay = false;
  unsigned retry_after_s = 0;  ///< 0: not said
  std::string_view body;
};

/// Reads as much of HTTP/1.1 as the server and NGINX send to a keep-alive client: a body with Content-Length, or none
/// by definition. Anything else (chunked, a body until close, larger than 8 MiB) is malformed: a load generator that
/// guesses measures nothing. Views point into `bytes`.
[[nodiscard]] Response parse_response(std::string_view bytes);

}  // namespace flashsale::load
