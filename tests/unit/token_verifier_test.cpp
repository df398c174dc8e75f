#include "flashsale/identity/token_verifier.hpp"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "jws_encoding.hpp"

namespace flashsale::identity {

// Makes a failed comparison readable; found by GoogleTest.
inline void PrintTo(TokenFailure failure, std::ostream* out) { *out << to_string(failure); }

namespace {

using std::chrono::seconds;
using testing::base64url;
using testing::hmac;
using Now = std::chrono::system_clock::time_point;

constexpr std::int64_t kNow = 1'800'000'000;
Now at(std::int64_t unix_s) { return Now{seconds{unix_s}}; }

const std::string kSecret = "a secret of more than thirty-two bytes, for tests only";
const std::string kHeader = R"({"alg":"HS256","typ":"JWT"})";
const std::string kClaims = R"({"sub":"alice","iss":"shop","aud":"flashsale","iat":1799999990,"exp":1800000600})";

std::string signed_with(std::string_view secret, const std::string& header, const std::string& claims) {
  const std::string text = base64url(header) + "." + base64url(claims);
  return text + "." + base64url(hmac(secret, text));
}
std::string token_of(const std::string& claims) { return signed_with(kSecret, kHeader, claims); }

/// A private key made for the test.
class SigningKey {
 public:
  static SigningKey rsa(unsigned bits) {
    return SigningKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{bits}));
  }
  static SigningKey ec(const char* curve) { return SigningKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve)); }
  static SigningKey ed25519() { return SigningKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }

  std::string token(const std::string& header, const std::string& claims) const {
    const std::string text = base64url(header) + "." + base64url(claims);
    return text + "." + base64url(signature(text));
  }

  /// As it stands in a JWS.
  std::string signature(const std::string& text) const {
    const bool hashes_itself = EVP_PKEY_is_a(key_.get(), "ED25519") == 1;
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, hashes_itself ? nullptr : EVP_sha256(), nullptr, key_.get());
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size());
    std::string out(size, '\0');
    EXPECT_EQ(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes, text.size()),
              1);
    out.resize(size);
    return EVP_PKEY_is_a(key_.get(), "EC") == 1 ? raw_ecdsa(out) : out;
  }

  std::string public_pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new(BIO_s_mem()), &BIO_free_all);
    PEM_write_bio_PUBKEY(out.get(), key_.get());
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }

  std::string number(const char* name) const {
    BIGNUM* n = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &n);
    std::string out(static_cast<std::size_t>(BN_num_bytes(n)), '\0');
    BN_bn2bin(n, reinterpret_cast<unsigned char*>(out.data()));
    BN_free(n);
    return out;
  }

  std::string raw_public() const {
    std::string out(32, '\0');
    std::size_t size = out.size();
    EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(out.data()), &size);
    return out;
  }

  std::string jwk(const std::string& kid) const {
    const std::string name = "\"kid\":\"" + kid + "\",";
    if (EVP_PKEY_is_a(key_.get(), "RSA") == 1) {
      return "{\"kty\":\"RSA\",\"alg\":\"RS256\"," + name + "\"n\":\"" + base64url(number(OSSL_PKEY_PARAM_RSA_N)) +
             "\",\"e\":\"" + base64url(number(OSSL_PKEY_PARAM_RSA_E)) + "\"}";
    }
    if (EVP_PKEY_is_a(key_.get(), "EC") == 1) {
      const auto coordinate = [this](const char* which) {
        const std::string n = number(which);
        return base64url(std::string(32 - n.size(), '\0') + n);
      };
      return "{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ES256\"," + name + "\"x\":\"" +
             coordinate(OSSL_PKEY_PARAM_EC_PUB_X) + "\",\"y\":\"" + coordinate(OSSL_PKEY_PARAM_EC_PUB_Y) + "\"}";
    }
    return "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\"," + name + "\"x\":\"" + base64url(raw_public()) +
           "\"}";
  }

 private:
  explicit SigningKey(EVP_PKEY* key) : key_(key, &EVP_PKEY_free) {
    if (key == nullptr) throw std::runtime_error("no key could be made");
  }

  static std::string raw_ecdsa(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* const parsed = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string out(64, '\0');
    auto* const bytes = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), bytes, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), bytes + 32, 32);
    ECDSA_SIG_free(parsed);
    return out;
  }

  std::shared_ptr<EVP_PKEY> key_;
};

TokenOptions secret_options() {
  TokenOptions options;
  options.secret = kSecret;
  options.issuer = "shop";
  options.audience = "flashsale";
  return options;
}

TokenOptions key_options(const SigningKey& key, const char* algorithm) {
  TokenOptions options = secret_options();
  options.secret.clear();
  options.public_key_pem = key.public_pem();
  options.public_key_algorithm = algorithm;
  return options;
}

TokenOptions jwks_options(const std::vector<std::string>& jwks) {
  TokenOptions options = secret_options();
  options.secret.clear();
  options.jwks_json = "{\"keys\":[";
  for (const std::string& jwk : jwks) options.jwks_json += (options.jwks_json.back() == '[' ? "" : ",") + jwk;
  options.jwks_json += "]}";
  return options;
}

TokenFailure failure_of(const TokenOptions& options, std::string_view token, std::int64_t now = kNow) {
  TokenVerifier verifier(options);
  return verifier.verify(token, at(now)).failure;
}

TEST(TokenVerifierTest, VerifiesAToken) {
  TokenVerifier verifier(secret_options());
  const auto verified = verifier.verify(token_of(kClaims), at(kNow));
  EXPECT_EQ(verified.failure, TokenFailure::none);
  EXPECT_EQ(verified.customer_id, "alice");
}

