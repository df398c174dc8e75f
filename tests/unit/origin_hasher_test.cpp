#include "flashsale/identity/origin_hasher.hpp"

#include <gtest/gtest.h>

#include "flashsale/identity/client_address.hpp"

namespace flashsale::identity {
namespace {

const std::string kKey = "0123456789abcdef0123456789abcdef";

std::string of_address(const OriginHasher& hasher, std::string_view address) {
  return hasher.of_client(client_network(address));
}

/// Made with another implementation: hmac(key, b"client:" + packed address, sha256), its first half.
TEST(OriginHasherTest, IsHalfOfAnHmac) {
  const OriginHasher hasher(kKey);
  EXPECT_TRUE(hasher.is_on());
  EXPECT_EQ(of_address(hasher, "192.0.2.1"), "14c58ac47a9e06b4eafdc0da66cf33d0");
  EXPECT_EQ(of_address(hasher, "2001:db8:1:2::"), "b3d24cf3ec3a4779f81a84e8cf98cea0");
  EXPECT_EQ(hasher.of_card("fp_1"), "3897a5913cd6c9e4341e87ff4db4ca04");
}

TEST(OriginHasherTest, KnowsAClientAsTheLimitsDo) {
  const OriginHasher hasher(kKey);
  EXPECT_EQ(of_address(hasher, "2001:db8:1:2:3:4:5:6"), of_address(hasher, "2001:db8:1:2::1"));
  EXPECT_NE(of_address(hasher, "2001:db8:1:2::1"), of_address(hasher, "2001:db8:1:3::1"));
  EXPECT_EQ(of_address(hasher, "::ffff:192.0.2.1"), of_address(hasher, "192.0.2.1"));
}

TEST(OriginHasherTest, AnAddressAndACardOfTheSameBytesAreTwo) {
  const OriginHasher hasher(kKey);
  for (const char* text : {"a", "card:", "client:a", "192.0.2.1"})
    EXPECT_NE(hasher.of_client(text), hasher.of_card(text));
  EXPECT_NE(hasher.of_client("x"), OriginHasher(kKey + "x").of_client("x"));
}

TEST(OriginHasherTest, WithoutAKeyItIsOff) {
  const OriginHasher hasher("");
  EXPECT_FALSE(hasher.is_on());
  EXPECT_EQ(hasher.of_client("x"), "");
  EXPECT_EQ(hasher.of_card("x"), "");
  EXPECT_EQ(OriginHasher(kKey).of_client(""), "");
  EXPECT_EQ(OriginHasher(kKey).of_card(""), "");
}

}  // namespace
}  // namespace flashsale::identity
