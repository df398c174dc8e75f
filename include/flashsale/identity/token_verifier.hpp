#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/identity/gateway_peers.hpp"

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
  bad_subject,       ///< `sub` missing or no valid customer id
  too_long,          ///< more bytes than kTokenBytesMax
  wrong_type,        ///< `typ` says that it is no access token
  expires_too_late,  ///< `exp` is further away than a token may live
  too_many_checks,   ///< nothing is known of the token: too many from its address had wrong signatures just now
};
[[nodiscard]] std::string_view to_string(TokenFailure failure);

/// As many bytes as a header block may have unless it is set otherwise.
inline constexpr std::size_t kTokenBytesMax = 16 * 1024;

struct TokenOptions {
  std::string secret;                ///< HS256; at least 32 bytes, or empty
  std::string public_key_pem;        ///< one key for `public_key_algorithm`, or empty
  std::string public_key_algorithm;  ///< RS256, ES256 or EdDSA
  std::string jwks_json;             ///< a JWK set (RFC 7517), or empty; keys that cannot be used are ignored
  std::string issuer;                ///< required `iss`; empty: not checked
  std::string audience;              ///< must be in `aud`; empty: not checked
  std::chrono::seconds leeway{30};
  std::chrono::seconds lifetime_max{0};  ///< from now to `exp`; 0: any
  // Of the time of all threads, and of one thread's for each client address: for public-key signatures that are wrong;
  // 1: any.
  double wrong_signature_share = 0.05;
  double wrong_signature_share_of_address = 0.02;
};

/// Whom a token came from. Whose address that is, is looked up only when it matters.
struct TokenSender {
  std::string_view peer;
  std::string_view forwarded_for;
  const GatewayPeers* proxies = nullptr;  ///< that are believed in `forwarded_for`; null: none
};

/// What the verifiers of all threads know together of the tokens they have checked, as long as the keys are the same.
/// Of a fixed size; for any thread, without locks.
class CheckedTokens;
[[nodiscard]] std::shared_ptr<CheckedTokens> make_checked_tokens(const TokenOptions& options, unsigned threads);

struct VerifiedToken {
  TokenFailure failure = TokenFailure::none;
  std::string_view customer_id;  ///< valid until the next verify() on this verifier
};

/// Verifies JSON Web Tokens (RFC 7515, 7519, 8725) in JWS compact form with OpenSSL. One for each thread: it keeps
/// its OpenSSL contexts and buffers. `exp` is required. Tokens with public-key signatures are remembered: those that
/// are right are taken without another check, and forged ones take no more than the share of the address that sends
/// them.
class TokenVerifier {
 public:
  /// Throws std::invalid_argument with one clear line for unusable keys; start-up only. `checked` was made for these
  /// options, and for these alone: what it knows holds for their keys. Null: the verifier knows what it has seen
  /// itself.
  explicit TokenVerifier(const TokenOptions& options, std::shared_ptr<CheckedTokens> checked = nullptr);
  ~TokenVerifier();
  TokenVerifier(TokenVerifier&&) noexcept;
  TokenVerifier& operator=(TokenVerifier&&) noexcept;

  [[nodiscard]] VerifiedToken verify(std::string_view token, std::chrono::system_clock::time_point now,
                                     const TokenSender& sender = {});
  /// A line for each key of the JWK set that was left out, with the reason.
  [[nodiscard]] const std::vector<std::string>& ignored_keys() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A development token: HS256 with sub, iss, aud, iat and exp.
[[nodiscard]] std::string make_token(const TokenOptions& options, std::string_view customer_id,
                                     std::chrono::system_clock::time_point now, std::chrono::seconds lifetime);

}  // namespace flashsale::identity
