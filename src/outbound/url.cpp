#include "flashsale/outbound/url.hpp"

#include <curl/curl.h>

#include <memory>

namespace flashsale::outbound {
namespace {

/// Nothing: the URL has no such part.
std::optional<std::string> part_of(CURLU* url, CURLUPart what) {
  char* text = nullptr;
  if (curl_url_get(url, what, &text, 0) != CURLUE_OK) return std::nullopt;
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  const std::string whole(text);
  if (curl_url_set(url.get(), CURLUPART_URL, whole.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) return std::nullopt;
  Url parsed;
  parsed.scheme = part_of(url.get(), CURLUPART_SCHEME).value_or("");
  parsed.host = part_of(url.get(), CURLUPART_HOST).value_or("");
  if (parsed.host.empty()) return std::nullopt;
  parsed.has_credentials = part_of(url.get(), CURLUPART_USER) || part_of(url.get(), CURLUPART_PASSWORD);
  parsed.has_fragment = part_of(url.get(), CURLUPART_FRAGMENT).has_value();
  return parsed;
}

}  // namespace flashsale::outbound
