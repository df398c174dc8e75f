#include "flashsale/identity/webhook_signature.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "flashsale/model/check.hpp"
#include "hmac.hpp"

namespace flashsale::identity {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::size_t kSecretBytesMin = 24;
constexpr std::size_t kSecretBytesMax = 64;
constexpr std::size_t kMadeSecretBytes = 32;

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const auto padding = std::count(text.end() - 2, text.end(), '=');
  out.resize(static_cast<std::size_t>(size - padding));
  return out;
}

/// Of a secret or a digest.
template <std::size_t Size>
std::string encode_base64(const std::array<unsigned char, Size>& bytes, std::size_t size) {
  std::array<unsigned char, (Size + 2) / 3 * 4 + 1> text{};
  const int length = EVP_EncodeBlock(text.data(), bytes.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

}  // namespace

std::optional<std::string> parse_webhook_secret(std::string_view text) {
  if (!text.starts_with(kSecretPrefix)) return std::nullopt;
  auto key = decode_base64(text.substr(kSecretPrefix.size()));
  if (!key || key->size() < kSecretBytesMin || key->size() > kSecretBytesMax) return std::nullopt;
  return key;
}

std::string make_webhook_secret() {
  std::array<unsigned char, kMadeSecretBytes> bytes{};
  FLASHSALE_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return std::string(kSecretPrefix) + encode_base64(bytes, bytes.size());
}

std::string webhook_content(std::string_view id, std::string_view timestamp, std::string_view body) {
  std::string content;
  content.reserve(id.size() + timestamp.size() + body.size() + 2);
  content.append(id).append(".").append(timestamp).append(".").append(body);
  return content;
}

std::string webhook_signature(std::string_view key, std::string_view content) {
  const auto digest = hmac_sha256(key, content);
  return encode_base64(digest, digest.size());
}

}  // namespace flashsale::identity