TEST(TokenVerifierTest, VerifiesWhatMakeTokenMakes) {
  const TokenOptions options = secret_options();
  TokenVerifier verifier(options);
  for (const std::string customer : {"alice", "zo\xc3\xab", "a\"b\\c", "auth0|17", "\xf0\x9f\x91\x9f"}) {
    const std::string token = make_token(options, customer, at(kNow), seconds{60});
    const auto verified = verifier.verify(token, at(kNow + 59));
    EXPECT_EQ(verified.failure, TokenFailure::none);
    EXPECT_EQ(verified.customer_id, customer);
    EXPECT_EQ(verifier.verify(token, at(kNow + 60 + 30)).failure, TokenFailure::expired);
  }
  EXPECT_THROW(static_cast<void>(make_token(options, "", at(kNow), seconds{60})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(make_token({}, "alice", at(kNow), seconds{60})), std::invalid_argument);
}

// The examples have no `sub`: that this is what is missing shows that the signature was found good.
TEST(TokenVerifierTest, ExamplesOfTheRfcs) {
  const std::string claims =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  struct Example {
    const char* name;
    const char* jwk;
    std::string token;
    TokenFailure expected;
  };
  const std::vector<Example> examples{
      {"RFC 7515 A.1",
       R"({"kid":"1","alg":"HS256","kty":"oct","k":)"
       R"("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})",
       "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + claims + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
       TokenFailure::bad_subject},
      {"RFC 7515 A.3",
       R"({"kid":"1","alg":"ES256","kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
       R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
       "eyJhbGciOiJFUzI1NiJ9." + claims +
           ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
       TokenFailure::bad_subject},
      // Its payload is a sentence.
      {"RFC 8037 A.4",
       R"({"kid":"1","alg":"EdDSA","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
       "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
       "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
       TokenFailure::malformed}};
  for (const Example& example : examples) {
    SCOPED_TRACE(example.name);
    TokenOptions options;
    options.jwks_json = std::string("{\"keys\":[") + example.jwk + "]}";
    EXPECT_EQ(failure_of(options, example.token, 1'300'819'379), example.expected);
    std::string tampered = example.token;
    char& c = tampered[tampered.size() - 10];
    c = c == 'A' ? 'B' : 'A';
    EXPECT_EQ(failure_of(options, tampered, 1'300'819'379), TokenFailure::bad_signature);
  }
}

TEST(TokenVerifierTest, PublicKeyAlgorithms) {
  const std::vector<std::pair<const char*, SigningKey>> keys{
      {"RS256", SigningKey::rsa(2048)}, {"ES256", SigningKey::ec("P-256")}, {"EdDSA", SigningKey::ed25519()}};
  for (const auto& [algorithm, key] : keys) {
    SCOPED_TRACE(algorithm);
    const std::string header = std::string("{\"alg\":\"") + algorithm + "\"}";
    TokenVerifier verifier(key_options(key, algorithm));
    TokenVerifier of_set(jwks_options({key.jwk("only")}));
    for (int i = 0; i < 20; ++i) {
      const std::string customer = "customer-" + std::to_string(i);
      const std::string token =
          key.token(header, "{\"sub\":\"" + customer + R"(","iss":"shop","aud":"flashsale","exp":1800000600})");
      for (int again = 0; again < 2; ++again) {  // the second time from what is remembered
        const auto verified = verifier.verify(token, at(kNow));
        EXPECT_EQ(verified.failure, TokenFailure::none);
        EXPECT_EQ(verified.customer_id, customer);
      }
      EXPECT_EQ(of_set.verify(token, at(kNow)).customer_id, customer);
      EXPECT_EQ(verifier.verify(token, at(kNow + 700)).failure, TokenFailure::expired);
      EXPECT_NE(verifier.verify(token + "A", at(kNow)).failure, TokenFailure::none);
      EXPECT_NE(verifier.verify(token.substr(0, token.size() - 4), at(kNow)).failure, TokenFailure::none);
    }
  }
}

TEST(TokenVerifierTest, RememberedTokensStillHaveToBeInTime) {
  const SigningKey key = SigningKey::ed25519();
  TokenVerifier verifier(key_options(key, "EdDSA"));
  const std::string token = key.token(
      R"({"alg":"EdDSA"})", R"({"sub":"alice","iss":"shop","aud":"flashsale","nbf":1800000000,"exp":1800000600})");
  EXPECT_EQ(verifier.verify(token, at(kNow)).failure, TokenFailure::none);
  EXPECT_EQ(verifier.verify(token, at(kNow - 31)).failure, TokenFailure::not_yet_valid);
  EXPECT_EQ(verifier.verify(token, at(kNow + 629)).failure, TokenFailure::none);
  EXPECT_EQ(verifier.verify(token, at(kNow + 630)).failure, TokenFailure::expired);
  EXPECT_EQ(verifier.verify("", at(kNow)).failure, TokenFailure::malformed);
}

TEST(TokenVerifierTest, ManyTokensAtOneVerifierStayApart) {
  const SigningKey key = SigningKey::ed25519();
  TokenVerifier verifier(key_options(key, "EdDSA"));
  std::vector<std::string> tokens;
  for (int i = 0; i < 1500; ++i) {
    tokens.push_back(key.token(R"({"alg":"EdDSA"})", "{\"sub\":\"c" + std::to_string(i) +
                                                         R"(","iss":"shop","aud":"flashsale","exp":1800000600})"));
  }
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      ASSERT_EQ(verifier.verify(tokens[i], at(kNow)).customer_id, "c" + std::to_string(i));
    }
  }
}

std::string claims_of(const std::string& customer) {
  return "{\"sub\":\"" + customer + R"(","iss":"shop","aud":"flashsale","exp":1800000600})";
}

/// With a signature that is of the right form.
std::string forged(const char* header, int number) {
  return base64url(header) + "." + base64url(claims_of("mallory" + std::to_string(number))) + "." +
         base64url(std::string(64, 'x'));
}

