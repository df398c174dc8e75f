#include "flashsale/events/webhook_client.hpp"

#include <sys/socket.h>

#include "flashsale/identity/public_address.hpp"

namespace flashsale::events {
namespace {

using outbound::HttpClient;

HttpClient::Options client_options(const WebhookOptions& options) {
  HttpClient::Options chosen;
  chosen.https_only = !options.allow_http && !options.allow_private;
  chosen.ca_file = options.ca_file;
  if (!options.allow_private) {
    chosen.may_connect = [](const sockaddr& address) { return identity::is_public_address(address); };
  }
  return chosen;
}

std::string error_of_status(int status) {
  if (status >= 200 && status < 300) return {};
  const auto text = "answered " + std::to_string(status);
  return status >= 300 && status < 400 ? text + ": redirects are not followed" : text;
}

std::string error_of(const HttpClient::Answer& answer) {
  switch (answer.end) {
    case HttpClient::End::answered:
    case HttpClient::End::body_too_large: break;  // whoever has more to say has been understood
    case HttpClient::End::head_too_large: return "the head of its answer is too large";
    case HttpClient::End::address_refused: return "its address is private, local or reserved";
    case HttpClient::End::failed: return answer.error;
  }
  return error_of_status(answer.status);
}

}  // namespace

WebhookClient::WebhookClient(const WebhookOptions& options) : client_(client_options(options)) {}

WebhookClient::Answer WebhookClient::post(const WebhookMessage& message) {
  HttpClient::Request request{.url = message.url, .headers = message.headers, .body = message.body};
  request.headers.emplace_back("Accept:");  // what it says is not read
  const auto got = client_.send(request);
  Answer answer;
  answer.status = got.status;
  answer.error = error_of(got);
  answer.time = got.time;
  answer.is_interrupted = !answer.is_taken() && client_.is_interrupted();
  return answer;
}

}  // namespace flashsale::events
