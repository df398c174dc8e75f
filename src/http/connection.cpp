#include "connection.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "flashsale/telemetry/log.hpp"
#include "grammar.hpp"

namespace flashsale::http {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kReceiveRoomMin = 512;
constexpr std::size_t kIdleCapacityMax = 2048;
// A client that pipelines gets this much before it is another's turn.
constexpr unsigned kRequestsPerTurnMax = 64;
constexpr std::size_t kOutputBytesMax = 64 * 1024;
constexpr std::chrono::seconds kLingerTimeout{2};
// What the kernel holds for a client that does not read. Left to itself it grows to megabytes a connection, and
// filling it is work that others wait for.
constexpr int kSendBufferBytes = 128 * 1024;
constexpr std::size_t kLingerBytesMax = 4 * 1024 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kAllMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

ParserLimits limits_of(const Options& options) {
  return {.header_bytes_max = options.header_bytes_max, .body_bytes_max = options.body_bytes_max};
}

bool is_encoded(const api::Request& request) {
  const std::string_view encoding = request.header(api::Header::content_encoding);
  return !encoding.empty() && !equals_ignoring_case(encoding, "identity");
}

}  // namespace

Connection::Connection(std::shared_ptr<IoThread> thread, Socket socket, std::string peer_address, bool is_counted)
    : thread_(std::move(thread)),
      socket_(std::move(socket)),
      peer_address_(std::move(peer_address)),
      parser_(limits_of(thread_->server().options)),
      is_counted_(is_counted) {
  boost::system::error_code ignored;  // a connection that is broken already shows it at the first read
  socket_->non_blocking(true, ignored);
  socket_->set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_->set_option(asio::socket_base::send_buffer_size(kSendBufferBytes), ignored);
  request_.peer_address = peer_address_;
}

void Connection::start() {
  now_ = Clock::now();
  deadline_ = now_ + thread_->server().options.idle_timeout;
  receive();
}

void Connection::refuse() {
  begin_request(Clock::now());
  std::string headers;
  api::append_retry_after(headers, api::describe(api::ProblemType::overloaded).retry_after_s);
  fail(api::ProblemType::overloaded, "the server has as many connections as it takes", headers);
  settle();
}

// ---- receiving

void Connection::receive() {
  if (input_.empty() && input_.capacity() > kIdleCapacityMax) input_.release();
  char* const to = input_.prepare(kReceiveRoomMin);
  is_reading_ = true;
  socket_->async_read_some(
      asio::buffer(to, input_.room()),
      [self = self()](boost::system::error_code error, std::size_t bytes) { self->on_received(error, bytes); });
}

void Connection::on_received(boost::system::error_code error, std::size_t bytes) {
  is_reading_ = false;
  if (phase_ == Phase::closed) return;
  if (error) return close();
  if (phase_ == Phase::lingering) {
    linger_bytes_left_ -= std::min(linger_bytes_left_, bytes);
    return linger_bytes_left_ == 0 ? close() : receive();
  }
  if (phase_ != Phase::receiving) return;  // a timeout has been answered meanwhile
  now_ = Clock::now();
  const bool is_first = input_.empty();
  input_.commit(bytes);
  if (is_first) begin_request(now_);
  needs_input_ = false;
  serve_received();
}

void Connection::begin_request(Clock::time_point now) {
  request_.received_at = now;
  deadline_ = now + thread_->server().options.header_timeout;
}

/// Serves what is in the buffer, in order; answers that come at once leave together in one write. Handlers run only
/// from here, and never inside a handler or another connection's reply().
void Connection::serve_received() {
  is_serving_ = true;
  for (unsigned served = 0; served < kRequestsPerTurnMax && output_.size() < kOutputBytesMax; ++served) {
    if (phase_ != Phase::receiving || input_.empty() || !serve_next()) break;
  }
  is_serving_ = false;
  settle();
}

