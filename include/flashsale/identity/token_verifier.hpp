#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace flashsale::identity {

enum class TokenFailure : std::uint8_t {
  none,
  malformed,
  unsupported_algorithm,  ///< `alg` is not the one that the key is pinned to, `none` included
  unknown_key,            ///< no key with this `kid`, or several keys and no `kid`
  bad_signature,
  expired,
  not_yet_valid,
  wrong_issuer,
  wrong_audience,
  bad_subject,  ///< `sub` missing or no valid customer id
};
[[nodiscard]] std::string_view to_string(TokenFailure failure);

struct TokenOptions {
  std::string secret;                ///< HS256; at least 32 bytes, or empty
  std::string public_key_pem;        ///< one key for `public_key_algorithm`, or empty
  std::string public_key_algorithm;  ///< RS256, ES256 or EdDSA
  std::string jwks_json;             ///< a JWK set (RFC 7517) whose keys each carry `kid` and `alg`, or empty
  std::string issuer;                ///< required `iss`; empty: not checked
  std::string audience;              ///< must be in `aud`; empty: not checked
  std::chrono::seconds leeway{30};
};

struct VerifiedToken {
  TokenFailure failure = TokenFailure::none;
  std::string_view customer_id;  ///< valid until the next verify() on this verifier
};

/// Verifies JSON Web Tokens (RFC 7515, 7519, 8725) in JWS compact form with OpenSSL. One for each thread: it keeps
/// its OpenSSL contexts and buffers. `exp` is required. A token longer than 4 KiB is malformed.
class TokenVerifier {
 public:
  /// Throws std::invalid_argument with one clear line for unusable keys; start-up only.
  explicit TokenVerifier(const TokenOptions& options);
  ~TokenVerifier();
  TokenVerifier(TokenVerifier&&) noexcept;

  [[nodiscard]] VerifiedToken verify(std::string_view token, std::chrono::system_clock::time_point now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A development token: HS256 with sub, iss, aud, iat and exp.
[[nodiscard]] std::string make_token(const TokenOptions& options, std::string_view customer_id,
                                     std::chrono::system_clock::time_point now, std::chrono::seconds lifetime);

}  // namespace flashsale::identity
