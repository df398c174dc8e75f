#pragma once
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "flashsale/api/problem.hpp"
#include "flashsale/telemetry/trace.hpp"

namespace flashsale::api {

enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options, other };

/// The request header fields that some endpoint reads; the connection keeps no others.
enum class Header : std::uint8_t {
  accept,
  accept_language,
  authorization,
  content_type,
  content_encoding,
  idempotency_key,
  prefer,
  queue_ticket,
  if_none_match,
  customer_id,  ///< X-Customer-Id
  request_id,   ///< X-Request-Id, as sent; see Request::request_id
  origin,
  webhook_id,
  webhook_timestamp,
  webhook_signature,
  host,           ///< whom the client believes to ask
  last_event_id,  ///< of a stream that is taken up again
  forwarded_for,  ///< X-Forwarded-For, of several lines the last; see identity::client_address
  traceparent,    ///< as sent; see Exchange::trace
  count_,
};
inline constexpr std::size_t kHeaderCount = static_cast<std::size_t>(Header::count_);

/// One parsed request. The views live until the exchange has been replied to.
struct Request {
  Method method = Method::get;
  std::string_view target;                             ///< as sent
  std::string_view path;                               ///< without the query, still percent-encoded
  std::string_view query;                              ///< behind the '?', empty if none
  std::array<std::string_view, 2> path_parameters;     ///< `{…}` of the route, percent-decoded, in order
  std::array<std::string_view, kHeaderCount> headers;  ///< empty: not sent. A field sent twice with a single-value
                                                       ///< meaning was already refused with 400
  std::string_view body;
  std::string_view request_id;    ///< X-Request-Id taken (1..128 visible ASCII characters) or made
  telemetry::TraceId trace_id;    ///< of the trace that it belongs to; none while tracing is off
  std::string_view peer_address;  ///< IP address of the TCP peer, no port
  std::chrono::steady_clock::time_point received_at;

  [[nodiscard]] std::string_view header(Header h) const { return headers[static_cast<std::size_t>(h)]; }
};

/// An answer. All views need to live only during the call of Exchange::reply, which copies.
struct Reply {
  unsigned status = 200;
  std::string_view content_type = "application/json";
  std::string_view body;
  std::string_view headers;  ///< further fields, each `Name: value\r\n`; see append_header
};

/// Told whether the client has taken a piece of a streamed body.
using PieceTaken = std::function<void(bool)>;

/// One request and the duty to answer it exactly once, whole by reply() or in pieces by begin_stream() and what
/// follows. Belongs to one I/O thread: answer only there (post to executor() from elsewhere). Keep it alive with
/// shared_from_this() while work is under way; when the client has gone away the reply is dropped.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  virtual ~Exchange() = default;
  [[nodiscard]] virtual const Request& request() const = 0;
  [[nodiscard]] virtual boost::asio::any_io_executor executor() = 0;
  /// The server itself adds Date, Content-Length, Connection, X-Request-Id and traceresponse. For HEAD the body is left
  /// out.
  virtual void reply(const Reply& reply) = 0;

  /// Begins an answer whose body comes in pieces; `head.body` is not looked at. False: nothing may follow, as this
  /// answers HEAD or the client has gone.
  [[nodiscard]] virtual bool begin_stream(const Reply& head) = 0;
  /// Copies the next piece. `then` comes later, from the loop: with true when the client has taken the piece and the
  /// next may follow, with false when it has gone or is too slow; then the answer is over.
  virtual void stream(std::string_view piece, PieceTaken then) = 0;
  /// The body is whole. Not before the last piece was taken.
  virtual void end_stream() = 0;
  /// The body will never be whole: the connection is cut, so that the client can tell.
  virtual void cut_stream() = 0;

  /// For an answer that is long in coming: calls `gone` once, from the loop, if the client closes its connection before
  /// the answer's end.
  virtual void watch_client(std::function<void()> gone) = 0;

  /// What is noted of the request for its trace. Until the answer whoever works on it may note more; after it, until
  /// the next request is read, it says whether the trace is kept. Null: tracing is off.
  [[nodiscard]] virtual telemetry::RequestTrace* trace() { return nullptr; }
};

/// Appends one field to a header block; asserts that neither part has a CR, LF or NUL.
void append_header(std::string& block, std::string_view name, std::string_view value);

/// Answers with a problem document. `headers` as in Reply; where they have no Retry-After and the problem's table names
/// one, it is added.
void reply_problem(Exchange& exchange, ProblemType type, std::string_view detail, std::string_view headers = {},
                   std::string_view members = {});

/// `Retry-After` with `least_s` to three times as many seconds, evenly: a crowd that is turned away at one moment is
/// not to come back at one moment.
void append_retry_after(std::string& block, unsigned least_s);

/// 503 `unavailable` of a feature that somebody has switched off: it will be some seconds.
void reply_switched_off(Exchange& exchange, std::string_view detail);

/// `Retry-After` of an answer that tells of something unfinished: a 202, an order that is pending.
void append_look_again(std::string& block);

}  // namespace flashsale::api