/// True when a request was answered and the next may be looked for.
bool Connection::serve_next() {
  const bool had_head = parser_.state() != RequestParser::State::head;
  std::size_t size = input_.size();
  const RequestParser::State state = parser_.parse(input_.data(), size);
  input_.truncate(size);
  switch (state) {
    case RequestParser::State::head: needs_input_ = true; return false;
    case RequestParser::State::body:
      needs_input_ = true;
      if (!had_head) on_head();
      return false;
    case RequestParser::State::failed: fail(parser_.failure().type, parser_.failure().detail); return false;
    case RequestParser::State::complete: dispatch(); break;
  }
  return phase_ == Phase::receiving;
}

void Connection::on_head() {
  deadline_ = now_ + thread_->server().options.body_timeout;
  // A client that has begun to send the body does not wait for the permission.
  if (!parser_.expects_continue() || input_.size() > parser_.head_bytes()) return;
  parser_.view(input_.data(), request_);
  if (thread_->router().match(request_.method, request_.path).outcome == Router::Outcome::found) {
    if (output_.capacity() == 0) output_ = thread_->borrow_buffer();
    output_.append(kContinue);
  } else {
    close_after_ = true;  // whether the body comes after the refusal is the client's choice
    dispatch();
  }
}

// ---- a request

void Connection::dispatch() {
  parser_.view(input_.data(), request_);
  take_request_id();
  begin_trace();
  phase_ = Phase::working;
  const Router::Match match = thread_->router().match(request_.method, request_.path);
  switch (match.outcome) {
    case Router::Outcome::found:
      route_ = match.pattern;
      if (decode_parameters(match)) return run(*match.handler);
      return api::reply_problem(*this, api::ProblemType::malformed_request, "the path is not encoded correctly");
    case Router::Outcome::no_method: {
      route_ = match.pattern;
      const std::string_view allow = thread_->router().allow(match.pattern);
      if (request_.method == api::Method::options) return reply_options(allow);
      std::string headers;
      api::append_header(headers, "Allow", allow);
      return api::reply_problem(*this, api::ProblemType::method_not_allowed,
                                "the path exists, but not with this method", headers);
    }
    case Router::Outcome::no_path:
      route_ = kNoRoute;
      if (request_.method == api::Method::options && request_.path == "*") return reply_options(kAllMethods);
      return api::reply_problem(*this, api::ProblemType::not_found, "there is nothing at this path");
  }
}

void Connection::run(const api::Handler& handler) {
  if (!request_.body.empty() && is_encoded(request_)) {
    return api::reply_problem(*this, api::ProblemType::unsupported_media_type,
                              "the body must be sent as it is, without Content-Encoding",
                              "Accept-Encoding: identity\r\n");
  }
  std::string_view what = "not a std::exception";
  try {
    return handler(*this);
  } catch (const std::exception& error) {
    what = error.what();
    telemetry::log_error("handler threw", {{"route", thread_->metrics().route_name(route_)}, {"what", what}});
  } catch (...) {
    telemetry::log_error("handler threw", {{"route", thread_->metrics().route_name(route_)}, {"what", what}});
  }
  // What the handler may have left behind could answer later: not on a connection that goes on.
  if (phase_ == Phase::working) fail(api::ProblemType::internal_error, "the request could not be handled");
}

void Connection::reply_options(std::string_view allow) {
  std::string headers;
  api::append_header(headers, "Allow", allow);
  if (!thread_->server().options.cors_origin.empty()) {
    api::append_header(headers, "Access-Control-Allow-Methods", allow);
    headers += thread_->server().preflight_fields;
  }
  reply({.status = 204, .content_type = {}, .body = {}, .headers = headers});
}

void Connection::take_request_id() {
  request_.request_id = request_.header(api::Header::request_id);
  if (is_usable_request_id(request_.request_id)) return;
  make_request_id(made_request_id_);
  request_.request_id = {made_request_id_.data(), made_request_id_.size()};
}

