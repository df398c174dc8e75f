#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "io_thread.hpp"
#include "request_id.hpp"
#include "request_parser.hpp"

namespace flashsale::http {

/// One client connection and, in turn, each of its requests: a state machine that callbacks drive. It is its own
/// Exchange, so a request on a kept connection allocates nothing; the price is that a handler must really answer
/// only once, since a second answer could meet the next request.
///
/// The thread's table owns it until it closes. While a handler works no operation of the socket holds it, so
/// whoever shares it then is the handler; if nobody does, the request has been lost and is answered with 500.
class Connection final : public api::Exchange {
 public:
  using Clock = std::chrono::steady_clock;

  Connection(std::shared_ptr<IoThread> thread, Socket socket, std::string peer_address, bool is_counted);

  void start();
  /// Answers 503 without reading a request.
  void refuse();
  void close();
  /// Called every sweep: enforces the deadlines. `is_shared`: someone besides the thread's table holds it.
  void check(Clock::time_point now, bool is_shared);

  [[nodiscard]] bool is_counted() const { return is_counted_; }
  std::size_t table_index = 0;  ///< in IoThread's table

  [[nodiscard]] const api::Request& request() const override { return request_; }
  [[nodiscard]] boost::asio::any_io_executor executor() override { return thread_->context().get_executor(); }
  void reply(const api::Reply& reply) override;
  [[nodiscard]] bool begin_stream(const api::Reply& head) override;
  void stream(std::string_view piece, api::PieceTaken then) override;
  void end_stream() override;
  void cut_stream() override;
  void watch_client(std::function<void()> gone) override;
  [[nodiscard]] telemetry::RequestTrace* trace() override { return trace_.get(); }

 private:
  enum class Phase : std::uint8_t {
    receiving,  // waits for a request or reads one
    working,    // a handler has it
    streaming,  // a handler has begun to answer it, piece by piece
    finishing,  // the last answer is on its way
    lingering,  // it is out; what the client still sends is dropped, as closing now could reset it unread
    closed,
  };

  [[nodiscard]] std::shared_ptr<Connection> self() { return std::static_pointer_cast<Connection>(shared_from_this()); }
  void receive();
  void on_received(boost::system::error_code error, std::size_t bytes);
  void begin_request(Clock::time_point now);
  void serve_received();
  [[nodiscard]] bool serve_next();
  void on_head();
  void dispatch();
  void run(const api::Handler& handler);
  void reply_options(std::string_view allow);
  void fail(api::ProblemType type, std::string_view detail, std::string_view headers = {});
  void answer(const api::Reply& reply);
  void begin_answer(const api::Reply& reply, BodyFraming framing);
  void end_answer(unsigned status);
  void tell_taken(bool taken);
  void watch();
  void look_after_client();
  void take_request_id();
  void begin_trace();
  void end_trace(unsigned status, Clock::time_point now);
  [[nodiscard]] bool decode_parameters(const Router::Match& match);
  void settle();
  [[nodiscard]] bool flush();
  void on_writable(boost::system::error_code error);
  void finish();

  std::shared_ptr<IoThread> thread_;
  std::optional<Socket> socket_;
  std::string peer_address_;
  RequestParser parser_;
  ByteBuffer input_;
  ByteBuffer output_;
  api::PieceTaken taken_;       // while a piece of a stream is on its way
  std::function<void()> gone_;  // of whoever watches the client
  api::Request request_;
  std::string decoded_parameters_;
  MadeRequestId made_request_id_{};
  std::unique_ptr<telemetry::RequestTrace> trace_;  // of one request after the other; none while tracing is off
  Clock::time_point deadline_;                      // of the phase
  Clock::time_point write_deadline_;                // while is_writing_
  Clock::time_point now_;                           // of the event that is being handled
  std::size_t linger_bytes_left_ = 0;
  std::uint32_t route_ = kNoRoute;
  unsigned stream_status_ = 0;
  Phase phase_ = Phase::receiving;
  bool is_counted_;
  bool is_reading_ = false;   // a receive operation is pending, into input_
  bool is_writing_ = false;   // the client reads slower than it is answered
  bool is_watching_ = false;  // a wait for bytes, or for the client's end, is pending
  bool is_serving_ = false;   // serve_received() is on the stack
  bool needs_input_ = true;   // the request in input_ is not whole
  bool close_after_ = false;  // the request in work is the last
  bool is_last_ = false;      // its answer has begun, and said so
  bool is_chunked_ = false;   // the stream
  bool must_linger_ = false;
};

}  // namespace flashsale::http
