#include "flashsale/outbound/trace_probe.hpp"

#include <string_view>
#include <utility>

#include "trace_call.hpp"

namespace flashsale::outbound {
namespace {

constexpr std::string_view kNoTraces = R"({"resourceSpans":[]})";

/// A collector answers an object, or nothing. The page of a server that is none may come with 200, too.
bool is_of_collector(const HttpClient::Answer& answer) {
  const auto first = answer.body.find_first_not_of(" \t\r\n");
  return first == std::string::npos || answer.body[first] == '{';
}

}  // namespace

std::string try_trace_collector(const TraceExporter::Options& options) {
  HttpClient::Options chosen;
  chosen.ca_file = options.ca_file;
  chosen.keeps_body = true;
  HttpClient client(std::move(chosen));
  const auto answer = client.send(trace_call(options.url, options.headers, kNoTraces));
  if (!is_taken(answer)) return why_not_taken(answer);
  if (is_of_collector(answer)) return {};
  return "answered " + std::to_string(answer.status) +
         " with something else than a collector does: is it a page's port?";
}

}  // namespace flashsale::outbound