/// The clock is read once more, so that the time that the client took to send it is told from the server's.
void Connection::begin_trace() {
  auto* const tracer = thread_->server().tracer;
  if (tracer == nullptr) return;
  if (!trace_) trace_ = std::make_unique<telemetry::RequestTrace>();
  tracer->begin(*trace_, request_.header(api::Header::traceparent), request_.request_id, Clock::now());
  request_.trace_id = trace_->context.trace_id;
}

void Connection::end_trace(unsigned status, Clock::time_point now) {
  if (!trace_ || trace_->has_ended) return;
  const auto route = thread_->metrics().route_name(route_);
  thread_->server().tracer->end(*trace_,
                                {.method = method_name(request_.method),
                                 .route = route,
                                 // What no route took may name somebody: it does not leave the house.
                                 .path = route_ == kNoRoute ? std::string_view{} : path_to_keep(request_, route),
                                 .request_id = request_.request_id,
                                 .status = status,
                                 .received_at = request_.received_at,
                                 .ended = now});
}

bool Connection::decode_parameters(const Router::Match& match) {
  request_.path_parameters = match.parameters;
  const auto is_encoded = [](std::string_view text) { return text.find('%') != std::string_view::npos; };
  if (std::none_of(match.parameters.begin(), match.parameters.end(), is_encoded)) return true;
  decoded_parameters_.clear();
  decoded_parameters_.reserve(match.parameters[0].size() + match.parameters[1].size());  // views must stay valid
  for (std::string_view& parameter : request_.path_parameters) {
    const std::size_t begin = decoded_parameters_.size();
    if (!percent_decode(parameter, decoded_parameters_)) return false;
    parameter = std::string_view(decoded_parameters_).substr(begin);
  }
  return true;
}

void Connection::reply(const api::Reply& reply) {
  if (phase_ == Phase::closed) return;
  if (phase_ != Phase::working) {
    return telemetry::log_error("request answered twice", {{"route", thread_->metrics().route_name(route_)}});
  }
  answer(reply);
  if (!is_serving_) settle();
}

/// Answers a request that cannot be read or worked on further, and closes the connection. What the client has sent
/// or will send can no longer be told apart into requests.
void Connection::fail(api::ProblemType type, std::string_view detail, std::string_view headers) {
  if (phase_ != Phase::working) {
    const Clock::time_point received_at = request_.received_at;
    request_ = {};
    request_.method = parser_.method();
    request_.received_at = received_at;
    request_.peer_address = peer_address_;
    route_ = kNoRoute;
    take_request_id();
    // What cannot be read has no trace: strangers could fill the room for failures with it.
    if (trace_) *trace_ = {.has_ended = true};
  }
  close_after_ = true;
  const std::string body = api::problem_document(type, detail);
  answer({.status = api::describe(type).status,
          .content_type = "application/problem+json",
          .body = body,
          .headers = headers});
}

void Connection::answer(const api::Reply& reply) {
  begin_answer(reply, BodyFraming::length);
  end_answer(reply.status);
}

void Connection::begin_answer(const api::Reply& reply, BodyFraming framing) {
  const bool has_request = parser_.state() == RequestParser::State::complete;
  const bool client_keeps = has_request && parser_.keep_alive();
  const bool server_closes = close_after_ || thread_->must_close();
  is_last_ = server_closes || !client_keeps || framing == BodyFraming::until_close;
  must_linger_ = server_closes;
  if (output_.capacity() == 0) output_ = thread_->borrow_buffer();
  const ServerState& server = thread_->server();
  const bool is_cacheable = reply.headers.find("Cache-Control:") != std::string_view::npos;
  const bool has_caller = trace_ && trace_->has_caller;
  const auto trace_response = has_caller ? telemetry::format_traceparent(trace_->context) : std::string();
  append_response(output_, reply,
                  {.date_field = thread_->date_field(),
                   .request_id = request_.request_id,
                   .trace_response = trace_response,
                   .extra_fields = is_cacheable ? server.every_answer_fields : server.private_answer_fields,
                   .close = is_last_,
                   .keep_alive_1_0 = parser_.is_http_1_0(),
                   .without_body = request_.method == api::Method::head,
                   .framing = framing});
}

