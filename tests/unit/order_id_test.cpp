#include "flashsale/model/order_id.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace flashsale {
namespace {

constexpr OrderIdSalt kSalt{{0x0123456789abcdef, 0xfedcba9876543210}};

OrderId derive(std::string_view customer_id, std::string_view key, std::int32_t sale_no = 7) {
  return OrderId::derive(kSalt, sale_no, customer_id, key);
}

// Computed with another implementation of SipHash-2-4. If this test fails, orders of running
// sales have changed their identity: the derivation must never change.
TEST(OrderIdTest, DerivesTheSameIdForEver) {
  EXPECT_EQ(derive("alice", "key-1", 7).to_string(), "00000007-7c29-8421-a178-1d002844a74d");
  EXPECT_EQ(derive("", "", 1).to_string(), "00000001-8843-8641-86c4-bf0a5849b8df");
  EXPECT_EQ(derive("zo\xc3\xab", std::string(255, 'k'), 2'147'483'647).to_string(),
            "7fffffff-e59c-8522-be62-439704ab5eff");
}

TEST(OrderIdTest, IsVersion8OfTheRfcVariantAndNamesItsSale) {
  for (int i = 0; i < 1000; ++i) {
    const auto sale_no = 1 + i * 2'147'483;
    const OrderId id = derive("c", std::to_string(i), sale_no);
    const std::string text = id.to_string();
    EXPECT_EQ(text[14], '8') << text;
    EXPECT_TRUE(text[19] == '8' || text[19] == '9' || text[19] == 'a' || text[19] == 'b') << text;
    EXPECT_TRUE(id.is_derived());
    EXPECT_EQ(id.sale_no(), sale_no);
  }
  for (const char* other : {"00112233-4455-5677-8899-aabbccddeeff", "00112233-4455-4677-8899-aabbccddeeff",
                            "00112233-4455-8677-c899-aabbccddeeff", "00000000-0000-0000-0000-000000000000",
                            // No sale has such a number.
                            "00000000-4455-8677-8899-aabbccddeeff", "80000000-4455-8677-8899-aabbccddeeff"}) {
    EXPECT_FALSE(OrderId::parse(other)->is_derived()) << other;
  }
}

TEST(OrderIdTest, OneCustomersOrdersOfASaleAreARange) {
  const OrderId one = derive("ann", "1");
  const OrderId first = one.first_of_customer();
  const OrderId last = one.last_of_customer();
  EXPECT_EQ(last.first_of_customer(), first);
  EXPECT_LT(first, last);
  for (int i = 0; i < 1000; ++i) {
    const OrderId own = derive("ann", std::to_string(i));
    EXPECT_EQ(own.first_of_customer(), first);
    EXPECT_TRUE(first <= own && own <= last) << own.to_string();
    EXPECT_TRUE(own.is_of(kSalt, "ann"));
    const OrderId other = derive("ann" + std::to_string(i), "1");
    EXPECT_FALSE(first <= other && other <= last) << other.to_string();
    EXPECT_FALSE(other.is_of(kSalt, "ann"));
  }
  EXPECT_FALSE(one.is_of({{1, 2}}, "ann")) << "another shop's salt";
}

TEST(OrderIdTest, IdsOfTwoSalesHaveNothingInCommon) {
  const auto behind_sale = [](const OrderId& id) { return id.to_string().substr(8); };
  EXPECT_NE(behind_sale(derive("ann", "1", 7)), behind_sale(derive("ann", "1", 8)));
  EXPECT_NE(behind_sale(derive("ann", "1", 7).first_of_customer()),
            behind_sale(derive("ann", "1", 8).first_of_customer()));
}

TEST(OrderIdTest, PartsThatConcatenateAlikeDiffer) {
  const std::vector<std::pair<std::string, std::string>> groups{{"b", "cd"}, {"bc", "d"},  {"bcd", ""},
                                                                {"", "bcd"}, {"b|c", "d"}, {"b", "c|d"}};
  std::set<std::string> keys;
  for (const auto& [customer, key] : groups) keys.insert(derive(customer, key).to_string().substr(24));
  EXPECT_EQ(keys.size(), groups.size());
}

TEST(OrderIdTest, AChangeOfStockIsNoOrder) {
  std::set<OrderId> ids;
  for (int i = 0; i < 1000; ++i) {
    ids.insert(OrderId::derive_change("drop", "shoe", std::to_string(i)));
    ids.insert(OrderId::derive_change("drop", "shoes", std::to_string(i)));
    ids.insert(OrderId::derive_change("drops", "hoe", std::to_string(i)));
  }
  EXPECT_EQ(ids.size(), 3000U);
}

TEST(OrderIdTest, HashesAreSpreadThoughIdsBeginAlike) {
  std::vector<int> top(256, 0), bottom(256, 0);
  constexpr int kIds = 64 * 256;
  for (int i = 0; i < kIds; ++i) {
    // One customer's: the first 77 bits are the same.
    const auto hash = derive("ann", std::to_string(i)).hash64();
    ++top[hash >> 56];
    ++bottom[hash & 0xff];
  }
  for (int i = 0; i < 256; ++i) {
    EXPECT_GT(top[static_cast<std::size_t>(i)], 16) << i;
    EXPECT_LT(top[static_cast<std::size_t>(i)], 160) << i;
    EXPECT_GT(bottom[static_cast<std::size_t>(i)], 16) << i;
    EXPECT_LT(bottom[static_cast<std::size_t>(i)], 160) << i;
  }
}

TEST(OrderIdTest, ASaltIsAUuid) {
  EXPECT_EQ(OrderIdSalt::parse("01234567-89ab-cdef-fedc-ba9876543210"), kSalt);
  EXPECT_FALSE(OrderIdSalt::parse("0123456789abcdeffedcba9876543210"));
}

TEST(OrderIdTest, TextRoundTripsInEitherCase) {
  const OrderId id = derive("customer", "key");
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
  const OrderId id = derive("customer", "key");
  EXPECT_EQ(id.bytes().size(), 16U);
  EXPECT_EQ(OrderId::from_bytes(id.bytes()), id);
}

TEST(OrderIdDeathTest, BytesOfAnotherSizeAreABrokenInvariant) {
  EXPECT_DEATH(static_cast<void>(OrderId::from_bytes("short")), "check failed");
}

TEST(OrderIdTest, ThreadsDeriveAlike) {
  const OrderId expected = derive("customer", "key");
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        static_cast<void>(derive(std::to_string(i), "x"));
        if (derive("customer", "key") != expected) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace flashsale
