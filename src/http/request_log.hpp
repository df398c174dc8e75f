#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "flashsale/api/exchange.hpp"
#include "flashsale/identity/gateway_peers.hpp"

namespace flashsale::http {

/// Decides which requests get a line in the log, and writes it: one in `log_one_in`, and every 5xx up to a rate that
/// a broken dependency cannot turn into a flood. For one thread.
class RequestLog {
 public:
  /// `trusted_proxies` are networks whose X-Forwarded-For is believed.
  RequestLog(std::string_view listener, std::uint32_t log_one_in, std::span<const std::string> trusted_proxies);
  void note(const api::Request& request, std::string_view route, unsigned status,
            std::chrono::steady_clock::time_point now) {
    if (is_wanted(status, now)) write(request, route, status, now);
  }

 private:
  [[nodiscard]] bool is_wanted(unsigned status, std::chrono::steady_clock::time_point now);
  void write(const api::Request& request, std::string_view route, unsigned status,
             std::chrono::steady_clock::time_point now) const;

  std::string_view listener_;
  std::uint32_t log_one_in_;
  identity::GatewayPeers trusted_proxies_;
  std::uint32_t since_logged_ = 0;
  std::chrono::steady_clock::time_point second_;
  std::uint32_t failures_in_second_ = 0;
};

/// The path as others may keep it. One that names a customer gives way to its route: the id would outlive the
/// customer's erasure.
[[nodiscard]] std::string_view path_to_keep(const api::Request& request, std::string_view route);

}  // namespace flashsale::http
