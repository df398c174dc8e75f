#include "flashsale/identity/customer_id_form.hpp"

#include <gtest/gtest.h>

#include <string>

#include "flashsale/model/identifier.hpp"

namespace flashsale::identity {
namespace {

std::string in_form(std::string_view id, CustomerIdForm form) {
  const auto text = customer_id_in_form(id, form);
  return text ? std::string(*text) : "none";
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xc0 | c >> 6), put(0x80 | (c & 0x3f));
  if (c < 0x1'0000) return put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
}

TEST(CustomerIdForm, HasThreeNames) {
  EXPECT_EQ(parse_customer_id_form("bytes"), CustomerIdForm::bytes);
  EXPECT_EQ(parse_customer_id_form("nfc"), CustomerIdForm::nfc);
  EXPECT_EQ(parse_customer_id_form("nfc_casefold"), CustomerIdForm::nfc_casefold);
  EXPECT_FALSE(parse_customer_id_form("NFC"));
}

TEST(CustomerIdForm, BytesStayAsTheyAre) {
  for (const char* id : {"Alice", "e\u0301", "\u00e9", " a "}) EXPECT_EQ(in_form(id, CustomerIdForm::bytes), id);
  EXPECT_EQ(in_form("", CustomerIdForm::bytes), "none");
  EXPECT_EQ(in_form("a\x7f", CustomerIdForm::bytes), "none");
}

TEST(CustomerIdForm, ComposedAndDecomposedAreTheSame) {
  for (const auto form : {CustomerIdForm::nfc, CustomerIdForm::nfc_casefold}) {
    EXPECT_EQ(in_form("ren\u00e9", form), in_form("rene\u0301", form));
    EXPECT_EQ(in_form("\uac00", form), in_form("\u1100\u1161", form));          // Hangul
    EXPECT_EQ(in_form("q\u0307\u0323", form), in_form("q\u0323\u0307", form));  // two accents in either order
    EXPECT_EQ(in_form("\u212b", form), in_form("\u00c5", form));                // the sign of a length, and its letter
  }
  EXPECT_EQ(in_form("rene\u0301", CustomerIdForm::nfc), "ren\u00e9");
  EXPECT_EQ(in_form("Alice", CustomerIdForm::nfc), "Alice");
  // Compatibility forms are other characters.
  EXPECT_EQ(in_form("\ufb01", CustomerIdForm::nfc), "\ufb01");
}

TEST(CustomerIdForm, CaseIsFolded) {
  const auto form = CustomerIdForm::nfc_casefold;
  EXPECT_EQ(in_form("ALICE@Example.com", form), "alice@example.com");
  EXPECT_EQ(in_form("STRASSE", form), in_form("stra\u00dfe", form));
  EXPECT_EQ(in_form("\u03a3\u03a3", form), in_form("\u03c3\u03c2", form));  // sigma, also at the end
  EXPECT_EQ(in_form("REN\u00c9", form), in_form("rene\u0301", form));
  // A iota below that is composed, apart, and with the accent behind it.
  EXPECT_EQ(in_form("\u1fb4", form), in_form("\u03b1\u0345\u0301", form));
  EXPECT_EQ(in_form("\u1fb4", form), in_form("\u0391\u0301\u0345", form));
}

TEST(CustomerIdForm, IsItsOwnForm) {
  std::string id, once;
  for (const auto form : {CustomerIdForm::nfc, CustomerIdForm::nfc_casefold}) {
    for (std::uint32_t c = 1; c <= 0x10ffff; ++c) {
      for (const char* behind : {"", "\u0345\u0301"}) {
        id.assign("x");
        append_utf8(id, c);
        id += behind;
        const auto first = customer_id_in_form(id, form);
        if (!first) continue;
        once = *first;
        ASSERT_EQ(in_form(once, form), once) << std::hex << c << behind;
      }
    }
  }
}

TEST(CustomerIdForm, WhatIsTooLongOrNotKnownIsNone) {
  std::string sharp;
  for (int i = 0; i < 128; ++i) sharp += "\u00df";
  EXPECT_EQ(in_form(sharp, CustomerIdForm::nfc), sharp);
  EXPECT_EQ(in_form(sharp, CustomerIdForm::nfc_casefold), "none");  // 256 times s
  EXPECT_EQ(in_form("a\u0378", CustomerIdForm::bytes), "a\u0378");
  EXPECT_EQ(in_form("a\u0378", CustomerIdForm::nfc), "none");  // no character has this number yet
}

}  // namespace
}  // namespace flashsale::identity
