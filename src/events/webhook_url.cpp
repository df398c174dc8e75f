#include "flashsale/events/webhook_url.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "flashsale/identity/public_address.hpp"

namespace flashsale::events {
namespace {

constexpr std::size_t kUrlBytesMax = 2048;

class ParsedUrl {
 public:
  explicit ParsedUrl(const std::string& text)
      : is_valid_(curl_url_set(handle_.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {}
  [[nodiscard]] bool is_valid() const { return is_valid_; }
  /// Nothing: the URL has no such part.
  [[nodiscard]] std::optional<std::string> part(CURLUPart what) const {
    char* text = nullptr;
    if (curl_url_get(handle_.get(), what, &text, 0) != CURLUE_OK) return std::nullopt;
    std::string copy(text);
    curl_free(text);
    return copy;
  }

 private:
  std::unique_ptr<CURLU, void (*)(CURLU*)> handle_{curl_url(), curl_url_cleanup};
  bool is_valid_ = false;
};

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
  const ParsedUrl parsed{std::string(url)};
  const auto host = parsed.part(CURLUPART_HOST).value_or("");
  if (!parsed.is_valid() || host.empty()) return "url is no absolute URL";
  const auto scheme = parsed.part(CURLUPART_SCHEME).value_or("");
  const bool may_be_clear = options.allow_http || options.allow_private;
  if (scheme == "http" && !may_be_clear) return "url must begin with https://, unless events.webhooks.allow_http is on";
  if (scheme != "https" && scheme != "http") return "url must begin with https://";
  if (parsed.part(CURLUPART_USER) || parsed.part(CURLUPART_PASSWORD)) return "url must not hold a user or a password";
  if (parsed.part(CURLUPART_FRAGMENT)) return "url must not have a fragment";
  if (!options.allow_private && is_refused_host(host)) {
    return "url leads to an address that is private, local or reserved; events.webhooks.allow_private lets it pass";
  }
  return {};
}

std::string loggable_url(std::string_view url) { return std::string(url.substr(0, url.find('?'))); }

}  // namespace flashsale::events
