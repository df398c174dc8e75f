#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string_view>
#include <vector>

#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/telemetry/trace.hpp"

namespace flashsale::telemetry {

/// At most so many in each second. Thread-safe, without a lock; who comes when all are taken writes nothing.
class SecondBudget {
 public:
  explicit SecondBudget(std::uint32_t most) : most_(most) {}
  [[nodiscard]] bool take(TraceTime now);

 private:
  std::uint32_t most_;
  std::atomic<std::uint64_t> state_{0};  ///< the second, and how many are taken of it
};

/// Names each request's span, decides whether it is kept, and holds what is kept until the exporter takes it. A request
/// is kept when it has failed or was slow, when its caller's flag says so, or by chance. What it has waited by its
/// client's wish (`RequestTrace::waited`) makes none slow. Each of these reasons has so
/// many a second: who sends many flagged requests takes no room from failures. Thread-safe.
class Tracer {
 public:
  struct Options {
    std::chrono::milliseconds slow{250};
    std::uint32_t keep_one_in = 1000;  ///< of all others; 0: none
    std::uint32_t kept_per_s_max = 100;
    std::size_t queue_max = 2048;
  };
  Tracer(const Options& options, Metrics& metrics);

  /// Of a request that has been read by `now`. Its trace is that of `traceparent`; without one, or with one that is not
  /// valid, the request's id names it, if that has the form of a trace's id, as all have that this server or its edge
  /// makes.
  void begin(RequestTrace& trace, std::string_view traceparent, std::string_view request_id, TraceTime now);

  struct Ended {
    std::string_view method;
    std::string_view route;
    std::string_view path;
    std::string_view request_id;
    unsigned status = 0;
    TraceTime received_at{};  ///< its first byte
    TraceTime ended{};
  };
  /// Once for each begin(). Whether it is kept, `trace.kept_for` says.
  void end(RequestTrace& trace, const Ended& request);

  /// An order has come to its end whose request was kept and answered before that.
  void end_late(const TraceContext& request, const OrderTrace& order, TraceTime now);

  /// The oldest that are there.
  [[nodiscard]] std::vector<KeptTrace> take(std::size_t most);

 private:
  [[nodiscard]] bool may_keep(KeptFor reason, TraceTime now);
  void put(KeptTrace kept);

  Options options_;
  std::array<SecondBudget, kKeptForCount> budgets_;
  std::array<prometheus::Counter*, kKeptForCount> kept_{};
  prometheus::Counter& over_rate_;
  prometheus::Counter& queue_full_;
  std::mutex mutex_;
  std::deque<KeptTrace> queue_;
};

}  // namespace flashsale::telemetry
