#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/identity/token_verifier.hpp"
#include "verification_key.hpp"

namespace flashsale::identity {

/// The keys that tokens may be signed with. Belongs to one thread, as its keys do.
class KeySet {
 public:
  /// Throws std::invalid_argument with one clear line when a key is unusable or there is none.
  explicit KeySet(const TokenOptions& options);

  struct Choice {
    VerificationKey* key = nullptr;
    TokenFailure failure = TokenFailure::none;  ///< why there is no key
  };
  /// The key for a token's `alg` and `kid`. A key from a JWK set is named by its `kid`, if it has one; the secret and
  /// the single public key have none and also stand for tokens whose `kid` is not in the set, since many issuers write
  /// one anyway.
  [[nodiscard]] Choice choose(std::string_view alg, std::optional<std::string_view> kid);

  [[nodiscard]] bool has_public_keys() const { return has_public_keys_; }
  /// A line for each key of the JWK set that cannot be used (RFC 7517 section 5: such keys are ignored).
  [[nodiscard]] const std::vector<std::string>& ignored() const { return ignored_; }

 private:
  struct NamedKey {
    std::string kid;  ///< empty: has none
    VerificationKey key;
  };

  void add_jwks(const std::string& json);
  void add(NamedKey named);

  std::vector<NamedKey> keys_;
  std::vector<std::string> ignored_;
  bool has_public_keys_ = false;
};

}  // namespace flashsale::identity
