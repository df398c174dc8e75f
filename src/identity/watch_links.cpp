#include "flashsale/identity/watch_links.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <charconv>
#include <chrono>

#include "base64url.hpp"
#include "flashsale/model/check.hpp"
#include "hmac.hpp"

namespace flashsale::identity {
namespace {

constexpr std::string_view kPrefix = "watch-";
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kDigitsMax = 12;

std::string random_key() {
  std::array<unsigned char, kKeyBytes> bytes{};
  FLASHSALE_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Of the prefix, too: what else may be signed with this secret one day does not pass for a link.
std::string signature(std::string_view key, std::string_view seconds) {
  const std::string content = std::string(kPrefix).append(seconds);
  const auto digest = hmac_sha256(key, content);
  return encode_base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

WatchLinks::WatchLinks(std::string_view secret) : key_(secret.empty() ? random_key() : std::string(secret)) {}

std::string WatchLinks::make(TimePoint until) const {
  const auto seconds =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(until.time_since_epoch()).count());
  return std::string(kPrefix).append(seconds).append(".").append(signature(key_, seconds));
}

std::optional<TimePoint> WatchLinks::find_end(std::string_view token) const {
  if (!token.starts_with(kPrefix)) return std::nullopt;
  token.remove_prefix(kPrefix.size());
  const auto dot = token.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot > kDigitsMax) return std::nullopt;
  const auto seconds = token.substr(0, dot);
  const auto sent = token.substr(dot + 1);
  const auto expected = signature(key_, seconds);
  if (sent.size() != expected.size() || CRYPTO_memcmp(sent.data(), expected.data(), sent.size()) != 0) {
    return std::nullopt;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(seconds.data(), seconds.data() + seconds.size(), number);
  if (error != std::errc{} || end != seconds.data() + seconds.size() || number < 0) return std::nullopt;
  return TimePoint(std::chrono::seconds(number));
}

}  // namespace flashsale::identity
