#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/model/request_id.hpp"

namespace flashsale::api {

/// One line in the log for each checkout, or each that was refused, or none (log.checkouts): who asked, from where, and
/// what became of it. Up to a rate, so that a flood of refusals does not push everything else out of the log's queue;
/// lines that are left out are counted and told of. For one thread.
class CheckoutLog {
 public:
  CheckoutLog(LoggedCheckouts which, const identity::GatewayPeers& trusted_proxies)
      : which_(which), trusted_proxies_(trusted_proxies) {}

  /// What is known of a checkout while its request can still be read. Null when nothing is logged.
  struct Caller {
    std::string sale_id;
    std::string customer_id;
    std::string client;
    RequestId request_id;
    telemetry::TraceId trace_id;
  };
  [[nodiscard]] std::shared_ptr<const Caller> caller(const Request& request, std::string_view sale_id,
                                                     std::string_view customer_id) const;
  void note(const std::shared_ptr<const Caller>& caller, std::string_view outcome, bool is_refused);

 private:
  [[nodiscard]] bool is_within_rate(std::chrono::steady_clock::time_point now);

  LoggedCheckouts which_;
  const identity::GatewayPeers& trusted_proxies_;
  std::chrono::steady_clock::time_point second_{};
  std::uint32_t lines_in_second_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace flashsale::api
