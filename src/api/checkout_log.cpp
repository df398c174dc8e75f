#include "checkout_log.hpp"

#include <utility>

#include "flashsale/identity/client_address.hpp"
#include "flashsale/model/identifier.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::api {
namespace {

/// Of one thread. The log's queue has 8192 lines for all of them.
constexpr std::uint32_t kLinesPerSecondMax = 2000;
/// In the place of what is no id: it may be as long as a path.
constexpr std::string_view kNoSaleId = "(not an id)";

}  // namespace

std::shared_ptr<const CheckoutLog::Caller> CheckoutLog::caller(const Request& request, std::string_view sale_id,
                                                               std::string_view customer_id) const {
  if (which_ == LoggedCheckouts::none) return nullptr;
  const auto client =
      identity::client_address(request.peer_address, request.header(Header::forwarded_for), trusted_proxies_);
  return std::make_shared<const Caller>(
      Caller{.sale_id = std::string(is_valid_identifier(sale_id) ? sale_id : kNoSaleId),
             .customer_id = std::string(customer_id),
             .client = std::string(client),
             .request_id = RequestId(request.request_id),
             .trace_id = request.trace_id});
}

void CheckoutLog::note(const std::shared_ptr<const Caller>& caller, std::string_view outcome, bool is_refused) {
  if (!caller || (which_ == LoggedCheckouts::refused && !is_refused)) return;
  if (!is_within_rate(std::chrono::steady_clock::now())) return;
  telemetry::log_info("checkout", {{"sale", caller->sale_id},
                                   {"customer", caller->customer_id},
                                   {"client", caller->client},
                                   {"outcome", outcome},
                                   {"request_id", caller->request_id.view()},
                                   {"trace_id", caller->trace_id}});
}

bool CheckoutLog::is_within_rate(std::chrono::steady_clock::time_point now) {
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    lines_in_second_ = 0;
    if (left_out_ > 0) {
      telemetry::log_warn("checkouts were left out of the log", {{"lines", std::exchange(left_out_, 0)}});
    }
  }
  if (++lines_in_second_ <= kLinesPerSecondMax) return true;
  ++left_out_;
  return false;
}

}  // namespace flashsale::api
