#include "trace_call.hpp"

namespace flashsale::outbound {
namespace {

constexpr std::chrono::milliseconds kCallTime{5000};

/// What the settings have to do with it, for those answers that they explain.
std::string_view hint_for(int status) {
  if (status >= 300 && status < 400) return ": tracing.url has to be where that leads, since nothing follows it";
  switch (status) {
    case 401:
    case 403: return ": it wants to know who sends (tracing.headers)";
    case 404:
    case 405: return ": tracing.url has to be the whole one, with its path, as /v1/traces";
    case 415: return ": it takes no JSON there";
    default: return "";
  }
}

}  // namespace

HttpClient::Request trace_call(const std::string& url, const std::vector<std::string>& headers,
                               std::string_view document) {
  HttpClient::Request request{.url = url, .headers = headers, .body = document};
  request.headers.emplace_back("Content-Type: application/json");
  request.headers.emplace_back("Accept:");
  request.time_max = kCallTime;
  return request;
}

bool is_taken(const HttpClient::Answer& answer) {
  const bool has_answered = answer.end == HttpClient::End::answered || answer.end == HttpClient::End::body_too_large;
  return has_answered && answer.status >= 200 && answer.status < 300;
}

std::string why_not_taken(const HttpClient::Answer& answer) {
  if (!answer.error.empty()) return answer.error;
  return "answered " + std::to_string(answer.status) + std::string(hint_for(answer.status));
}

}  // namespace flashsale::outbound