void Connection::end_answer(unsigned status) {
  gone_ = nullptr;
  now_ = Clock::now();
  const double duration_s = std::chrono::duration<double>(now_ - request_.received_at).count();
  thread_->metrics().observe(route_, request_.method, status, duration_s);
  thread_->request_log().note(request_, thread_->metrics().route_name(route_), status, now_);
  end_trace(status, now_);
  if (trace_ && trace_->kept_for != telemetry::KeptFor::nothing)
    thread_->metrics().note_trace(route_, request_.method, status, duration_s, trace_->context.trace_id);
  if (is_last_) {
    must_linger_ = must_linger_ || input_.size() > parser_.message_bytes();
    phase_ = Phase::finishing;
    return;
  }
  input_.consume(parser_.message_bytes());
  parser_.reset();
  phase_ = Phase::receiving;
  if (input_.empty()) {
    deadline_ = now_ + thread_->server().options.idle_timeout;
  } else {
    begin_request(now_);
  }
}

// ---- an answer in pieces

bool Connection::begin_stream(const api::Reply& head) {
  if (phase_ != Phase::working) return false;
  stream_status_ = head.status;
  is_chunked_ = !parser_.is_http_1_0();
  begin_answer(head, is_chunked_ ? BodyFraming::chunked : BodyFraming::until_close);
  // How long it goes on is the client's choice, and says nothing of the server.
  if (trace_) end_trace(head.status, Clock::now());
  if (request_.method == api::Method::head) {
    end_answer(stream_status_);
  } else {
    phase_ = Phase::streaming;
  }
  const bool has_body = phase_ == Phase::streaming;
  if (!is_serving_) settle();
  return has_body && phase_ == Phase::streaming;
}

void Connection::stream(std::string_view piece, api::PieceTaken then) {
  taken_ = std::move(then);
  if (phase_ != Phase::streaming) return tell_taken(false);
  if (output_.capacity() == 0) output_ = thread_->borrow_buffer();
  if (is_chunked_) append_chunk(output_, piece);
  else output_.append(piece);
  if (!is_serving_) settle();
}

void Connection::end_stream() {
  if (phase_ != Phase::streaming) return;
  if (output_.capacity() == 0) output_ = thread_->borrow_buffer();
  if (is_chunked_) append_last_chunk(output_);
  end_answer(stream_status_);
  if (!is_serving_) settle();
}

void Connection::cut_stream() {
  if (phase_ == Phase::streaming) close();
}

/// Through the loop: whoever is told sends the next piece, and so would call itself.
void Connection::tell_taken(bool taken) {
  if (!taken_) return;
  asio::post(thread_->context(), [then = std::exchange(taken_, nullptr), taken] { then(taken); });
}

// ---- a client that may have gone

void Connection::watch_client(std::function<void()> gone) {
  if (phase_ != Phase::working && phase_ != Phase::streaming) {
    return asio::post(thread_->context(), std::move(gone));
  }
  gone_ = std::move(gone);
  if (!is_watching_) watch();
}

/// Without holding the connection: see check().
void Connection::watch() {
  is_watching_ = true;
  std::weak_ptr<Connection> weak = self();
  socket_->async_wait(Socket::wait_read, [weak = std::move(weak)](boost::system::error_code error) {
    const auto connection = weak.lock();
    if (!connection) return;
    connection->is_watching_ = false;
    if (!error) connection->look_after_client();
  });
}

/// What it has sent ahead stays for later, and hides its end.
void Connection::look_after_client() {
  if (!gone_ || (phase_ != Phase::working && phase_ != Phase::streaming)) return;
  char byte = 0;
  boost::system::error_code error;
  static_cast<void>(socket_->receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error));
  if (error == asio::error::would_block || error == asio::error::try_again) return watch();
  if (error) close();
}

