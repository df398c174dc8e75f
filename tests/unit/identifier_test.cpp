#include "flashsale/model/identifier.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flashsale {
namespace {

TEST(IdentifierTest, SaleIdsAndSkus) {
  for (const char* good : {"a", "Z", "0", "sneaker-42", "drop_2026.v2", "_x", "a..b", "a--"}) {
    EXPECT_TRUE(is_valid_identifier(good)) << good;
  }
  for (const char* bad : {"", ".", "..", "-a", ".a", "a b", "a/b", "a%2f", "a{b}", "a\n", "a\"", "\xc3\xa9", "a:b"}) {
    EXPECT_FALSE(is_valid_identifier(bad)) << bad;
  }
  EXPECT_TRUE(is_valid_identifier(std::string(64, 'a')));
  EXPECT_FALSE(is_valid_identifier(std::string(65, 'a')));
  EXPECT_FALSE(is_valid_identifier(std::string("a\0b", 3)));
}

TEST(IdentifierTest, CustomerIds) {
  for (const char* good : {"a", "auth0|5f7c", "zo\xc3\xab", "user@example.com", "\xf0\x9f\x91\x9f", " ", "a b", "%s"}) {
    EXPECT_TRUE(is_valid_customer_id(good)) << good;
  }
  EXPECT_TRUE(is_valid_customer_id(std::string(255, 'a')));
  EXPECT_FALSE(is_valid_customer_id(std::string(256, 'a')));
  EXPECT_FALSE(is_valid_customer_id(""));
  EXPECT_FALSE(is_valid_customer_id(std::string("a\0b", 3)));
  EXPECT_FALSE(is_valid_customer_id("a\x1f"));
  EXPECT_FALSE(is_valid_customer_id("a\x7f"));
  EXPECT_FALSE(is_valid_customer_id("a\xc2\x85"));  // a control beyond ASCII
  EXPECT_TRUE(is_valid_customer_id("a\xc2\xa0"));
  EXPECT_FALSE(is_valid_customer_id("a\xff"));
  EXPECT_FALSE(is_valid_customer_id("a\xc3"));
}

TEST(IdentifierTest, TextsAreMeasuredInCharacters) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += i % 2 == 0 ? "\xc3\xbc" : "\xf0\x9f\x91\x9f";
  EXPECT_TRUE(is_valid_text(text, 200));
  EXPECT_FALSE(is_valid_text(text + "a", 200));
  EXPECT_FALSE(is_valid_text(text, 199));
  EXPECT_FALSE(is_valid_text("", 200));
  EXPECT_FALSE(is_valid_text(std::string("\0", 1), 200));
  for (const char* bad : {"\n", "\x7f", "\xc2\x80", "\xc2\x9f", "\xed\xa0\x80", "\xc3"}) {
    EXPECT_FALSE(is_valid_text("a" + std::string(bad), 200)) << bad;
  }
}

TEST(IdentifierTest, Utf8IsWellFormed) {
  for (const char* good : {"", "ascii", "12345678", "123456789", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_valid_utf8(good)) << good;
    EXPECT_TRUE(is_valid_utf8("1234567" + std::string(good) + "12345678"));
  }
  for (const char* bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe1\x80",
                          "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                          "\xf8\x88\x80\x80\x80", "\xfe", "\xff", "\xf0\x9f\x91"}) {
    EXPECT_FALSE(is_valid_utf8(bad)) << bad;
    for (std::size_t before = 0; before < 10; ++before) {
      EXPECT_FALSE(is_valid_utf8(std::string(before, 'x') + bad + "12345678"));
      EXPECT_FALSE(is_valid_utf8(std::string(before, 'x') + bad));
    }
  }
}

TEST(IdentifierTest, Currencies) {
  for (const char* good : {"EUR", "eur", "Eur"}) EXPECT_EQ(parse_currency(good), "EUR");
  for (const char* bad : {"", "EU", "EURO", "E1R", "E R", "EU\x85", "[\\]"}) EXPECT_FALSE(parse_currency(bad)) << bad;
}

}  // namespace
}  // namespace flashsale
