#include "flashsale/events/webhook_url.hpp"

#include <algorithm>

#include "flashsale/identity/public_address.hpp"
#include "flashsale/outbound/url.hpp"

namespace flashsale::events {
namespace {

constexpr std::size_t kUrlBytesMax = 2048;

/// An address in numbers that is not allowed, in any of the forms that are read as one.
bool is_refused_host(std::string host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  host = host.substr(0, host.find('%'));
  return !identity::is_public_address(host).value_or(true) || host == "localhost" || host.ends_with(".localhost");
}

}  // namespace

std::string fault_of_webhook_url(std::string_view url, const WebhookOptions& options) {
  const bool is_plain = std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~'; });
  if (url.empty() || url.size() > kUrlBytesMax || !is_plain) {
    return "url must have 1 to " + std::to_string(kUrlBytesMax) + " visible ASCII characters";
  }
  const auto parsed = outbound::parse_url(url);
  if (!parsed) return "url is no absolute URL";
  const auto& scheme = parsed->scheme;
  const bool may_be_clear = options.allow_http || options.allow_private;
  if (scheme == "http" && !may_be_clear) return "url must begin with https://, unless events.webhooks.allow_http is on";
  if (scheme != "https" && scheme != "http") return "url must begin with https://";
  if (parsed->has_credentials) return "url must not hold a user or a password";
  if (parsed->has_fragment) return "url must not have a fragment";
  if (!options.allow_private && is_refused_host(parsed->host)) {
    return "url leads to an address that is private, local or reserved; events.webhooks.allow_private lets it pass";
  }
  return {};
}

std::string loggable_url(std::string_view url) { return std::string(url.substr(0, url.find('?'))); }

}  // namespace flashsale::events
