#pragma once
#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace flashsale::identity {

enum class Algorithm : std::uint8_t { hs256, rs256, es256, eddsa };
[[nodiscard]] std::optional<Algorithm> parse_algorithm(std::string_view alg);

template <class T, void (*free_function)(T*)>
struct OpenSslDeleter {
  void operator()(T* pointer) const { free_function(pointer); }
};
template <class T, void (*free_function)(T*)>
using OpenSslPointer = std::unique_ptr<T, OpenSslDeleter<T, free_function>>;

using PublicKeyPointer = OpenSslPointer<EVP_PKEY, &EVP_PKEY_free>;

/// One key and the one algorithm that it is used with (RFC 8725 section 3.1): a token cannot choose another. Holds
/// OpenSSL contexts, so it belongs to one thread. The makers throw std::invalid_argument with one clear line.
class VerificationKey {
 public:
  [[nodiscard]] static VerificationKey from_secret(std::string_view secret);
  /// A SubjectPublicKeyInfo in PEM.
  [[nodiscard]] static VerificationKey from_pem(std::string_view pem, Algorithm algorithm);
  [[nodiscard]] static VerificationKey from_public_key(PublicKeyPointer key, Algorithm algorithm);

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  /// `signature` as the bytes that stand in a JWS.
  [[nodiscard]] bool verify(std::string_view signed_text, std::string_view signature);

 private:
  explicit VerificationKey(Algorithm algorithm) : algorithm_(algorithm) {}

  [[nodiscard]] bool verify_mac(std::string_view signed_text, std::string_view signature);
  [[nodiscard]] bool verify_signature(std::string_view signed_text, std::string_view signature);

  Algorithm algorithm_;
  OpenSslPointer<EVP_MAC_CTX, &EVP_MAC_CTX_free> mac_;  ///< keyed once
  PublicKeyPointer public_key_;
  OpenSslPointer<EVP_MD_CTX, &EVP_MD_CTX_free> digest_;
};

/// HMAC-SHA256 as a token carries it, with a secret of any length.
[[nodiscard]] std::string hs256(std::string_view secret, std::string_view text);

}  // namespace flashsale::identity
