#pragma once
#include <atomic>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "byte_buffer.hpp"
#include "flashsale/http/server.hpp"
#include "request_log.hpp"
#include "request_metrics.hpp"
#include "response_writer.hpp"
#include "router.hpp"

namespace flashsale::http {

class Connection;

/// With the loop's own executor type: the type-erased one costs allocations and indirect calls for each operation.
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
using Timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                      boost::asio::io_context::executor_type>;

/// What the threads of one server share.
struct ServerState {
  ServerState(Options server_options, telemetry::Metrics& server_metrics, telemetry::Tracer* server_tracer);

  const Options options;
  telemetry::Metrics& metrics;
  telemetry::Tracer* const tracer;  ///< null: tracing is off
  prometheus::Gauge& connections_gauge;
  std::string every_answer_fields;    ///< CORS, if configured
  std::string private_answer_fields;  ///< the same and `no-store`, for answers that say nothing of caches
  std::string preflight_fields;
  std::atomic<std::size_t> connections{0};  ///< those that count against connections_max
  std::atomic<bool> is_draining{false};
};

/// One I/O thread's part of the server: its connections and all that they share without locks. Everything but the
/// constructor runs on that thread.
class IoThread : public std::enable_shared_from_this<IoThread> {
 public:
  IoThread(std::shared_ptr<ServerState> server, const Worker& worker);
  ~IoThread();

  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  [[nodiscard]] ServerState& server() { return *server_; }
  [[nodiscard]] const Router& router() const { return router_; }
  [[nodiscard]] RequestMetrics& metrics() { return metrics_; }
  [[nodiscard]] RequestLog& request_log() { return request_log_; }
  [[nodiscard]] std::string_view date_field();
  [[nodiscard]] bool is_stopping() const { return is_stopping_; }
  [[nodiscard]] bool must_close() const { return is_stopping_ || server_->is_draining.load(std::memory_order_relaxed); }

  /// Serves a connection that ServerState::connections already counts.
  void serve(Socket socket, std::string peer_address);
  /// Tells a connection over the limit so, and closes it.
  void refuse(Socket socket, std::string peer_address);
  /// Lets idle connections go and makes the others go after the request they are in.
  void stop();
  /// Closes everything, now and in future.
  void close_all();
  /// The same and gives back all that belongs to the loop. Only while the loop does not run.
  void shut_down();

  /// Called by a connection that has closed. It stays in memory until the next sweep at least, since its own
  /// functions may be on the stack.
  void remove(Connection& connection);

  /// Memory for answers is only borrowed: a connection that waits holds none.
  [[nodiscard]] ByteBuffer borrow_buffer();
  void give_back(ByteBuffer buffer);

 private:
  void add(std::shared_ptr<Connection> connection);
  void schedule_sweep();
  void sweep();

  std::shared_ptr<ServerState> server_;
  boost::asio::io_context& context_;
  Router router_;
  RequestMetrics metrics_;
  RequestLog request_log_;
  DateCache dates_;
  std::vector<ByteBuffer> spare_buffers_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> removed_;
  std::optional<Timer> sweep_timer_;  // empty after shut_down()
  std::chrono::milliseconds sweep_interval_;
  std::size_t refusing_ = 0;
  bool is_sweep_scheduled_ = false;
  bool is_stopping_ = false;
  bool is_closed_ = false;
};

}  // namespace flashsale::http