TEST(TokenVerifierTest, ForgedTokensTakeTheirShareOfTheTimeAndNoMore) {
  const SigningKey ec = SigningKey::ec("P-256");
  const char* const header = R"({"alg":"ES256"})";
  TokenVerifier verifier(key_options(ec, "ES256"));
  const std::string known = ec.token(header, claims_of("alice"));
  ASSERT_EQ(verifier.verify(known, at(kNow)).customer_id, "alice");
  EXPECT_EQ(verifier.verify(forged(header, 0), at(kNow)).failure, TokenFailure::bad_signature);
  int unchecked = 0;
  for (int number = 1; number < 10'000; ++number) {
    const auto failure = verifier.verify(forged(header, number), at(kNow)).failure;
    if (failure == TokenFailure::too_many_checks) ++unchecked;
    else ASSERT_EQ(failure, TokenFailure::bad_signature);
    // Who is known is not hurt, and what was seen to be forged stays so.
    ASSERT_EQ(verifier.verify(known, at(kNow)).customer_id, "alice");
  }
  EXPECT_GT(unchecked, 5'000);
  EXPECT_EQ(verifier.verify(forged(header, 0), at(kNow)).failure, TokenFailure::bad_signature);
  // A new buyer is let in as soon as the share allows, however many others there are.
  const std::string fresh = ec.token(header, claims_of("bob"));
  for (int number = 0; number < 100'000; ++number) {
    static_cast<void>(verifier.verify(forged(header, number), at(kNow)));
    const auto verified = verifier.verify(fresh, at(kNow));
    if (verified.customer_id == "bob") return;
    ASSERT_EQ(verified.failure, TokenFailure::too_many_checks);
  }
  ADD_FAILURE() << "a new buyer is never let in";
}

/// Forged tokens until none is looked at any more.
void use_up_share(TokenVerifier& verifier, const TokenSender& sender) {
  for (int number = 0; number < 10'000; ++number) {
    const auto failure = verifier.verify(forged(R"({"alg":"ES256"})", number), at(kNow), sender).failure;
    if (failure == TokenFailure::too_many_checks) return;
    ASSERT_EQ(failure, TokenFailure::bad_signature);
  }
  ADD_FAILURE() << "forged tokens are checked without end";
}

TEST(TokenVerifierTest, AStrangersForgedTokensTurnNobodyElseAway) {
  const SigningKey ec = SigningKey::ec("P-256");
  TokenVerifier verifier(key_options(ec, "ES256"));
  const GatewayPeers proxies(std::vector<std::string>{"10.0.0.0/8"});
  for (const TokenSender& forger :
       {TokenSender{"192.0.2.1", "", &proxies}, TokenSender{"10.0.0.1", "203.0.113.1, 198.51.100.1", &proxies}}) {
    use_up_share(verifier, forger);
  }
  const TokenSender others[] = {{"192.0.2.2", "192.0.2.1", &proxies},
                                {"10.0.0.1", "198.51.100.2", &proxies},
                                {"10.0.0.1", "203.0.113.1", &proxies},
                                {"2001:db8::1", "", &proxies}};
  for (int number = 0; number < 400; ++number) {
    const auto customer = "c" + std::to_string(number);
    const auto verified =
        verifier.verify(ec.token(R"({"alg":"ES256"})", claims_of(customer)), at(kNow), others[number % 4]);
    ASSERT_EQ(verified.failure, TokenFailure::none);
    ASSERT_EQ(verified.customer_id, customer);
  }
}

TEST(TokenVerifierTest, WhatOneThreadHasCheckedAllKnow) {
  const SigningKey ec = SigningKey::ec("P-256");
  const TokenOptions options = key_options(ec, "ES256");
  const auto checked = make_checked_tokens(options, 2);
  TokenVerifier first(options, checked);
  TokenVerifier second(options, checked);
  const TokenSender sender{"192.0.2.1", "", nullptr};
  const std::string known = ec.token(R"({"alg":"ES256"})", claims_of("alice"));
  const std::string old = ec.token(R"({"alg":"ES256"})", R"({"sub":"alice","iss":"shop","aud":"flashsale","exp":1})");
  ASSERT_EQ(first.verify(known, at(kNow), sender).customer_id, "alice");
  ASSERT_EQ(first.verify(old, at(kNow), sender).failure, TokenFailure::expired);
  // The share is used up for the second one as well, which is seen by a token that nobody knows. It comes back with
  // time, of which a busy machine may take some between the two.
  std::string fresh;
  bool is_turned_away = false;
  for (int number = 0; number < 100 && !is_turned_away; ++number) {
    use_up_share(first, sender);
    fresh = ec.token(R"({"alg":"ES256"})", claims_of("bob" + std::to_string(number)));
    is_turned_away = second.verify(fresh, at(kNow), sender).failure == TokenFailure::too_many_checks;
  }
  EXPECT_TRUE(is_turned_away);
  EXPECT_EQ(second.verify(known, at(kNow), sender).customer_id, "alice");
  EXPECT_EQ(second.verify(known, at(kNow + 700), sender).failure, TokenFailure::expired);
  EXPECT_EQ(second.verify(old, at(kNow), sender).failure, TokenFailure::expired);
  EXPECT_EQ(second.verify(forged(R"({"alg":"ES256"})", 0), at(kNow), sender).failure, TokenFailure::bad_signature);
  EXPECT_TRUE(second.verify(fresh, at(kNow), {"192.0.2.2", "", nullptr}).customer_id.starts_with("bob"));
}

TEST(TokenVerifierTest, AKeyThatIsGoneIsGoneForAllThreads) {
  const SigningKey ec = SigningKey::ec("P-256");
  const SigningKey next = SigningKey::ec("P-256");
  const TokenOptions both = jwks_options({ec.jwk("old"), next.jwk("new")});
  const TokenOptions rest = jwks_options({next.jwk("new")});
  const std::string old = ec.token(R"({"alg":"ES256","kid":"old"})", claims_of("alice"));
  const auto checked = make_checked_tokens(both, 2);
  std::vector<TokenVerifier> verifiers;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(verifiers.emplace_back(both, checked).verify(old, at(kNow)).customer_id, "alice");
  }
  const auto after = make_checked_tokens(rest, 2);
  verifiers[0] = TokenVerifier(rest, after);
  EXPECT_EQ(verifiers[0].verify(old, at(kNow)).failure, TokenFailure::unknown_key);
  EXPECT_EQ(verifiers[1].verify(old, at(kNow)).customer_id, "alice");  // its turn has not come yet
  EXPECT_EQ(verifiers[0].verify(old, at(kNow)).failure, TokenFailure::unknown_key);
  // Another key under the same name.
  verifiers[1] = TokenVerifier(jwks_options({next.jwk("old")}), make_checked_tokens(rest, 2));
  EXPECT_EQ(verifiers[1].verify(old, at(kNow)).failure, TokenFailure::bad_signature);
}

TEST(TokenVerifierTest, ManyThreadsCheckAtOnce) {
  const SigningKey ec = SigningKey::ec("P-256");
  const TokenOptions options = key_options(ec, "ES256");
  const auto checked = make_checked_tokens(options, 4);
  std::vector<std::string> tokens;
  for (int i = 0; i < 200; ++i) tokens.push_back(ec.token(R"({"alg":"ES256"})", claims_of("c" + std::to_string(i))));
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      TokenVerifier verifier(options, checked);
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        EXPECT_EQ(verifier.verify(tokens[i], at(kNow), {"192.0.2.2", "", nullptr}).customer_id,
                  "c" + std::to_string(i));
        const std::string bad = forged(R"({"alg":"ES256"})", static_cast<int>(i));
        EXPECT_EQ(verifier.verify(bad, at(kNow), {"192.0.2.1", "", nullptr}).customer_id, "");
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(TokenVerifierTest, RightSignaturesAreNotCounted) {
  const SigningKey ec = SigningKey::ec("P-256");
  TokenVerifier verifier(key_options(ec, "ES256"));
  for (int number = 0; number < 3'000; ++number) {
    const auto customer = "c" + std::to_string(number);
    ASSERT_EQ(verifier.verify(ec.token(R"({"alg":"ES256"})", claims_of(customer)), at(kNow)).customer_id, customer);
  }
}

/// It costs a check like any other, and its signature is right: so it is remembered, too.
TEST(TokenVerifierTest, AnOldTokenSentAgainAndAgainCostsOneCheck) {
  const SigningKey rsa = SigningKey::rsa(4096);
  TokenVerifier verifier(key_options(rsa, "RS256"));
  const auto time_of = [&verifier](const std::string& token, TokenFailure expected) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(verifier.verify(token, at(kNow)).failure, expected);
    return std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin);
  };
  for (const auto& [claims, expected] : std::vector<std::pair<std::string, TokenFailure>>{
           {R"({"sub":"alice","iss":"shop","aud":"flashsale","exp":1})", TokenFailure::expired},
           {R"({"sub":"alice","iss":"other","aud":"flashsale","exp":1800000600})", TokenFailure::wrong_issuer},
           {R"({"iss":"shop","aud":"flashsale","exp":1800000600})", TokenFailure::bad_subject},
           {"no JSON", TokenFailure::malformed}}) {
    // Another token each time against the same one: the least of each, whatever else the machine does.
    auto fresh = std::chrono::nanoseconds::max();
    auto again = fresh;
    for (std::size_t i = 0; i < 5; ++i) {
      const auto token = rsa.token(R"({"alg":"RS256"})", claims + std::string(i, ' '));
      fresh = std::min(fresh, time_of(token, expected));
      for (int j = 0; j < 3; ++j) again = std::min(again, time_of(token, expected));
    }
    EXPECT_LT(again, fresh * 3 / 4) << claims;
  }
}

