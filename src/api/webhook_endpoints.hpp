#pragma once
#include <string>
#include <string_view>

#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"
#include "flashsale/postgres/webhook_repository.hpp"

namespace flashsale::api {

/// Endpoints that events are sent to: which there are, setting them up, trying them, what became of the last events.
class WebhookEndpoints {
 public:
  explicit WebhookEndpoints(ProcessParts& process) : process_(process) {}
  void add_routes(Routes& routes);

 private:
  void list(Exchange& exchange);
  void show(Exchange& exchange);
  void list_deliveries(Exchange& exchange);
  void create(Exchange& exchange, std::string_view who);
  void create_read(Exchange& exchange, postgres::NewWebhook webhook, const std::string& who);
  void change(Exchange& exchange, std::string_view who);
  void remove(Exchange& exchange, std::string_view who);
  void test(Exchange& exchange);
  void rotate_secret(Exchange& exchange, std::string_view who);
  [[nodiscard]] bool may_be_sent_to(Exchange& exchange, const std::string& url) const;

  ProcessParts& process_;
};

}  // namespace flashsale::api
