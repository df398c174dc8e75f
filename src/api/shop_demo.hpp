#pragma once
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"
#include "flashsale/api/shop_options.hpp"

namespace flashsale::api {

/// What a demo of the shop page needs and nobody else may have: a token for a buyer whom nobody knows, and the message
/// by which a payment provider would tell of a payment. Only who is on this machine gets them, directly or through a
/// proxy, and under this machine's own name, whatever the listener's address is.
class ShopDemo {
 public:
  ShopDemo(ProcessParts& process, ThreadParts thread, ShopOptions options)
      : process_(process), thread_(thread), options_(std::move(options)) {}
  void add_routes(Routes& routes);
  /// Between two calls, when keys have changed.
  void replace_options(ShopOptions options) { options_ = std::move(options); }

 private:
  [[nodiscard]] static bool is_from_here(Exchange& exchange);
  void give_token(Exchange& exchange);
  void sign_payment(Exchange& exchange);

  ProcessParts& process_;
  ThreadParts thread_;
  ShopOptions options_;
};

}  // namespace flashsale::api