TEST(TokenVerifierTest, ATokenMayNotLiveForEver) {
  TokenOptions options = secret_options();
  options.lifetime_max = seconds{3600};
  const auto until = [](const std::string& exp) {
    return token_of(R"({"sub":"alice","iss":"shop","aud":"flashsale","exp":)" + exp + "}");
  };
  EXPECT_EQ(failure_of(options, until("1800003600")), TokenFailure::none);
  EXPECT_EQ(failure_of(options, until("1800003630")), TokenFailure::none) << "within the leeway";
  for (const char* const exp : {"1800003631", "9999999999", "1e300"}) {
    EXPECT_EQ(failure_of(options, until(exp)), TokenFailure::expires_too_late) << exp;
  }
}

struct Case {
  const char* name;
  std::string token;
  TokenFailure expected;
};

void expect_all(const TokenOptions& options, const std::vector<Case>& cases) {
  TokenVerifier verifier(options);
  const std::string good = token_of(kClaims);
  for (const Case& c : cases) {
    const auto verified = verifier.verify(c.token, at(kNow));
    EXPECT_EQ(verified.failure, c.expected) << c.name;
    EXPECT_TRUE(verified.customer_id.empty()) << c.name;
    // Whatever it was, the next good token passes.
    EXPECT_EQ(verifier.verify(good, at(kNow)).customer_id, "alice") << c.name;
  }
}

