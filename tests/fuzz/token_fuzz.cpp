// Any text as a bearer token. It is verified as it stands, and also made into tokens: what stands before the first
// line end as the header, the rest as the claims, signed with the right keys and with wrong ones. A token may be
// accepted only if its signature is right, by a computation apart from the verifier's, and its claims then say so, by
// the reading of a general JSON parser.
#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "flashsale/identity/token_verifier.hpp"
#include "flashsale/model/check.hpp"
#include "flashsale/model/identifier.hpp"
#include "jws_encoding.hpp"

namespace flashsale::identity {
namespace {

using testing::base64url;
using testing::hmac;
using Json = nlohmann::json;

constexpr std::int64_t kNowS = 1'800'000'000;
constexpr std::chrono::system_clock::time_point kNow{std::chrono::seconds{kNowS}};
const std::string kSecret = "a secret of more than thirty-two bytes, for fuzzing only";
const std::string kRsaModulus =
    "sQR5jFmDlzNId0MYslAvVj6saAbNyyaQ3zqTFodnAqcMKGCVYsm627qFR0194bqEUDZn8ZDMS0W8ygU3sWQRoTfqoFDZlQQmpw2IRTa6Um15C6ow"
    "87PgsTt9fJ2q7Hciz1Ar0dHmSJ0KCjzVRL6uYdUNAElbTT1qQQ6wiMI2wuqMs7Dz3uixGn2mOKneugQDupFM3qlMj7_TwayJjjY5RHIgB3EyHRAB"
    "-uNpib8rGe4mVEyPUh2SgFoZk12QY2SNaHgEsgzY5_NZLHiaAche_a5QFWahdx_pFKXylCgpIuTivJh5ujDO7v_3D7VaU2_IGZZ4-NVnSnvwVaF6"
    "kO-fXQ";

/// The one key of the JWK set that there is a private half of; its signatures are the same each time.
class Ed25519Key {
 public:
  Ed25519Key() {
    std::array<unsigned char, 32> seed{};
    for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<unsigned char>(i + 1);
    key_.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
    FLASHSALE_CHECK(key_ != nullptr);
  }

  [[nodiscard]] std::string sign(std::string_view text) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    std::string signature(64, '\0');
    std::size_t size = signature.size();
    FLASHSALE_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
    FLASHSALE_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                   reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    return signature;
  }

  [[nodiscard]] std::string raw_public() const {
    std::string out(32, '\0');
    std::size_t size = out.size();
    FLASHSALE_CHECK(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(out.data()), &size) == 1);
    return out;
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_{nullptr, &EVP_PKEY_free};
};

struct Verifiers {
  Ed25519Key ed25519;
  std::string jwks = R"({"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"ed","x":")" +
                     base64url(ed25519.raw_public()) + R"("},{"kty":"RSA","alg":"RS256","kid":"rsa","e":"AQAB","n":")" +
                     kRsaModulus + R"("},{"kty":"EC","crv":"P-256","alg":"ES256","kid":"ec",)" +
                     R"("x":"xUz02XGoPcwtIXcIZQiSNuYun6MN5dZUORS53jbydrs",)" +
                     R"("y":"BdE1gPmx5fDAbYM_YSU30BaSx_ZpDsFKmt2JlY4UfLk"}]})";
  TokenOptions secret_options{.secret = kSecret, .issuer = "shop", .audience = "flashsale"};
  TokenOptions jwks_options{.jwks_json = jwks, .issuer = "shop", .audience = "flashsale", .wrong_signature_share = 1};
  TokenVerifier with_secret{secret_options};
  TokenVerifier with_jwks{jwks_options};
};

double seconds_of(const Json& claims, const char* name) { return claims.at(name).get<double>(); }

/// Throws std::exception when a general JSON parser sees no valid header and claims in a token that was accepted.
void require_right(const std::string& header_text, const std::string& claims_text, std::string_view alg,
                   std::string_view customer_id) {
  const Json header = Json::parse(header_text);
  FLASHSALE_CHECK(header.at("alg") == alg && !header.contains("crit"));
  const Json claims = Json::parse(claims_text);
  FLASHSALE_CHECK(claims.at("sub") == customer_id && is_valid_customer_id(customer_id));
  FLASHSALE_CHECK(claims.at("iss") == "shop");
  const Json& audience = claims.at("aud");
  bool is_meant = audience == "flashsale";
  for (const Json& one : audience) is_meant = is_meant || one == "flashsale";
  FLASHSALE_CHECK(is_meant);
  FLASHSALE_CHECK(seconds_of(claims, "exp") + 30 > static_cast<double>(kNowS));
  FLASHSALE_CHECK(!claims.contains("nbf") || seconds_of(claims, "nbf") - 30 <= static_cast<double>(kNowS));
}

