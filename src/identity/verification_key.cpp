#include "verification_key.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <climits>
#include <span>
#include <stdexcept>

#include "flashsale/model/check.hpp"

namespace flashsale::identity {
namespace {

constexpr std::size_t kSecretBytesMin = 32;  // RFC 7518 section 3.2: as long as the hash
constexpr int kRsaBitsMin = 2048;            // RFC 7518 section 3.3
constexpr int kRsaBitsMax = 8192;            // beyond it one check takes milliseconds
constexpr std::size_t kSha256Bytes = 32;
constexpr std::size_t kP256ScalarBytes = 32;

using MacContext = OpenSslPointer<EVP_MAC_CTX, &EVP_MAC_CTX_free>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

MacContext make_mac(std::string_view secret) {
  const OpenSslPointer<EVP_MAC, &EVP_MAC_free> algorithm(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  FLASHSALE_CHECK(algorithm != nullptr);
  MacContext context(EVP_MAC_CTX_new(algorithm.get()));
  FLASHSALE_CHECK(context != nullptr);
  char digest[] = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                             OSSL_PARAM_construct_end()};
  FLASHSALE_CHECK(EVP_MAC_init(context.get(), bytes_of(secret), secret.size(), parameters.data()) == 1);
  return context;
}

/// Anything that goes wrong gives a result that matches no signature: an empty one.
std::string_view compute_mac(EVP_MAC_CTX* context, std::string_view text, std::span<unsigned char, kSha256Bytes> out) {
  std::size_t size = 0;
  if (EVP_MAC_update(context, bytes_of(text), text.size()) != 1) return {};
  if (EVP_MAC_final(context, out.data(), &size, out.size()) != 1) return {};
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::string_view name_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::hs256: return "HS256";
    case Algorithm::rs256: return "RS256";
    case Algorithm::es256: return "ES256";
    case Algorithm::eddsa: return "EdDSA";
  }
  return "";
}

bool is_on_p256(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  std::size_t size = 0;
  return EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
         std::string_view(group.data(), size) == "prime256v1";
}

void check_usable(const EVP_PKEY* key, Algorithm algorithm) {
  const auto require = [algorithm](bool is_right_kind, const char* kind) {
    if (!is_right_kind) throw std::invalid_argument(std::string(name_of(algorithm)) + " needs " + kind);
  };
  switch (algorithm) {
    case Algorithm::hs256: throw std::invalid_argument("HS256 has a secret, not a public key");
    case Algorithm::rs256: {
      require(EVP_PKEY_is_a(key, "RSA") == 1, "an RSA key");
      const int bits = EVP_PKEY_get_bits(key);
      require(bits >= kRsaBitsMin && bits <= kRsaBitsMax, "an RSA key of 2048 to 8192 bits");
      return;
    }
    case Algorithm::es256:
      require(EVP_PKEY_is_a(key, "EC") == 1 && is_on_p256(key), "a key on the curve P-256");
      return;
    case Algorithm::eddsa: require(EVP_PKEY_is_a(key, "ED25519") == 1, "an Ed25519 key"); return;
  }
}

/// A JWS carries an ECDSA signature as r and s side by side; OpenSSL wants them in DER. Empty when that fails.
std::string to_der(std::string_view raw) {
  if (raw.size() != 2 * kP256ScalarBytes) return {};
  const OpenSslPointer<ECDSA_SIG, &ECDSA_SIG_free> signature(ECDSA_SIG_new());
  BIGNUM* const r = BN_bin2bn(bytes_of(raw), kP256ScalarBytes, nullptr);
  BIGNUM* const s = BN_bin2bn(bytes_of(raw) + kP256ScalarBytes, kP256ScalarBytes, nullptr);
  if (signature == nullptr || r == nullptr || s == nullptr || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

}  // namespace

std::optional<Algorithm> parse_algorithm(std::string_view alg) {
  for (const Algorithm algorithm : {Algorithm::hs256, Algorithm::rs256, Algorithm::es256, Algorithm::eddsa}) {
    if (name_of(algorithm) == alg) return algorithm;
  }
  return std::nullopt;
}

VerificationKey VerificationKey::from_secret(std::string_view secret) {
  if (secret.size() < kSecretBytesMin) throw std::invalid_argument("an HS256 secret must have at least 32 bytes");
  VerificationKey key(Algorithm::hs256);
  key.mac_ = make_mac(secret);
  return key;
}

VerificationKey VerificationKey::from_pem(std::string_view pem, Algorithm algorithm) {
  const auto no_password = [](char*, int, int, void*) { return -1; };
  if (pem.size() > INT_MAX) throw std::invalid_argument("the public key is too large");
  const OpenSslPointer<BIO, &BIO_free_all> input(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  FLASHSALE_CHECK(input != nullptr);
  PublicKeyPointer public_key(PEM_read_bio_PUBKEY(input.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (public_key == nullptr) throw std::invalid_argument("the public key is not a PEM file with BEGIN PUBLIC KEY");
  return from_public_key(std::move(public_key), algorithm);
}

VerificationKey VerificationKey::from_public_key(PublicKeyPointer public_key, Algorithm algorithm) {
  check_usable(public_key.get(), algorithm);
  VerificationKey key(algorithm);
  key.public_key_ = std::move(public_key);
  key.digest_.reset(EVP_MD_CTX_new());
  FLASHSALE_CHECK(key.digest_ != nullptr);
  return key;
}

bool VerificationKey::verify(std::string_view signed_text, std::string_view signature) {
  if (algorithm_ == Algorithm::hs256) return verify_mac(signed_text, signature);
  const bool is_good = verify_signature(signed_text, signature);
  // Each refused signature leaves an entry in the thread's error queue.
  if (!is_good) ERR_clear_error();
  return is_good;
}

bool VerificationKey::verify_mac(std::string_view signed_text, std::string_view signature) {
  std::array<unsigned char, kSha256Bytes> buffer{};
  // Without a key: begins again with the one that the context has.
  if (EVP_MAC_init(mac_.get(), nullptr, 0, nullptr) != 1) return false;
  const std::string_view mac = compute_mac(mac_.get(), signed_text, buffer);
  return mac.size() == kSha256Bytes && signature.size() == kSha256Bytes &&
         CRYPTO_memcmp(mac.data(), signature.data(), kSha256Bytes) == 0;
}

bool VerificationKey::verify_signature(std::string_view signed_text, std::string_view signature) {
  std::string der;
  if (algorithm_ == Algorithm::es256) {
    der = to_der(signature);
    signature = der;
  }
  if (signature.empty()) return false;
  const char* const digest = algorithm_ == Algorithm::eddsa ? nullptr : "SHA256";  // Ed25519 hashes by itself
  if (EVP_MD_CTX_reset(digest_.get()) != 1) return false;
  // PKCS #1 v1.5 padding is what OpenSSL does with an RSA key unless told otherwise, and what RS256 means.
  if (EVP_DigestVerifyInit_ex(digest_.get(), nullptr, digest, nullptr, nullptr, public_key_.get(), nullptr) != 1) {
    return false;
  }
  return EVP_DigestVerify(digest_.get(), bytes_of(signature), signature.size(), bytes_of(signed_text),
                          signed_text.size()) == 1;
}

std::string hs256(std::string_view secret, std::string_view text) {
  const MacContext context = make_mac(secret);
  std::array<unsigned char, kSha256Bytes> buffer{};
  const std::string_view mac = compute_mac(context.get(), text, buffer);
  FLASHSALE_CHECK(mac.size() == kSha256Bytes);
  return std::string(mac);
}

}  // namespace flashsale::identity