TEST(TokenVerifierTest, RefusesForgedAndMalformedTokens) {
  using enum TokenFailure;
  const std::string good = token_of(kClaims);
  const std::size_t first = good.find('.');
  const std::size_t second = good.rfind('.');
  const std::string header = good.substr(0, first);
  const std::string claims = good.substr(first + 1, second - first - 1);
  const std::string signature = good.substr(second + 1);
  const std::string other_claims = base64url(R"({"sub":"bob","iss":"shop","aud":"flashsale","exp":1800000600})");
  const auto headed = [](const std::string& h) { return signed_with(kSecret, h, kClaims); };
  std::string trailing_bits = good;  // a lenient decoder drops the last digit's two unused bits
  trailing_bits.back() = static_cast<char>(trailing_bits.back() + 1);

  expect_all(secret_options(),
             {{"empty", "", malformed},
              {"one dot", ".", malformed},
              {"two dots", "..", malformed},
              {"no signature", header + "." + claims, malformed},
              {"empty signature", header + "." + claims + ".", bad_signature},
              {"four parts", good + ".x", malformed},
              {"five parts, as JWE", "a.b.c.d.e", malformed},
              {"truncated signature", good.substr(0, good.size() - 3), bad_signature},
              {"truncated by one", good.substr(0, good.size() - 1), malformed},
              {"longer signature", good + "AAAA", bad_signature},
              {"padded signature", good + "=", malformed},
              {"padded header", header + "=." + claims + "." + signature, malformed},
              {"trailing bits", trailing_bits, malformed},
              {"standard base64", header + "." + claims + "." + std::string(43, '+'), malformed},
              {"space in front", " " + good, malformed},
              {"line end behind", good + "\n", malformed},
              {"NUL behind", good + std::string(1, '\0'), malformed},
              {"high bytes", header + "." + claims + ".\xff\xff" + signature.substr(2), malformed},
              {"17 KiB",
               token_of(R"({"sub":"alice","iss":"shop","aud":"flashsale","exp":1800000600,"x":")" +
                        std::string(13'000, 'x') + "\"}"),
               too_long},
              {"a logout token", headed(R"({"alg":"HS256","typ":"logout+jwt"})"), wrong_type},
              {"a proof of possession", headed(R"({"alg":"HS256","typ":"dpop+jwt"})"), wrong_type},
              {"typ empty", headed(R"({"alg":"HS256","typ":""})"), wrong_type},
              {"typ number", headed(R"({"alg":"HS256","typ":17})"), malformed},
              {"other claims, old signature", header + "." + other_claims + "." + signature, bad_signature},
              {"other secret", signed_with(std::string(40, 'x'), kHeader, kClaims), bad_signature},
              {"empty secret", signed_with("", kHeader, kClaims), bad_signature},
              {"zero signature", header + "." + claims + "." + std::string(43, 'A'), bad_signature},
              {"alg none, no signature", base64url(R"({"alg":"none"})") + "." + claims + ".", unsupported_algorithm},
              {"alg none, signed", headed(R"({"alg":"none"})"), unsupported_algorithm},
              {"alg None", headed(R"({"alg":"None"})"), unsupported_algorithm},
              {"alg hs256", headed(R"({"alg":"hs256"})"), unsupported_algorithm},
              {"alg HS512", headed(R"({"alg":"HS512"})"), unsupported_algorithm},
              {"alg RS256", headed(R"({"alg":"RS256"})"), unsupported_algorithm},
              {"alg empty", headed(R"({"alg":""})"), unsupported_algorithm},
              {"alg with NUL", headed(R"({"alg":"HS256\u0000"})"), unsupported_algorithm},
              {"no alg", headed(R"({"typ":"JWT"})"), malformed},
              {"alg null", headed(R"({"alg":null})"), malformed},
              {"alg array", headed(R"({"alg":["HS256"]})"), malformed},
              {"alg twice", headed(R"({"alg":"HS256","alg":"HS256"})"), malformed},
              {"alg twice, once escaped", headed(R"({"alg":"HS256","\u0061lg":"none"})"), malformed},
              {"crit", headed(R"({"alg":"HS256","crit":["exp"],"exp":1})"), malformed},
              {"crit empty", headed(R"({"alg":"HS256","crit":[]})"), malformed},
              {"b64 false", headed(R"({"alg":"HS256","b64":false,"crit":["b64"]})"), malformed},
              {"kid number", headed(R"({"alg":"HS256","kid":1})"), malformed},
              {"header array", headed(R"(["HS256"])"), malformed},
              {"header string", headed(R"("HS256")"), malformed},
              {"header empty", headed(""), malformed},
              {"header trailing", headed(R"({"alg":"HS256"}x)"), malformed},
              {"header second object", headed(R"({"alg":"HS256"}{})"), malformed},
              {"header comma", headed(R"({"alg":"HS256",})"), malformed},
              {"header single quotes", headed(R"({'alg':'HS256'})"), malformed},
              {"header byte order mark", headed("\xef\xbb\xbf{\"alg\":\"HS256\"}"), malformed},
              {"header comment", headed(R"({"alg":"HS256"/**/})"), malformed}});
}

TEST(TokenVerifierTest, RefusesBadClaims) {
  using enum TokenFailure;
  const auto with = [](const std::string& members) {
    return token_of(R"({"iss":"shop","aud":"flashsale",)" + members + "}");
  };
  const auto timed = [&](const std::string& members) { return with("\"sub\":\"alice\"," + members); };
  const std::string fine = R"("exp":1800000600)";
  const auto subject = [&](const std::string& value) { return with(fine + ",\"sub\":" + value); };
  const auto payload = [](const std::string& json) { return token_of(json); };
  expect_all(
      secret_options(),
      {{"expired", timed(R"("exp":1799999970)"), expired},
       {"long expired", timed(R"("exp":1)"), expired},
       {"exp zero", timed(R"("exp":0)"), expired},
       {"exp negative", timed(R"("exp":-1800000600)"), expired},
       {"exp very negative", timed(R"("exp":-1e300)"), expired},
       {"exp missing", with(R"("sub":"alice")"), malformed},
       {"exp string", timed(R"("exp":"1800000600")"), malformed},
       {"exp null", timed(R"("exp":null)"), malformed},
       {"exp true", timed(R"("exp":true)"), malformed},
       {"exp object", timed(R"("exp":{})"), malformed},
       {"exp beyond any number", timed(R"("exp":1e400)"), malformed},
       {"exp with leading zero", timed(R"("exp":01800000600)"), malformed},
       {"exp with plus", timed(R"("exp":+1800000600)"), malformed},
       {"exp hexadecimal", timed(R"("exp":0x7fffffff)"), malformed},
       {"exp Infinity", timed(R"("exp":Infinity)"), malformed},
       {"exp NaN", timed(R"("exp":NaN)"), malformed},
       {"exp without digits", timed(R"("exp":-)"), malformed},
       {"exp dot", timed(R"("exp":1800000600.)"), malformed},
       {"exp dot first", timed(R"("exp":.5)"), malformed},
       {"exp half exponent", timed(R"("exp":1e)"), malformed},
       {"exp twice", timed(R"("exp":1,"exp":1800000600)"), malformed},
       {"not yet valid", timed(fine + R"(,"nbf":1800000031)"), not_yet_valid},
       {"nbf huge", timed(fine + R"(,"nbf":1e300)"), not_yet_valid},
       {"nbf string", timed(fine + R"(,"nbf":"1")"), malformed},
       {"iat string", timed(fine + R"(,"iat":"1")"), malformed},
       {"iat beyond any number", timed(fine + R"(,"iat":1e999)"), malformed},
       {"sub missing", with(fine), bad_subject},
       {"sub empty", subject(R"("")"), bad_subject},
       {"sub number", subject("17"), bad_subject},
       {"sub null", subject("null"), bad_subject},
       {"sub array", subject(R"(["alice"])"), bad_subject},
       {"sub object", subject(R"({"id":"alice"})"), bad_subject},
       {"sub long", subject("\"" + std::string(256, 'a') + "\""), bad_subject},
       {"sub escaped NUL", subject(R"("a\u0000b")"), bad_subject},
       {"sub escaped line end", subject(R"("a\nb")"), bad_subject},
       {"sub escaped C1 control", subject(R"("a\u0085b")"), bad_subject},
       {"sub raw control", subject("\"a\nb\""), malformed},
       {"sub ill-formed UTF-8", subject("\"a\xff\""), malformed},
       {"sub lone surrogate", subject(R"("\ud800")"), malformed},
       {"sub low surrogate first", subject(R"("\udc00\ud800")"), malformed},
       {"sub half pair", subject(R"("\ud83dx")"), malformed},
       {"sub surrogate and escape", subject(R"("\ud83d\n")"), malformed},
       {"sub bad escape", subject(R"("\x41")"), malformed},
       {"sub short escape", subject(R"("\u00")"), malformed},
       {"sub open", R"(x.y.z)", malformed},
       {"sub twice", with(fine + R"(,"sub":"alice","sub":"bob")"), malformed},
       {"sub twice, once escaped", with(fine + R"(,"sub":"alice","\u0073\u0075\u0062":"bob")"), malformed},
       {"wrong issuer", payload(R"({"sub":"alice","iss":"other","aud":"flashsale","exp":1800000600})"), wrong_issuer},
       {"issuer prefix", payload(R"({"sub":"alice","iss":"sho","aud":"flashsale","exp":1800000600})"), wrong_issuer},
       {"no issuer", payload(R"({"sub":"alice","aud":"flashsale","exp":1800000600})"), wrong_issuer},
       {"issuer array", payload(R"({"sub":"alice","iss":["shop"],"aud":"flashsale","exp":1800000600})"), malformed},
       {"wrong audience", payload(R"({"sub":"alice","iss":"shop","aud":"other","exp":1800000600})"), wrong_audience},
       {"no audience", payload(R"({"sub":"alice","iss":"shop","exp":1800000600})"), wrong_audience},
       {"empty audiences", payload(R"({"sub":"alice","iss":"shop","aud":[],"exp":1800000600})"), wrong_audience},
       {"wrong audiences", payload(R"({"sub":"alice","iss":"shop","aud":["a","b"],"exp":1800000600})"), wrong_audience},
       {"audience number", payload(R"({"sub":"alice","iss":"shop","aud":1,"exp":1800000600})"), malformed},
       {"audience null", payload(R"({"sub":"alice","iss":"shop","aud":null,"exp":1800000600})"), malformed},
       {"audience object", payload(R"({"sub":"alice","iss":"shop","aud":{"flashsale":1},"exp":1800000600})"),
        malformed},
       {"audiences mixed", payload(R"({"sub":"alice","iss":"shop","aud":["flashsale",1],"exp":1800000600})"),
        malformed},
       {"audience nested", payload(R"({"sub":"alice","iss":"shop","aud":[["flashsale"]],"exp":1800000600})"),
        malformed},
       {"payload empty", payload(""), malformed},
       {"payload text", payload("alice"), malformed},
       {"payload array", payload("[" + kClaims + "]"), malformed},
       {"payload twice", payload(kClaims + kClaims), malformed},
       {"payload trailing NUL", payload(kClaims + std::string(1, '\0')), malformed},
       {"payload cut", payload(kClaims.substr(0, kClaims.size() - 1)), malformed},
       {"payload open string", payload(R"({"sub":"alice)"), malformed},
       {"payload open escape", payload("{\"sub\":\"alice\\"), malformed},
       {"payload without colon", payload(R"({"sub" "alice"})"), malformed},
       {"payload bare name", payload(R"({sub:"alice"})"), malformed},
       {"payload unknown word", timed(fine + R"(,"x":nul)"), malformed},
       {"nested 17 levels", timed(fine + ",\"x\":" + std::string(17, '[') + std::string(17, ']')), malformed},
       {"nested open", timed(fine + ",\"x\":" + std::string(1500, '[')), malformed},
       {"65 members",
        [&] {
          std::string members = "\"sub\":\"alice\"";
          for (int i = 0; i < 62; ++i) members += ",\"m" + std::to_string(i) + "\":1";
          return with(members + "," + fine);
        }(),
        malformed}});
}

TEST(TokenVerifierTest, DeepNestingIsBounded) {
  // Past the limit of 16 KiB as well; what counts is that it neither overflows the stack nor is accepted.
  for (const char* open : {"[", "{\"a\":"}) {
    for (const int depth : {100, 700, 10'000}) {
      std::string json = R"({"sub":"alice","iss":"shop","aud":"flashsale","exp":1800000600,"x":)";
      for (int i = 0; i < depth; ++i) json += open;
      for (const std::string& token : {token_of(json), signed_with(kSecret, json, kClaims)}) {
        EXPECT_EQ(failure_of(secret_options(), token),
                  token.size() > kTokenBytesMax ? TokenFailure::too_long : TokenFailure::malformed);
      }
    }
  }
}

TEST(TokenVerifierTest, AcceptsWhatTheRfcsAllow) {
  const auto claims = [](const std::string& members) { return R"({"sub":"alice","iss":"shop",)" + members + "}"; };
  const std::string plain = R"("aud":"flashsale","exp":1800000600)";
  TokenVerifier verifier(secret_options());
  for (const std::string& token :
       {token_of(claims(plain)),
        token_of(claims(R"("aud":["other","flashsale"],"exp":1800000600)")),
        token_of(claims(R"("aud":[ "flash\u0073ale" ],"exp":1800000600)")),
        token_of(claims(R"("aud":"flashsale","exp":1800000600.75)")),
        token_of(claims(R"("aud":"flashsale","exp":1.8000006e9)")),
        token_of(claims(R"("aud":"flashsale","exp":18000006E+2)")),
        token_of(claims(R"("aud":"flashsale","exp":1e300)")),
        token_of(claims(R"("aud":"flashsale","exp":99999999999999999999999999)")),
        token_of(claims(R"("aud":"flashsale","exp":1799999971)")),    // within the leeway
        token_of(claims(plain + R"(,"nbf":1800000030)")),             // within the leeway
        token_of(claims(plain + R"(,"nbf":-5,"iat":1900000000.5)")),  // when it was made decides nothing
        token_of(claims(plain + R"(,"x":[1,{"y":[true,false,null,-0.5e-3,"\"\\\/\b\f\n\r\t"]}],"z":{})")),
        token_of(" \t\r\n{ \"sub\" : \"alice\" , \"iss\":\"shop\",\"aud\" :[\"flashsale\"], \"exp\":1800000600 } \n"),
        token_of(R"({"\u0073ub":"al\u0069ce","iss":"sh\u006fp","aud":"flashsale","exp":1800000600})"),
        token_of(claims(plain + ",\"x\":" + std::string(15, '[') + std::string(15, ']'))),
        signed_with(kSecret, R"({"alg":"HS256"})", kClaims),
        token_of(claims(plain + ",\"groups\":\"" + std::string(11'500, 'g') + "\"")),
        signed_with(kSecret, R"({"typ":"jwt","alg":"HS\u0032\u0035\u0036"})", kClaims),
        signed_with(kSecret, R"({"typ":"application/AT+JWT","alg":"HS256"})", kClaims),
        signed_with(kSecret, R"({"typ":"at+jwt","alg":"HS256","kid":"2026-01","x":{"crit":1}})", kClaims)}) {
    const auto verified = verifier.verify(token, at(kNow));
    EXPECT_EQ(verified.failure, TokenFailure::none) << token;
    EXPECT_EQ(verified.customer_id, "alice");
  }
}

TEST(TokenVerifierTest, UnescapesTheSubject) {
  TokenVerifier verifier(secret_options());
  const auto verify = [&](const std::string& subject) {
    const std::string token =
        token_of(R"({"\u0069ss":"shop","aud":"flashsale","exp":1800000600,"sub":")" + subject + "\"}");
    return std::string(verifier.verify(token, at(kNow)).customer_id);
  };
  EXPECT_EQ(verify(R"(\u0041\"\\\/b)"), "A\"\\/b");
  EXPECT_EQ(verify(R"(zo\u00eb)"), "zo\xc3\xab");
  EXPECT_EQ(verify(R"(\u20AC)"), "\xe2\x82\xac");
  EXPECT_EQ(verify(R"(x\uD83D\uDC5Fy)"), "x\xf0\x9f\x91\x9fy");
}

TEST(TokenVerifierTest, IssuerAndAudienceAreOptional) {
  TokenOptions options;
  options.secret = kSecret;
  EXPECT_EQ(failure_of(options, token_of(R"({"sub":"alice","exp":1800000600})")), TokenFailure::none);
  EXPECT_EQ(failure_of(options, token_of(kClaims)), TokenFailure::none);
  EXPECT_EQ(failure_of(options, token_of(R"({"sub":"alice","iss":1,"exp":1800000600})")), TokenFailure::malformed);
}

TEST(TokenVerifierTest, TheSignatureComesFirst) {
  // Nothing is told about the claims of a token that somebody else has signed.
  for (const char* claims : {R"({"sub":"alice","exp":1})", R"({"sub":1})", "no JSON", ""}) {
    EXPECT_EQ(failure_of(secret_options(), signed_with(std::string(40, 'x'), kHeader, claims)),
              TokenFailure::bad_signature);
  }
}

TEST(TokenVerifierTest, AKeyIsUsedWithItsAlgorithmOnly) {
  using enum TokenFailure;
  const SigningKey rsa = SigningKey::rsa(2048);
  const SigningKey ec = SigningKey::ec("P-256");
  const TokenOptions options = key_options(rsa, "RS256");
  // The classic: HS256 with the text of the public key, which everybody knows, as the secret.
  EXPECT_EQ(failure_of(options, signed_with(rsa.public_pem(), kHeader, kClaims)), unsupported_algorithm);
  const TokenOptions set = jwks_options({rsa.jwk("rsa"), ec.jwk("ec")});
  EXPECT_EQ(failure_of(set, rsa.token(R"({"alg":"RS256","kid":"rsa"})", kClaims)), none);
  EXPECT_EQ(failure_of(set, ec.token(R"({"alg":"ES256","kid":"ec"})", kClaims)), none);
  EXPECT_EQ(failure_of(set, signed_with(rsa.public_pem(), R"({"alg":"HS256","kid":"rsa"})", kClaims)),
            unsupported_algorithm);
  EXPECT_EQ(failure_of(set, rsa.token(R"({"alg":"ES256","kid":"rsa"})", kClaims)), unsupported_algorithm);
  EXPECT_EQ(failure_of(set, rsa.token(R"({"alg":"RS256","kid":"ec"})", kClaims)), unsupported_algorithm);
  EXPECT_EQ(failure_of(set, rsa.token(R"({"alg":"ES256","kid":"ec"})", kClaims)), bad_signature);
  EXPECT_EQ(failure_of(set, rsa.token(R"({"alg":"RS256","kid":"none"})", kClaims)), unknown_key);
  EXPECT_EQ(failure_of(set, rsa.token(R"({"alg":"RS256","kid":"RSA"})", kClaims)), unknown_key);
  EXPECT_EQ(failure_of(set, rsa.token(R"({"alg":"RS256","kid":""})", kClaims)), unknown_key);
  EXPECT_EQ(failure_of(set, rsa.token(R"({"alg":"RS256"})", kClaims)), unknown_key);
}

TEST(TokenVerifierTest, ASecretBesideASet) {
  using enum TokenFailure;
  const SigningKey ed = SigningKey::ed25519();
  TokenOptions options = jwks_options({ed.jwk("ed")});
  options.secret = kSecret;
  TokenVerifier verifier(options);
  // One verifier for all of them: what it remembers of one token's header must not decide about another's.
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(verifier.verify(token_of(kClaims), at(kNow)).failure, none);
    EXPECT_EQ(verifier.verify(signed_with(kSecret, R"({"alg":"HS256","kid":"ed"})", kClaims), at(kNow)).failure,
              unsupported_algorithm);
    EXPECT_EQ(verifier.verify(ed.token(R"({"alg":"EdDSA","kid":"ed"})", kClaims), at(kNow)).failure, none);
    EXPECT_EQ(verifier.verify(ed.token(R"({"alg":"EdDSA"})", kClaims), at(kNow)).failure, unsupported_algorithm);
    EXPECT_EQ(verifier.verify(ed.token(kHeader, kClaims), at(kNow)).failure, bad_signature);
  }
}

TEST(TokenVerifierTest, SignaturesOfTheWrongShape) {
  const SigningKey ec = SigningKey::ec("P-256");
  const std::string text = base64url(R"({"alg":"ES256"})") + "." + base64url(kClaims);
  const std::string raw = ec.signature(text);
  TokenVerifier verifier(key_options(ec, "ES256"));
  ASSERT_EQ(verifier.verify(text + "." + base64url(raw), at(kNow)).failure, TokenFailure::none);
  const std::string zero(32, '\0');
  const std::string order(
      "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2"
      "\xfc\x63\x25\x51",
      32);
  for (const std::string& bad :
       {std::string(), std::string(64, '\0'), std::string(64, '\xff'), raw.substr(0, 63), raw + std::string(1, '\0'),
        raw.substr(0, 32) + zero, zero + raw.substr(32), order + raw.substr(32), raw.substr(0, 32) + order,
        raw.substr(32) + raw.substr(0, 32), std::string(700, 'x')}) {
    EXPECT_EQ(verifier.verify(text + "." + base64url(bad), at(kNow)).failure, TokenFailure::bad_signature);
  }
}

/// Flips each bit of a token that is good; what comes out must never be one, neither afresh nor after the good one has
/// been seen.
void expect_no_flipped_bit_verifies(const TokenOptions& options, const std::string& good) {
  TokenVerifier verifier(options);
  ASSERT_EQ(verifier.verify(good, at(kNow)).failure, TokenFailure::none);
  std::string token = good;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      token[i] = static_cast<char>(good[i] ^ (1 << bit));
      const auto verified = verifier.verify(token, at(kNow));
      ASSERT_NE(verified.failure, TokenFailure::none) << "byte " << i << " bit " << bit;
      ASSERT_TRUE(verified.customer_id.empty());
    }
    token[i] = good[i];
  }
  ASSERT_EQ(verifier.verify(token, at(kNow)).customer_id, "alice");
}

