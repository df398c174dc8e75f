#include "request_log.hpp"

#include "flashsale/identity/client_address.hpp"
#include "flashsale/telemetry/log.hpp"
#include "router.hpp"

namespace flashsale::http {
namespace {

constexpr std::uint32_t kFailuresPerSecondMax = 100;

}  // namespace

std::string_view path_to_keep(const api::Request& request, std::string_view route) {
  return route.find("{customer_id}") != std::string_view::npos ? route : request.path;
}

RequestLog::RequestLog(std::string_view listener, std::uint32_t log_one_in,
                       std::span<const std::string> trusted_proxies)
    : listener_(listener), log_one_in_(log_one_in), trusted_proxies_(trusted_proxies) {}

bool RequestLog::is_wanted(unsigned status, std::chrono::steady_clock::time_point now) {
  if (status >= 500) {
    if (now - second_ >= std::chrono::seconds(1)) {
      second_ = now;
      failures_in_second_ = 0;
    }
    return ++failures_in_second_ <= kFailuresPerSecondMax;
  }
  if (log_one_in_ == 0 || ++since_logged_ < log_one_in_) return false;
  since_logged_ = 0;
  return true;
}

void RequestLog::write(const api::Request& request, std::string_view route, unsigned status,
                       std::chrono::steady_clock::time_point now) const {
  const std::chrono::duration<double, std::milli> duration = now - request.received_at;
  telemetry::log(status >= 500 ? spdlog::level::warn : spdlog::level::info, "request",
                 {{"listener", listener_},
                  {"method", to_string(request.method)},
                  {"route", route},
                  {"path", path_to_keep(request, route)},
                  {"status", status},
                  {"duration_ms", duration.count()},
                  {"request_id", request.request_id},
                  {"trace_id", request.trace_id},
                  {"client", identity::client_address(request.peer_address, request.header(api::Header::forwarded_for),
                                                      trusted_proxies_)},
                  {"peer", request.peer_address}});
}

}  // namespace flashsale::http
