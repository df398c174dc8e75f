#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/outbound/http_client.hpp"

// One call of a collector by OTLP over HTTP as JSON.
namespace flashsale::outbound {

/// `document` has to live until the call has ended.
[[nodiscard]] HttpClient::Request trace_call(const std::string& url, const std::vector<std::string>& headers,
                                             std::string_view document);

/// Whoever has more to say than is read has been understood.
[[nodiscard]] bool is_taken(const HttpClient::Answer& answer);

/// Why it was not, in words.
[[nodiscard]] std::string why_not_taken(const HttpClient::Answer& answer);

}  // namespace flashsale::outbound