TEST(TokenVerifierTest, NoFlippedBitVerifies) {
  expect_no_flipped_bit_verifies(secret_options(), token_of(kClaims));
  const SigningKey rsa = SigningKey::rsa(2048);
  expect_no_flipped_bit_verifies(key_options(rsa, "RS256"), rsa.token(R"({"alg":"RS256"})", kClaims));
  const SigningKey ec = SigningKey::ec("P-256");
  expect_no_flipped_bit_verifies(jwks_options({ec.jwk("k")}), ec.token(R"({"alg":"ES256","kid":"k"})", kClaims));
  const SigningKey ed = SigningKey::ed25519();
  expect_no_flipped_bit_verifies(key_options(ed, "EdDSA"), ed.token(R"({"alg":"EdDSA"})", kClaims));
}

TEST(TokenVerifierTest, PayloadBytesAreSignedAsTheyStand) {
  // Changes of claims behind a good signature, not of the signature: each byte replaced by each other one.
  TokenVerifier verifier(secret_options());
  for (std::size_t i = 0; i < kClaims.size(); ++i) {
    for (int byte = 0; byte < 256; byte += 3) {
      std::string claims = kClaims;
      claims[i] = static_cast<char>(byte);
      // Signed anew: may be accepted or not, but must not break anything, and the customer is what a parser finds.
      const std::string token = token_of(claims);
      const auto verified = verifier.verify(token, at(kNow));
      EXPECT_LE(verified.customer_id.size(), 5U);
      EXPECT_EQ(verified.customer_id.empty(), verified.failure != TokenFailure::none);
    }
  }
}

