#include "metrics_endpoint.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "flashsale/api/exchange.hpp"

namespace flashsale::api {
namespace {

constexpr std::string_view kPlain = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kOpenMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// Takes what is in front of the next `separator` off the text.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const auto part = trim(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::string lower(std::string_view text) {
  std::string copy(text);
  for (char& c : copy) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return copy;
}

/// One of the kinds of answer that a client takes, and how much it wants it.
struct Wanted {
  std::string type;
  std::string version;
  double quality = 1;
};

Wanted read_wanted(std::string_view text) {
  Wanted wanted;
  wanted.type = lower(take_until(text, ';'));
  while (!text.empty()) {
    auto value = take_until(text, ';');
    const auto name = lower(take_until(value, '='));
    if (name == "version") wanted.version = value;
    if (name != "q") continue;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), wanted.quality);
    if (error != std::errc() || end != value.data() + value.size()) wanted.quality = 0;
  }
  return wanted;
}

}  // namespace

bool prefers_open_metrics(std::string_view accept) {
  double open_metrics = 0;
  double plain = 0;
  while (!accept.empty()) {
    const auto wanted = read_wanted(take_until(accept, ','));
    const bool is_ours = wanted.version.empty() || wanted.version == "1.0.0";
    if (wanted.type == "application/openmetrics-text" && is_ours) open_metrics = std::max(open_metrics, wanted.quality);
    if (wanted.type == "text/plain") plain = std::max(plain, wanted.quality);
  }
  return open_metrics > 0 && open_metrics >= plain;
}

void add_metrics_route(Routes& routes, const telemetry::Metrics& metrics) {
  routes.push_back({Method::get, "/metrics", [&metrics](Exchange& exchange) {
                      if (prefers_open_metrics(exchange.request().header(Header::accept))) {
                        return exchange.reply({200, kOpenMetrics, metrics.serialize_open_metrics(), {}});
                      }
                      exchange.reply({200, kPlain, metrics.serialize(), {}});
                    }});
}

}  // namespace flashsale::api
