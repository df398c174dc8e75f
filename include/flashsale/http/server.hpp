#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "flashsale/api/route.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/telemetry/tracer.hpp"

namespace flashsale::http {

struct Options {
  std::string name{};                          ///< `public` or `admin`: label in logs and metrics
  std::string address{};                       ///< to listen on
  std::uint16_t port = 8080;                   ///< 0: any free one
  std::uint32_t connections_max = 20000;       ///< over all threads; one more gets a 503 and is closed
  std::uint32_t header_bytes_max = 16 * 1024;  ///< 431 beyond
  std::uint32_t body_bytes_max = 64 * 1024;    ///< 413 beyond
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{15'000};
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds write_timeout{15'000};  ///< for a reader that does not read
  std::uint32_t log_one_in = 100;  ///< request log: every n-th request that went well; 0: none. 5xx always (bounded)
  std::string cors_origin{};       ///< Access-Control-Allow-Origin; empty: no CORS
  std::vector<std::string> trusted_proxies{};  ///< networks whose X-Forwarded-For is believed, for the log
};

/// One I/O thread of the server: its loop and its own copy of the routes.
struct Worker {
  boost::asio::io_context* context = nullptr;
  const api::Routes* routes = nullptr;
};

/// A listener and its connections. One acceptor hands sockets to the workers in turn; a connection stays on its
/// worker's thread. Stop in two phases: stop_accepting(), then wait until connections() is 0 or time is up, then
/// abort(). All members but the destructor may be called from any thread; the destructor when no worker's loop runs
/// any more, and before the loops, the routes and the metrics are destroyed.
class Server {
 public:
  /// At least one worker. `tracer` null: tracing is off.
  Server(Options options, const std::vector<Worker>& workers, telemetry::Metrics& metrics,
         telemetry::Tracer* tracer = nullptr);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();
  /// Binds and starts to accept; false-y error: it listens. Once.
  [[nodiscard]] Error listen();
  /// The port that listen() got.
  [[nodiscard]] std::uint16_t port() const;
  /// Closes the listener. Idle connections are closed within 250 ms; the others finish the request they are in,
  /// answer it with `Connection: close`, and go.
  void stop_accepting();
  /// From now on answers carry `Connection: close`, while new connections are still taken (drain behind a balancer).
  void start_draining();
  /// Open connections over all threads, without those that are only told that the limit is reached.
  [[nodiscard]] std::size_t connections() const;
  /// Closes everything at once; what handlers answer afterwards is dropped.
  void abort();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flashsale::http