void expect_refused(const TokenOptions& options, const char* name) {
  try {
    const TokenVerifier verifier(options);
    ADD_FAILURE() << "accepted: " << name;
  } catch (const std::invalid_argument& problem) {
    const std::string line = problem.what();
    EXPECT_FALSE(line.empty()) << name;
    EXPECT_EQ(line.find('\n'), std::string::npos) << name;
    EXPECT_EQ(line.find("sesame"), std::string::npos) << name;  // no secret in the message
  }
}

TEST(TokenVerifierTest, RefusesUnusableKeysAtTheStart) {
  const SigningKey rsa = SigningKey::rsa(2048);
  const SigningKey ec = SigningKey::ec("P-256");
  const SigningKey ed = SigningKey::ed25519();
  expect_refused({}, "no key");
  TokenOptions options;
  options.secret = std::string("sesame") + std::string(25, 'x');
  expect_refused(options, "secret of 31 bytes");
  options.secret += "x";
  EXPECT_NO_THROW(TokenVerifier{options});
  options.leeway = seconds{-1};
  expect_refused(options, "negative leeway");

  expect_refused(key_options(SigningKey::rsa(1024), "RS256"), "RSA of 1024 bits");
  expect_refused(key_options(SigningKey::ec("P-384"), "ES256"), "other curve");
  expect_refused(key_options(rsa, "ES256"), "RSA key for ES256");
  expect_refused(key_options(ec, "RS256"), "EC key for RS256");
  expect_refused(key_options(ed, "ES256"), "Ed25519 key for ES256");
  expect_refused(key_options(rsa, "HS256"), "public key as a secret");
  expect_refused(key_options(rsa, "RS512"), "unknown algorithm");
  expect_refused(key_options(rsa, ""), "no algorithm");
  TokenOptions not_pem = key_options(rsa, "RS256");
  not_pem.public_key_pem = "sesame";
  expect_refused(not_pem, "not PEM");
}

std::string edited(std::string jwk, const std::string& from, const std::string& to) {
  const std::size_t found = jwk.find(from);
  EXPECT_NE(found, std::string::npos) << from;
  return jwk.replace(found, from.size(), to);
}

