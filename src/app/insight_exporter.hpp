#pragma once
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "flashsale/api/route.hpp"
#include "flashsale/http/server.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::app {

/// What `flashsaled insight` does beside its reading, on a thread of its own: it waits for a signal, and serves
/// `/metrics` and `/livez` to whoever asks, without any customer's name.
class InsightExporter {
 public:
  /// `listen`: ADDRESS:PORT, `[ADDRESS]:PORT` for one of IPv6; empty: nobody is served. `stop` is called once, on that
  /// thread, at SIGTERM or SIGINT. Throws SettingsError when it cannot listen.
  InsightExporter(const std::string& listen, std::function<void()> stop);
  ~InsightExporter();
  InsightExporter(const InsightExporter&) = delete;
  InsightExporter& operator=(const InsightExporter&) = delete;

  /// What is served from now on. Any thread.
  void show(std::string text);

 private:
  void serve(const std::string& listen);
  void answer_metrics(api::Exchange& exchange);

  std::mutex mutex_;
  std::string text_;
  telemetry::Metrics metrics_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
  boost::asio::signal_set signals_{context_, SIGTERM, SIGINT};
  api::Routes routes_;
  std::unique_ptr<http::Server> server_;
  std::thread thread_;
};

}  // namespace flashsale::app
