#pragma once
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"
#include "flashsale/model/payment.hpp"
#include "payment_notice.hpp"

namespace flashsale::api {

/// What the payment provider calls. Whatever it tells is stored before it is answered 200; anything but 200 makes it
/// tell again.
class PaymentEndpoints {
 public:
  PaymentEndpoints(ProcessParts& process, ThreadParts thread) : process_(process), thread_(thread) {}
  void add_routes(Routes& routes);

 private:
  void receive(Exchange& exchange);
  void settle(Exchange& exchange, PaymentNotice notice);
  void note(Exchange& exchange, ForeignPayment payment);
  [[nodiscard]] bool is_signed(Exchange& exchange) const;

  ProcessParts& process_;
  ThreadParts thread_;
};

}  // namespace flashsale::api
