#pragma once
#include <chrono>
#include <string>

#include "flashsale/events/webhook_message.hpp"
#include "flashsale/events/webhook_options.hpp"
#include "flashsale/outbound/http_client.hpp"

namespace flashsale::events {

/// Sends messages to one endpoint by HTTP, one at a time. Where a request may go is decided on the address that is
/// connected to. One thread; interrupt() any.
class WebhookClient {
 public:
  explicit WebhookClient(const WebhookOptions& options);

  struct Answer {
    int status = 0;     ///< 0: there was none
    std::string error;  ///< empty: it was taken; otherwise a short text without any secret
    std::chrono::milliseconds time{0};
    bool is_interrupted = false;

    [[nodiscard]] bool is_taken() const { return error.empty(); }
    [[nodiscard]] bool is_gone() const { return status == 410; }
  };
  [[nodiscard]] Answer post(const WebhookMessage& message);
  /// Ends a post(), and all that come later, at once.
  void interrupt() { client_.interrupt(); }

 private:
  outbound::HttpClient client_;
};

}  // namespace flashsale::events
