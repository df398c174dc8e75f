#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "flashsale/outbound/http_client.hpp"
#include "flashsale/telemetry/tracer.hpp"

namespace flashsale::outbound {

/// Sends what the tracer has kept to a collector, by OTLP over HTTP as JSON, from a thread of its own at a low
/// priority. Nobody waits for it: while the collector is away or slow, the tracer's queue fills, and what comes then is
/// lost and counted. A call of many orders gets its span a moment after the first of them, with links to those that are
/// kept.
class TraceExporter {
 public:
  struct Options {
    std::string url{};
    std::vector<std::string> headers{};  ///< each `Name: value`; may hold secrets
    std::string ca_file{};               ///< certificates that are trusted; empty: the system's
    std::string service_name{};
    std::string instance{};
    std::chrono::milliseconds interval{1000};
  };
  TraceExporter(Options options, telemetry::Tracer& tracer, telemetry::Metrics& metrics);
  ~TraceExporter();

  void start();
  /// Sends what there is, for two seconds at most.
  void stop();

 private:
  /// A call of many orders, and those of them that are kept.
  struct Batch {
    std::shared_ptr<const telemetry::BatchTrace> trace;
    std::vector<telemetry::TraceContext> orders;
    bool is_due = false;
  };

  void run();
  /// True: it is over.
  [[nodiscard]] bool wait(std::chrono::milliseconds time);
  void send_all(bool is_last);
  void note_batches(const telemetry::KeptTrace& kept);
  [[nodiscard]] std::vector<Batch> take_due_batches(bool is_last);
  void deliver(const std::string& document, std::size_t traces);
  void note_success();
  void note_failure(const HttpClient::Answer& answer);

  Options options_;
  telemetry::Tracer& tracer_;
  HttpClient client_;
  std::unordered_map<const telemetry::BatchTrace*, Batch> batches_;
  std::chrono::milliseconds pause_;  ///< after the next failure
  bool is_failing_ = false;
  prometheus::Counter& taken_;
  prometheus::Counter& refused_;
  prometheus::Counter& failed_;
  prometheus::Counter& lost_;
  std::mutex mutex_;  // guards the next two
  std::condition_variable changed_;
  bool is_stopping_ = false;
  bool has_ended_ = false;
  std::thread thread_;
};

}  // namespace flashsale::outbound
