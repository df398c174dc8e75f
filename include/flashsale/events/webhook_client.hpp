#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "flashsale/events/webhook_message.hpp"
#include "flashsale/events/webhook_options.hpp"

namespace flashsale::events {

/// Sends messages to one endpoint by HTTP, one at a time over a connection that is kept. Everything is bounded, and
/// where the request may go is decided on the address that is connected to, so that no name and no answer of a DNS
/// server leads anywhere else. Redirects are not followed, proxies of the environment not used. One thread; interrupt()
/// any.
class WebhookClient {
 public:
  explicit WebhookClient(const WebhookOptions& options);
  ~WebhookClient();
  WebhookClient(const WebhookClient&) = delete;
  WebhookClient& operator=(const WebhookClient&) = delete;

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
  void interrupt();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flashsale::events