void require_right_if_accepted(const VerifiedToken& verified, const std::string& header, const std::string& claims,
                               std::string_view alg) {
  if (verified.failure != TokenFailure::none) {
    FLASHSALE_CHECK(verified.customer_id.empty());
    return;
  }
  try {
    require_right(header, claims, alg, verified.customer_id);
  } catch (const Json::out_of_range& failure) {
    // It refuses numbers that no double can hold wherever they stand, even where nobody reads them.
    FLASHSALE_CHECK(failure.id == 406);
  }
}

bool is_accepted(TokenVerifier& verifier, const std::string& token) {
  return verifier.verify(token, kNow).failure == TokenFailure::none;
}

/// Neither the flipped bit nor the cut is a signature any more.
void require_exact_signature(TokenVerifier& verifier, const std::string& signed_text, std::string signature) {
  const std::size_t place = std::hash<std::string>{}(signed_text) % (signature.size() * 8);
  signature[place / 8] = static_cast<char>(signature[place / 8] ^ (1 << place % 8));
  FLASHSALE_CHECK(!is_accepted(verifier, signed_text + "." + base64url(signature)));
  FLASHSALE_CHECK(!is_accepted(verifier, signed_text + "." + base64url(signature.substr(0, place / 8))));
  FLASHSALE_CHECK(!is_accepted(verifier, signed_text + "."));
}

void test_as_it_stands(Verifiers& verifiers, const std::string& token) {
  const std::size_t dot = token.rfind('.');
  const bool has_three_parts = dot != std::string::npos && token.find('.') < dot;
  const std::string signed_text = token.substr(0, has_three_parts ? dot : 0);
  const std::string signature = token.substr(has_three_parts ? dot + 1 : token.size());
  if (is_accepted(verifiers.with_secret, token)) {
    FLASHSALE_CHECK(has_three_parts && signature == base64url(hmac(kSecret, signed_text)));
  }
  if (is_accepted(verifiers.with_jwks, token)) {
    FLASHSALE_CHECK(has_three_parts && signature == base64url(verifiers.ed25519.sign(signed_text)));
  }
}

void test_signed(Verifiers& verifiers, const std::string& header, const std::string& claims) {
  const std::string text = base64url(header) + "." + base64url(claims);
  const std::string mac = hmac(kSecret, text);
  require_right_if_accepted(verifiers.with_secret.verify(text + "." + base64url(mac), kNow), header, claims, "HS256");
  require_exact_signature(verifiers.with_secret, text, mac);

  const std::string signature = verifiers.ed25519.sign(text);
  const std::string token = text + "." + base64url(signature);
  require_right_if_accepted(verifiers.with_jwks.verify(token, kNow), header, claims, "EdDSA");
  require_exact_signature(verifiers.with_jwks, text, signature);
  // Once more, since an accepted token is remembered now; the memory is of the time that it is asked at.
  require_right_if_accepted(verifiers.with_jwks.verify(token, kNow), header, claims, "EdDSA");

  // A public key is no secret, whatever the header says.
  for (const std::string& known : {verifiers.ed25519.raw_public(), verifiers.jwks, kRsaModulus}) {
    FLASHSALE_CHECK(!is_accepted(verifiers.with_jwks, text + "." + base64url(hmac(known, text))));
  }
  FLASHSALE_CHECK(!is_accepted(verifiers.with_jwks, text + "." + base64url(mac)));
  FLASHSALE_CHECK(!is_accepted(verifiers.with_secret, token));
}

void test(const std::string& text) {
  static Verifiers verifiers;
  test_as_it_stands(verifiers, text);
  const std::size_t line_end = text.find('\n');
  if (line_end != std::string::npos) test_signed(verifiers, text.substr(0, line_end), text.substr(line_end + 1));
}

}  // namespace
}  // namespace flashsale::identity

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flashsale::identity::test(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
