#include "token_mint.hpp"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <thread>

#include "buyers.hpp"
#include "flashsale/model/check.hpp"
#include "flashsale/model/json_text.hpp"

namespace flashsale::load {
namespace {

constexpr char kBase64Url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kSecretBytesMin = 32;
constexpr std::size_t kHs256Bytes = 32;
constexpr std::size_t kEs256Bytes = 64;

/// Writes base64url without padding; returns the end.
char* encode(const unsigned char* bytes, std::size_t size, char* out) {
  std::size_t i = 0;
  for (; i + 3 <= size; i += 3) {
    const unsigned group = (unsigned{bytes[i]} << 16) | (unsigned{bytes[i + 1]} << 8) | bytes[i + 2];
    *out++ = kBase64Url[group >> 18];
    *out++ = kBase64Url[(group >> 12) & 63];
    *out++ = kBase64Url[(group >> 6) & 63];
    *out++ = kBase64Url[group & 63];
  }
  if (i == size) return out;
  const bool has_two = i + 2 == size;
  const unsigned group = (unsigned{bytes[i]} << 16) | (has_two ? unsigned{bytes[i + 1]} << 8 : 0U);
  *out++ = kBase64Url[group >> 18];
  *out++ = kBase64Url[(group >> 12) & 63];
  if (has_two) *out++ = kBase64Url[(group >> 6) & 63];
  return out;
}

std::string encoded(std::string_view text) {
  std::string out((text.size() + 2) / 3 * 4, '\0');
  char* const end = encode(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

/// HMAC-SHA256 with one key, hashed into its context once.
class Hs256 {
 public:
  explicit Hs256(std::string_view secret)
      : mac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr), &EVP_MAC_free),
        context_(EVP_MAC_CTX_new(mac_.get()), &EVP_MAC_CTX_free) {
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                     OSSL_PARAM_construct_end()};
    const auto* key = reinterpret_cast<const unsigned char*>(secret.data());
    FLASHSALE_CHECK(EVP_MAC_init(context_.get(), key, secret.size(), parameters) == 1);
  }

  void operator()(std::string_view text, unsigned char* out) {
    std::size_t size = 0;
    FLASHSALE_CHECK(EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1);
    FLASHSALE_CHECK(EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size()) ==
                    1);
    FLASHSALE_CHECK(EVP_MAC_final(context_.get(), out, &size, kHs256Bytes) == 1 && size == kHs256Bytes);
  }

 private:
  std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac_;
  std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context_;
};

using PrivateKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

PrivateKey read_es256_key(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                         &BIO_free_all);
  PrivateKey key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (key == nullptr || EVP_PKEY_is_a(key.get(), "EC") != 1 || EVP_PKEY_get_bits(key.get()) != 256) {
    throw std::invalid_argument("the ES256 key must be a private key of P-256 in PEM");
  }
  return key;
}

/// The signature of a JWS: r and s as they are, not the DER that OpenSSL makes.
class Es256 {
 public:
  explicit Es256(EVP_PKEY* key) : key_(key), context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {}

  void operator()(std::string_view text, unsigned char* out) {
    unsigned char der[80];
    std::size_t size = sizeof der;
    FLASHSALE_CHECK(EVP_DigestSignInit(context_.get(), nullptr, EVP_sha256(), nullptr, key_) == 1);
    FLASHSALE_CHECK(EVP_DigestSign(context_.get(), der, &size, reinterpret_cast<const unsigned char*>(text.data()),
                                   text.size()) == 1);
    const unsigned char* at = der;
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parsed(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)), &ECDSA_SIG_free);
    FLASHSALE_CHECK(parsed != nullptr);
    constexpr int kHalf = kEs256Bytes / 2;
    FLASHSALE_CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), out, kHalf) == kHalf);
    FLASHSALE_CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), out + kHalf, kHalf) == kHalf);
  }

 private:
  EVP_PKEY* key_;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::int64_t seconds_of(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string claims_of_buyer_0(const identity::TokenOptions& options, std::chrono::system_clock::time_point now,
                              std::chrono::seconds lifetime) {
  std::string claims = "{\"sub\":\"";
  // White space that JSON allows moves the digits to where a group of base64 begins.
  while ((claims.size() + kCustomerPrefix.size()) % 3 != 0) claims.insert(1, " ");
  claims += customer_id_of(0);
  claims += '"';
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    claims += name;
    append_json_string(claims, value);
  };
  add(",\"iss\":", options.issuer);
  add(",\"aud\":", options.audience);
  claims +=
      ",\"iat\":" + std::to_string(seconds_of(now)) + ",\"exp\":" + std::to_string(seconds_of(now + lifetime)) + "}";
  return claims;
}

}  // namespace

TokenMint::TokenMint(const identity::TokenOptions& options, std::uint32_t buyers,
                     std::chrono::system_clock::time_point now, std::chrono::seconds lifetime, unsigned threads,
                     const std::string& es256_key_pem)
    : signature_bytes_(es256_key_pem.empty() ? kHs256Bytes : kEs256Bytes) {
  const bool is_es256 = !es256_key_pem.empty();
  if (!is_es256 && options.secret.size() < kSecretBytesMin) {
    throw std::invalid_argument("the token secret must have at least 32 bytes (FLASHSALE_JWT_SECRET)");
  }
  const PrivateKey key = is_es256 ? read_es256_key(es256_key_pem) : PrivateKey(nullptr, &EVP_PKEY_free);
  const std::string claims = claims_of_buyer_0(options, now, lifetime);
  const std::string header =
      encoded(is_es256 ? R"({"alg":"ES256","typ":"JWT"})" : R"({"alg":"HS256","typ":"JWT"})") + ".";
  digits_at_ = header.size() + (claims.find(kCustomerPrefix) + kCustomerPrefix.size()) / 3 * 4;
  signed_text_ = header + encoded(claims);

  signatures_.resize(buyers * signature_bytes_);
  const auto sign_share = [&](unsigned share) {
    if (is_es256) sign(Es256(key.get()), share, threads);
    else sign(Hs256(options.secret), share, threads);
  };
  std::vector<std::thread> signers;
  for (unsigned t = 1; t < threads; ++t) signers.emplace_back(sign_share, t);
  sign_share(0);
  for (std::thread& signer : signers) signer.join();
}

void TokenMint::write_signed_text(std::uint32_t buyer, char* out) const {
  std::memcpy(out, signed_text_.data(), signed_text_.size());
  char digits[kCustomerDigits];
  write_buyer_digits(buyer, digits);
  encode(reinterpret_cast<const unsigned char*>(digits), kCustomerDigits, out + digits_at_);
}

template <class Signer>
void TokenMint::sign(Signer signer, std::uint32_t first, std::uint32_t step) {
  std::string text = signed_text_;
  for (std::size_t buyer = first; buyer < signatures_.size() / signature_bytes_; buyer += step) {
    write_signed_text(static_cast<std::uint32_t>(buyer), text.data());
    signer(text, &signatures_[buyer * signature_bytes_]);
  }
}

void TokenMint::append_token(std::string& out, std::uint32_t buyer) const {
  const std::size_t at = buyer * signature_bytes_;
  FLASHSALE_CHECK(at < signatures_.size());
  const std::size_t before = out.size();
  const std::size_t encoded_bytes = (signature_bytes_ * 4 + 2) / 3;
  out.resize(before + signed_text_.size() + 1 + encoded_bytes);
  char* const to = out.data() + before;
  write_signed_text(buyer, to);
  to[signed_text_.size()] = '.';
  encode(&signatures_[at], signature_bytes_, to + signed_text_.size() + 1);
}

}  // namespace flashsale::load
