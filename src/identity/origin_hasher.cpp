#include "flashsale/identity/origin_hasher.hpp"

#include "hmac.hpp"

namespace flashsale::identity {

std::string OriginHasher::of_client(std::string_view network) const { return hash("client:", network); }
std::string OriginHasher::of_card(std::string_view fingerprint) const { return hash("card:", fingerprint); }

std::string OriginHasher::hash(std::string_view kind, std::string_view origin) const {
  if (key_.empty() || origin.empty()) return {};
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string content;
  content.reserve(kind.size() + origin.size());
  content.append(kind).append(origin);
  const auto digest = hmac_sha256(key_, content);
  std::string text(kOriginHashDigits, '0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = kDigits[(digest[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 0xf];
  return text;
}

}  // namespace flashsale::identity
