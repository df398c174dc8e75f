#include "webhook_signer.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "flashsale/model/check.hpp"

namespace flashsale::load {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kSecretMin = 24;
constexpr std::size_t kSecretMax = 64;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

std::optional<WebhookSigner> WebhookSigner::parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  if (text.size() % 4 != 0 || text.size() < kSecretMin) return std::nullopt;
  std::string secret(text.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(secret.data()), bytes_of(text), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  secret.resize(static_cast<std::size_t>(size - std::count(text.end() - 2, text.end(), '=')));
  if (secret.size() < kSecretMin || secret.size() > kSecretMax) return std::nullopt;
  return WebhookSigner(std::move(secret));
}

void WebhookSigner::append_fields(std::string& out, std::string_view webhook_id, std::int64_t unix_s,
                                  std::string_view body) const {
  const std::string timestamp = std::to_string(unix_s);
  const std::string content = std::string(webhook_id) + "." + timestamp + "." + std::string(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const auto* done = HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), bytes_of(content),
                          content.size(), digest.data(), &size);
  FLASHSALE_CHECK(done != nullptr);
  std::array<unsigned char, EVP_MAX_MD_SIZE * 2> signature{};
  EVP_EncodeBlock(signature.data(), digest.data(), static_cast<int>(size));
  out.append("webhook-id: ").append(webhook_id);
  out.append("\r\nwebhook-timestamp: ").append(timestamp);
  out.append("\r\nwebhook-signature: v1,").append(reinterpret_cast<const char*>(signature.data())).append("\r\n");
}

}  // namespace flashsale::load