TEST(TokenVerifierTest, RefusesUnusableKeySetsAtTheStart) {
  const SigningKey rsa = SigningKey::rsa(2048);
  const SigningKey ec = SigningKey::ec("P-256");
  const std::string jwk = rsa.jwk("a");
  expect_refused(jwks_options({}), "no keys");
  expect_refused(jwks_options({"17"}), "no object");
  expect_refused(jwks_options({edited(jwk, "\"kid\":\"a\"", "\"kid\":\"\"")}), "empty kid");
  expect_refused(jwks_options({edited(jwk, "RS256", "RS512")}), "other alg");
  expect_refused(jwks_options({edited(jwk, "RS256", "HS256")}), "RSA key for HS256");
  expect_refused(jwks_options({edited(jwk, "RS256", "ES256")}), "RSA key for ES256");
  expect_refused(jwks_options({edited(jwk, "AQAB", "AQ")}), "exponent 1");
  expect_refused(jwks_options({edited(jwk, "AQAB", "Ag")}), "even exponent");
  expect_refused(jwks_options({edited(jwk, "AQAB", "AQAB=")}), "padded exponent");
  expect_refused(jwks_options({edited(jwk, "\"e\":", "\"d\":\"sesame\",\"e\":")}), "private key");
  expect_refused(jwks_options({SigningKey::rsa(1024).jwk("a")}), "RSA of 1024 bits");
  expect_refused(jwks_options({edited(ec.jwk("a"), "\"y\":\"", "\"y\":\"AAAA")}), "coordinate too long");
  expect_refused(jwks_options({edited(ec.jwk("a"), "P-256", "P-384")}), "other curve");
  const std::string point = ec.jwk("a");
  const std::string y = point.substr(point.find("\"y\":\"") + 5, 43);
  expect_refused(jwks_options({edited(point, y, std::string(42, 'A') + "E")}), "point off the curve");
  expect_refused(jwks_options({R"({"kty":"oct","alg":"HS256","kid":"a","k":"c2VzYW1l"})"}), "short secret");
  for (const char* text : {"{", "[]", "{}", R"({"keys":{}})", R"({"keys":17})", "sesame"}) {
    TokenOptions options;
    options.jwks_json = text;
    expect_refused(options, text);
  }
  expect_refused(jwks_options({ec.jwk("b"), edited(jwk, "\"e\":", "\"d\":\"sesame\",\"e\":")}),
                 "a private key beside a good one");
}

/// RFC 7517 section 5. Each of these has stopped the start once, or would have.
TEST(TokenVerifierTest, KeysThatCannotBeUsedAreIgnored) {
  const SigningKey rsa = SigningKey::rsa(2048);
  const SigningKey ec = SigningKey::ec("P-256");
  const std::string jwk = rsa.jwk("a");
  const std::vector<std::string> others{edited(jwk, "RS256", "PS256"),
                                        edited(jwk, "RS256", "RSA-OAEP"),
                                        edited(ec.jwk("a"), "ES256", "ES384"),
                                        edited(ec.jwk("a"), "P-256", "P-384"),
                                        R"({"kty":"AKP","alg":"ML-DSA-44","kid":"a","pub":"AAAA"})",
                                        R"({"kid":"a"})",
                                        edited(jwk, "\"kid\":\"a\"", "\"kid\":17"),
                                        "17",
                                        "null"};
  for (const auto& other : others) {
    TokenVerifier verifier(jwks_options({other, ec.jwk("b")}));
    EXPECT_EQ(verifier.verify(ec.token(R"({"alg":"ES256","kid":"b"})", kClaims), at(kNow)).customer_id, "alice");
    ASSERT_EQ(verifier.ignored_keys().size(), 1U) << other;
    EXPECT_NE(verifier.ignored_keys()[0].find("key 1 of the JWK set"), std::string::npos) << other;
    EXPECT_EQ(verifier.verify(rsa.token(R"({"alg":"RS256","kid":"a"})", kClaims), at(kNow)).failure,
              TokenFailure::unknown_key);
  }
  // Those are none of ours, and no reason for a word.
  for (const char* const purpose : {R"("use":"enc")", R"("key_ops":["encrypt","wrapKey"])"}) {
    const TokenVerifier verifier(jwks_options({edited(jwk, "\"kid\":\"a\"", purpose), ec.jwk("b")}));
    EXPECT_TRUE(verifier.ignored_keys().empty()) << purpose;
  }
}

TEST(TokenVerifierTest, AKeyNeedNotSayItsAlgorithmOrName) {
  using enum TokenFailure;
  const SigningKey rsa = SigningKey::rsa(2048);
  const SigningKey other_rsa = SigningKey::rsa(2048);
  const SigningKey ec = SigningKey::ec("P-256");
  const SigningKey ed = SigningKey::ed25519();
  const auto without = [](std::string jwk, const std::string& member) {
    const std::size_t found = jwk.find(member);
    EXPECT_NE(found, std::string::npos) << member;
    return jwk.erase(found, member.size());
  };
  TokenVerifier verifier(
      jwks_options({without(rsa.jwk("r"), R"("alg":"RS256",)"), without(ec.jwk("e"), R"("alg":"ES256",)"),
                    without(ed.jwk("d"), R"("alg":"EdDSA",)")}));
  EXPECT_TRUE(verifier.ignored_keys().empty());
  EXPECT_EQ(verifier.verify(rsa.token(R"({"alg":"RS256","kid":"r"})", kClaims), at(kNow)).failure, none);
  EXPECT_EQ(verifier.verify(ec.token(R"({"alg":"ES256","kid":"e"})", kClaims), at(kNow)).failure, none);
  EXPECT_EQ(verifier.verify(ed.token(R"({"alg":"EdDSA","kid":"d"})", kClaims), at(kNow)).failure, none);
  EXPECT_EQ(verifier.verify(rsa.token(R"({"alg":"PS256","kid":"r"})", kClaims), at(kNow)).failure,
            unsupported_algorithm);

  // Keys of two kinds may share a name; of two that could be meant alike the first is taken.
  TokenVerifier shared(jwks_options({rsa.jwk("k"), ec.jwk("k"), other_rsa.jwk("k")}));
  EXPECT_EQ(shared.ignored_keys().size(), 1U);
  EXPECT_EQ(shared.verify(rsa.token(R"({"alg":"RS256","kid":"k"})", kClaims), at(kNow)).failure, none);
  EXPECT_EQ(shared.verify(ec.token(R"({"alg":"ES256","kid":"k"})", kClaims), at(kNow)).failure, none);
  EXPECT_EQ(shared.verify(other_rsa.token(R"({"alg":"RS256","kid":"k"})", kClaims), at(kNow)).failure, bad_signature);

  TokenVerifier nameless(jwks_options({without(rsa.jwk("r"), R"("kid":"r",)"), ec.jwk("e")}));
  EXPECT_EQ(nameless.verify(rsa.token(R"({"alg":"RS256","kid":"x"})", kClaims), at(kNow)).failure, none);
  EXPECT_EQ(nameless.verify(rsa.token(R"({"alg":"RS256"})", kClaims), at(kNow)).failure, none);
}

TEST(TokenVerifierTest, CanBeMoved) {
  TokenVerifier first(secret_options());
  TokenVerifier second(std::move(first));
  EXPECT_EQ(second.verify(token_of(kClaims), at(kNow)).customer_id, "alice");
}

}  // namespace
}  // namespace flashsale::identity
