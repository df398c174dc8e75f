#include "flashsale/model/order_id.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace flashsale {
namespace {

// Computed with another implementation of SHA-1 and UUIDv5. If this test fails, orders of running sales have changed
// their identity: the derivation must never change.
TEST(OrderIdTest, DerivesTheSameIdForEver) {
  EXPECT_EQ(OrderId::derive("sneakers", "alice", "key-1").to_string(), "89baac9d-5125-57a6-9afe-3777fdd7a89d");
  EXPECT_EQ(OrderId::derive("", "", "").to_string(), "885efd3c-3c8a-54d0-8cff-f871f8b935bc");
  EXPECT_EQ(OrderId::derive("drop.2026", "zo\xc3\xab", std::string(255, 'k')).to_string(),
            "1c272794-aa15-5caa-bbfb-4af5f0c2f908");
}

TEST(OrderIdTest, IsVersion5OfTheRfcVariant) {
  for (int i = 0; i < 1000; ++i) {
    const std::string text = OrderId::derive("s", "c", std::to_string(i)).to_string();
    EXPECT_EQ(text[14], '5') << text;
    EXPECT_TRUE(text[19] == '8' || text[19] == '9' || text[19] == 'a' || text[19] == 'b') << text;
  }
}

TEST(OrderIdTest, PartsThatConcatenateAlikeDiffer) {
  const std::vector<std::vector<std::string>> groups{{"ab", "c", "d"},  {"a", "bc", "d"}, {"a", "b", "cd"},
                                                     {"abcd", "", ""},  {"", "abcd", ""}, {"", "", "abcd"},
                                                     {"a|b", "c", "d"}, {"a", "b|c", "d"}};
  std::set<std::string> ids;
  for (const auto& parts : groups) ids.insert(OrderId::derive(parts[0], parts[1], parts[2]).to_string());
  EXPECT_EQ(ids.size(), groups.size());
}

TEST(OrderIdTest, PartsCannotForgeALength) {
  // The first part holds what the separator of a naive encoding would look like.
  const std::string forged("a\0\0\0\1b", 6);
  EXPECT_NE(OrderId::derive(forged, "", ""), OrderId::derive("a", "b", ""));
}

TEST(OrderIdTest, TextRoundTripsInEitherCase) {
  const OrderId id = OrderId::derive("sale", "customer", "key");
  std::string text = id.to_string();
  EXPECT_EQ(OrderId::parse(text), id);
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_EQ(OrderId::parse(text), id);
  std::string appended = "id=";
  id.append_to(appended);
  EXPECT_EQ(appended, "id=" + id.to_string());
}

TEST(OrderIdTest, RefusesWhatIsNoUuid) {
  const std::string good = "00112233-4455-5677-8899-aabbccddeeff";
  ASSERT_TRUE(OrderId::parse(good));
  EXPECT_FALSE(OrderId::parse(""));
  EXPECT_FALSE(OrderId::parse(good + "0"));
  EXPECT_FALSE(OrderId::parse(good.substr(1)));
  EXPECT_FALSE(OrderId::parse("{" + good.substr(1, 34) + "}"));
  EXPECT_FALSE(OrderId::parse("00112233445556778899aabbccddeeff0000"));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char c : {'g', '-', ' ', '\0', '\xff', ':'}) {
      std::string text = good;
      if (text[i] == c) continue;
      text[i] = c;
      EXPECT_FALSE(OrderId::parse(text)) << text;
    }
  }
}

TEST(OrderIdTest, BytesRoundTrip) {
  const OrderId id = OrderId::derive("sale", "customer", "key");
  EXPECT_EQ(id.bytes().size(), 16U);
  EXPECT_EQ(OrderId::from_bytes(id.bytes()), id);
  EXPECT_EQ(OrderId::parse("01020304-0506-0708-090a-0b0c0d0e0f10")->hash64(), 0x0102030405060708U);
}

TEST(OrderIdDeathTest, BytesOfAnotherSizeAreABrokenInvariant) {
  EXPECT_DEATH(static_cast<void>(OrderId::from_bytes("short")), "check failed");
}

TEST(OrderIdTest, ThreadsDeriveAlike) {
  const OrderId expected = OrderId::derive("sale", "customer", "key");
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        static_cast<void>(OrderId::derive("other", std::to_string(i), "x"));
        if (OrderId::derive("sale", "customer", "key") != expected) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace flashsale