// ---- sending

/// Brings the connection to where it only has to wait: for the client, for a handler, or for its next turn.
void Connection::settle() {
  if (phase_ == Phase::closed || is_writing_) return;
  if (!output_.empty() && !flush()) return;
  switch (phase_) {
    case Phase::receiving:
      if (needs_input_ || input_.empty()) {
        if (!is_reading_) receive();
      } else {
        asio::post(thread_->context(), [self = self()] {
          if (self->phase_ == Phase::receiving) self->serve_received();
        });
      }
      break;
    case Phase::finishing: finish(); break;
    case Phase::streaming: tell_taken(true); break;
    case Phase::working:
    case Phase::lingering:
    case Phase::closed: break;
  }
}

/// Writes without a detour over the loop, which is nearly always enough. False when the rest has to wait or the
/// connection has broken.
bool Connection::flush() {
  boost::system::error_code error;
  while (!output_.empty()) {
    const std::size_t sent = socket_->send(asio::buffer(output_.data(), output_.size()), 0, error);
    if (error) break;
    output_.consume(sent);
  }
  if (output_.empty()) {
    thread_->give_back(std::move(output_));
    return true;
  }
  if (error != asio::error::would_block && error != asio::error::try_again) {
    close();
    return false;
  }
  is_writing_ = true;
  write_deadline_ = Clock::now() + thread_->server().options.write_timeout;
  socket_->async_wait(Socket::wait_write, [self = self()](boost::system::error_code e) { self->on_writable(e); });
  return false;
}

void Connection::on_writable(boost::system::error_code error) {
  is_writing_ = false;
  if (phase_ == Phase::closed) return;
  if (error) return close();
  settle();
}

// ---- ending

void Connection::finish() {
  if (!must_linger_) return close();
  boost::system::error_code error;
  socket_->shutdown(Socket::shutdown_send, error);
  if (error) return close();
  phase_ = Phase::lingering;
  deadline_ = Clock::now() + kLingerTimeout;
  linger_bytes_left_ = kLingerBytesMax;
  if (is_reading_) return;
  input_.clear();
  receive();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  boost::system::error_code ignored;
  // Half a body must not look like a whole one to a client that is told its end by the connection's.
  if (phase_ == Phase::streaming) socket_->set_option(asio::socket_base::linger(true, 0), ignored);
  phase_ = Phase::closed;
  socket_->close(ignored);
  socket_.reset();  // a handler may hold the rest of this object for long, even beyond the loop's life
  output_.release();
  tell_taken(false);
  if (gone_) asio::post(thread_->context(), std::exchange(gone_, nullptr));
  thread_->remove(*this);
}

void Connection::check(Clock::time_point now, bool is_shared) {
  if (is_writing_ && now >= write_deadline_) return close();
  now_ = now;
  switch (phase_) {
    case Phase::receiving:
      if (is_writing_) return;
      if (input_.empty() && is_reading_) {
        // Cancelling rather than closing: a request that has arrived in this moment is still served.
        boost::system::error_code ignored;
        if (now >= deadline_ || thread_->is_stopping()) socket_->cancel(ignored);
      } else if (now >= deadline_ && needs_input_) {
        fail(api::ProblemType::request_timeout, "the request did not arrive in time");
        settle();
      }
      break;
    case Phase::working:
      if (is_shared) return;
      telemetry::log_error("request lost by its handler", {{"route", thread_->metrics().route_name(route_)}});
      fail(api::ProblemType::internal_error, "the request could not be handled");
      settle();
      break;
    case Phase::streaming:
      if (is_shared) return;
      telemetry::log_error("stream left off by its handler", {{"route", thread_->metrics().route_name(route_)}});
      close();
      break;
    case Phase::lingering:
      if (now >= deadline_) close();
      break;
    case Phase::finishing:
    case Phase::closed: break;
  }
}

}  // namespace flashsale::http
