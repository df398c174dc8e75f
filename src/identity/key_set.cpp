#include "key_set.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base64url.hpp"
#include "flashsale/model/check.hpp"

namespace flashsale::identity {
namespace {

using Json = nlohmann::json;
using BigNumber = OpenSslPointer<BIGNUM, &BN_free>;
using ParameterBuilder = OpenSslPointer<OSSL_PARAM_BLD, &OSSL_PARAM_BLD_free>;
using Parameters = OpenSslPointer<OSSL_PARAM, &OSSL_PARAM_free>;

constexpr std::size_t kJwksKeysMax = 64;
constexpr std::size_t kKidBytesMax = 256;
constexpr std::size_t kP256CoordinateBytes = 32;
constexpr std::size_t kEd25519KeyBytes = 32;

std::string string_member(const Json& jwk, const char* name) {
  const auto member = jwk.find(name);
  if (member == jwk.end() || !member->is_string()) throw std::invalid_argument(std::string("no ") + name);
  return member->get<std::string>();
}

std::string bytes_member(const Json& jwk, const char* name) {
  auto bytes = decode_base64url(string_member(jwk, name));
  if (!bytes || bytes->empty()) throw std::invalid_argument(std::string(name) + " is not base64url without padding");
  return *std::move(bytes);
}

std::string bytes_member(const Json& jwk, const char* name, std::size_t size) {
  std::string bytes = bytes_member(jwk, name);
  if (bytes.size() != size) throw std::invalid_argument(std::string(name) + " has the wrong length");
  return bytes;
}

BigNumber to_number(const std::string& bytes) {
  constexpr std::size_t kBytesMax = 2048;
  if (bytes.size() > kBytesMax) throw std::invalid_argument("a number is too large");
  BigNumber number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
  FLASHSALE_CHECK(number != nullptr);
  return number;
}

PublicKeyPointer build_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const OpenSslPointer<EVP_PKEY_CTX, &EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  FLASHSALE_CHECK(parameters != nullptr && context != nullptr);
  EVP_PKEY* key = nullptr;
  const bool is_built = EVP_PKEY_fromdata_init(context.get()) == 1 &&
                        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
  ERR_clear_error();
  if (!is_built) throw std::invalid_argument(std::string("not a valid ") + type + " key");
  return PublicKeyPointer(key);
}

PublicKeyPointer rsa_key(const Json& jwk) {
  const BigNumber n = to_number(bytes_member(jwk, "n"));
  const BigNumber e = to_number(bytes_member(jwk, "e"));
  if (BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1) throw std::invalid_argument("e must be odd and above 1");
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  FLASHSALE_CHECK(builder != nullptr && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
                  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  return build_key("RSA", builder.get());
}

PublicKeyPointer p256_key(const Json& jwk) {
  if (string_member(jwk, "crv") != "P-256") throw std::invalid_argument("crv must be P-256");
  // An uncompressed point: OpenSSL refuses one that is not on the curve.
  const std::string point =
      '\x04' + bytes_member(jwk, "x", kP256CoordinateBytes) + bytes_member(jwk, "y", kP256CoordinateBytes);
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  FLASHSALE_CHECK(
      builder != nullptr &&
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1);
  return build_key("EC", builder.get());
}

PublicKeyPointer ed25519_key(const Json& jwk) {
  if (string_member(jwk, "crv") != "Ed25519") throw std::invalid_argument("crv must be Ed25519");
  const std::string x = bytes_member(jwk, "x", kEd25519KeyBytes);
  PublicKeyPointer key(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr,
                                                      reinterpret_cast<const unsigned char*>(x.data()), x.size()));
  ERR_clear_error();
  if (key == nullptr) throw std::invalid_argument("x is not a valid Ed25519 key");
  return key;
}

/// What the key is used with: what it says itself, or the one algorithm here that its type is for.
Algorithm algorithm_of(const Json& jwk) {
  if (jwk.contains("alg")) {
    const auto named = parse_algorithm(string_member(jwk, "alg"));
    if (!named) throw std::invalid_argument("alg must be HS256, RS256, ES256 or EdDSA");
    return *named;
  }
  const auto type = string_member(jwk, "kty");
  if (type == "RSA") return Algorithm::rs256;
  if (type == "EC") return Algorithm::es256;
  if (type == "OKP") return Algorithm::eddsa;
  if (type == "oct") return Algorithm::hs256;
  throw std::invalid_argument("kty must be RSA, EC, OKP or oct");
}

VerificationKey to_key(const Json& jwk) {
  const auto algorithm = algorithm_of(jwk);
  const std::string type = string_member(jwk, "kty");
  const auto require_type = [&type](const char* expected) {
    if (type != expected) throw std::invalid_argument(std::string("kty must be ") + expected + " for its alg");
  };
  switch (algorithm) {
    case Algorithm::hs256: require_type("oct"); return VerificationKey::from_secret(bytes_member(jwk, "k"));
    case Algorithm::rs256: require_type("RSA"); return VerificationKey::from_public_key(rsa_key(jwk), algorithm);
    case Algorithm::es256: require_type("EC"); return VerificationKey::from_public_key(p256_key(jwk), algorithm);
    case Algorithm::eddsa: require_type("OKP"); return VerificationKey::from_public_key(ed25519_key(jwk), algorithm);
  }
  throw std::invalid_argument("alg must be HS256, RS256, ES256 or EdDSA");
}

/// Keys for encryption may stand in the same set; they are none of ours (RFC 7517 sections 4.2 and 4.3).
bool is_for_signatures(const Json& jwk) {
  const auto use = jwk.find("use");
  if (use != jwk.end() && *use != "sig") return false;
  const auto operations = jwk.find("key_ops");
  return operations == jwk.end() || !operations->is_array() ||
         std::ranges::find(*operations, Json("verify")) != operations->end();
}

std::string kid_of(const Json& jwk) {
  if (!jwk.contains("kid")) return {};
  auto kid = string_member(jwk, "kid");
  if (kid.empty() || kid.size() > kKidBytesMax) throw std::invalid_argument("kid must have 1 to 256 bytes");
  return kid;
}

std::string place_of(std::size_t number) { return "key " + std::to_string(number) + " of the JWK set"; }

}  // namespace

