#include "load/token_mint.hpp"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <string>

#include "load/buyers.hpp"

namespace flashsale::load {
namespace {

using identity::TokenFailure;

identity::TokenOptions options() {
  identity::TokenOptions options;
  options.secret = std::string(40, 's');
  options.issuer = "https://shop.example";
  options.audience = "flashsale";
  return options;
}

TEST(LoadTokenMintTest, TheServersVerifierTakesEveryBuyersToken) {
  const auto now = std::chrono::system_clock::now();
  const TokenMint mint(options(), 1000, now, std::chrono::hours(1), 3);
  identity::TokenVerifier verifier(options());
  for (std::uint32_t buyer = 0; buyer < 1000; ++buyer) {
    std::string token;
    mint.append_token(token, buyer);
    const auto verified = verifier.verify(token, now);
    ASSERT_EQ(verified.failure, TokenFailure::none) << token;
    ASSERT_EQ(verified.customer_id, customer_id_of(buyer));
    ASSERT_EQ(buyer_of(verified.customer_id), buyer);
  }
}

TEST(LoadTokenMintTest, TokensOfAnEs256Key) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"),
                                                                &EVP_PKEY_free);
  const auto pem_of = [&key](bool is_private) {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new(BIO_s_mem()), &BIO_free_all);
    if (is_private) PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    else PEM_write_bio_PUBKEY(out.get(), key.get());
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  auto of_key = options();
  of_key.secret.clear();
  of_key.public_key_pem = pem_of(false);
  of_key.public_key_algorithm = "ES256";
  const auto now = std::chrono::system_clock::now();
  const TokenMint mint(of_key, 300, now, std::chrono::hours(1), 2, pem_of(true));
  identity::TokenVerifier verifier(of_key);
  for (std::uint32_t buyer = 0; buyer < 300; ++buyer) {
    std::string token;
    mint.append_token(token, buyer);
    ASSERT_EQ(verifier.verify(token, now).customer_id, customer_id_of(buyer)) << token;
  }
  EXPECT_THROW(TokenMint(of_key, 1, now, std::chrono::hours(1), 1, pem_of(false)), std::invalid_argument);
}

TEST(LoadTokenMintTest, TokensEnd) {
  const auto now = std::chrono::system_clock::now();
  const TokenMint mint(options(), 1, now, std::chrono::hours(1), 1);
  identity::TokenVerifier verifier(options());
  std::string token;
  mint.append_token(token, 0);
  EXPECT_EQ(verifier.verify(token, now + std::chrono::hours(2)).failure, TokenFailure::expired);
}

TEST(LoadTokenMintTest, IssuerAndAudienceMayBeMissing) {
  identity::TokenOptions bare;
  bare.secret = options().secret;
  const auto now = std::chrono::system_clock::now();
  const TokenMint mint(bare, 12, now, std::chrono::hours(1), 1);
  std::string token;
  mint.append_token(token, 11);
  EXPECT_EQ(identity::TokenVerifier(bare).verify(token, now).failure, TokenFailure::none);
}

TEST(LoadTokenMintTest, AShortSecretIsRefused) {
  identity::TokenOptions weak;
  weak.secret = "short";
  EXPECT_THROW(TokenMint(weak, 1, {}, std::chrono::hours(1), 1), std::invalid_argument);
}

TEST(LoadBuyersTest, StrangersAreNobodyOfOurs) {
  for (const char* id :
       {"", "alice", "buyer-", "buyer-00000000x", "buyer-0000000001", "buyer-999999999", "Buyer-000000001"}) {
    EXPECT_FALSE(buyer_of(id)) << id;
  }
  EXPECT_EQ(buyer_of("buyer-000000042"), 42U);
}

}  // namespace
}  // namespace flashsale::load
