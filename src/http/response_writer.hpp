#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "byte_buffer.hpp"
#include "flashsale/api/exchange.hpp"

namespace flashsale::http {

/// The `Date` field, made anew at most once a second. For one thread.
class DateCache {
 public:
  /// `Date: Tue, 24 Nov 2026 04:37:39 GMT\r\n`; valid until the next call.
  [[nodiscard]] std::string_view field(std::time_t now_s);

 private:
  std::time_t made_for_ = -1;
  std::array<char, 48> text_{};
  std::size_t size_ = 0;
};

/// How a client learns where the body ends.
enum class BodyFraming : std::uint8_t {
  length,       ///< the body is there, and its length is told
  chunked,      ///< it follows in chunks
  until_close,  ///< it follows, for a client that knows no chunks (HTTP/1.0)
};

/// What the connection adds to a handler's answer.
struct ResponseFrame {
  std::string_view date_field;  ///< whole, as DateCache gives it
  std::string_view request_id;
  std::string_view trace_response;  ///< value of `traceresponse`; empty: none
  std::string_view extra_fields;    ///< whole, for every answer of the server (CORS)
  bool close = false;               ///< Connection: close
  bool keep_alive_1_0 = false;      ///< Connection: keep-alive, which a client of HTTP/1.0 must be told
  bool without_body = false;        ///< answer to HEAD: Content-Length of the body, but no body
  BodyFraming framing = BodyFraming::length;
};

/// Appends a whole response, or the head of one whose body follows. A status that has no body by definition (204, 304)
/// gets none, nor its length.
void append_response(ByteBuffer& out, const api::Reply& reply, const ResponseFrame& frame);

/// Appends one chunk of a body that is sent in chunks; `bytes` is not empty, as that would be the end.
void append_chunk(ByteBuffer& out, std::string_view bytes);
void append_last_chunk(ByteBuffer& out);

/// `409 Conflict`; `<status> Unknown` when it is none of RFC 9110's.
[[nodiscard]] std::string_view reason_phrase(unsigned status);

}  // namespace flashsale::http