KeySet::KeySet(const TokenOptions& options) {
  if (!options.secret.empty()) keys_.push_back({"", VerificationKey::from_secret(options.secret)});
  if (!options.public_key_pem.empty()) {
    const std::optional<Algorithm> algorithm = parse_algorithm(options.public_key_algorithm);
    if (!algorithm || *algorithm == Algorithm::hs256) {
      throw std::invalid_argument("the algorithm of the public key must be RS256, ES256 or EdDSA");
    }
    keys_.push_back({"", VerificationKey::from_pem(options.public_key_pem, *algorithm)});
  }
  if (!options.jwks_json.empty()) add_jwks(options.jwks_json);
  has_public_keys_ =
      std::ranges::any_of(keys_, [](const NamedKey& named) { return named.key.algorithm() != Algorithm::hs256; });
  if (!keys_.empty()) return;
  if (!ignored_.empty()) throw std::invalid_argument("no key of the JWK set can be used: " + ignored_.front());
  throw std::invalid_argument("no key to verify tokens with: set a secret, a public key or a JWK set");
}

void KeySet::add_jwks(const std::string& json) {
  const Json set = Json::parse(json, nullptr, false);
  if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array()) {
    throw std::invalid_argument("the JWK set is not a JSON object with an array named keys");
  }
  if (set["keys"].size() > kJwksKeysMax) throw std::invalid_argument("the JWK set has more than 64 keys");
  std::size_t number = 0;
  for (const Json& jwk : set["keys"]) {
    ++number;
    // Whoever reads this file could sign tokens: that must not go unnoticed.
    const bool is_private = jwk.is_object() && jwk.contains("d");
    if (is_private) throw std::invalid_argument(place_of(number) + ": it is a private key");
    try {
      if (!jwk.is_object()) throw std::invalid_argument("not an object");
      if (is_for_signatures(jwk)) add({kid_of(jwk), to_key(jwk)});
    } catch (const std::invalid_argument& problem) {
      ignored_.push_back(place_of(number) + ": " + problem.what());
    }
  }
}

void KeySet::add(NamedKey named) {
  const bool is_there = std::ranges::any_of(keys_, [&named](const NamedKey& other) {
    return other.kid == named.kid && other.key.algorithm() == named.key.algorithm();
  });
  if (is_there) throw std::invalid_argument("there is one of its kid, or without one, and its algorithm already");
  keys_.push_back(std::move(named));
}

KeySet::Choice KeySet::choose(std::string_view alg, std::optional<std::string_view> kid) {
  const std::optional<Algorithm> algorithm = parse_algorithm(alg);
  if (!algorithm) return {nullptr, TokenFailure::unsupported_algorithm};
  if (keys_.size() == 1 && (!kid || kid->empty())) kid = keys_.front().kid;
  // There is at most one of a name and an algorithm.
  const auto look_up = [this, algorithm](std::string_view name) -> Choice {
    Choice choice{nullptr, TokenFailure::unknown_key};
    for (NamedKey& named : keys_) {
      if (named.kid != name) continue;
      if (named.key.algorithm() == *algorithm) return {&named.key, TokenFailure::none};
      choice.failure = TokenFailure::unsupported_algorithm;
    }
    return choice;
  };
  if (kid && !kid->empty()) {
    const auto choice = look_up(*kid);
    if (choice.failure != TokenFailure::unknown_key) return choice;
  }
  return look_up({});
}

}  // namespace flashsale::identity
