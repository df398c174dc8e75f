#include "flashsale/model/json_text.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "flashsale/model/identifier.hpp"

namespace flashsale {
namespace {

using namespace std::string_view_literals;

std::string encoded(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonText, LeavesPlainTextAsItIs) {
  EXPECT_EQ(encoded(""), "\"\"");
  EXPECT_EQ(encoded("sneaker-42"), "\"sneaker-42\"");
  EXPECT_EQ(encoded("\x7F/'"), "\"\x7F/'\"");
}

TEST(JsonText, AppendsBehindWhatIsThere) {
  std::string out = "{\"name\":";
  append_json_string(out, "x");
  EXPECT_EQ(out, "{\"name\":\"x\"");
}

TEST(JsonText, EscapesWhatJsonDoesNotAllow) {
  EXPECT_EQ(encoded("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(encoded("\n\r\t"), R"("\n\r\t")");
  EXPECT_EQ(encoded("\0\x01\x1f"sv), R"("\u0000\u0001\u001f")");
}

TEST(JsonText, KeepsWellFormedUtf8) {
  for (const auto text : {"é"sv, "€"sv, "😀"sv, "\xED\x9F\xBF"sv, "\xEE\x80\x80"sv, "\xF4\x8F\xBF\xBF"sv}) {
    EXPECT_EQ(encoded(text), "\"" + std::string(text) + "\"");
  }
}

TEST(JsonText, ReplacesEachIllFormedSequenceOnce) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(encoded("a\xFF"
                    "b"),
            "\"a" + r + "b\"");
  EXPECT_EQ(encoded("\x80"), "\"" + r + "\"");
  EXPECT_EQ(encoded("\xE2\x82"), "\"" + r + "\"") << "cut off at the end";
  EXPECT_EQ(encoded("\xE2\x82\""), "\"" + r + "\\\"\"") << "the quote behind it is no part of it";
  EXPECT_EQ(encoded("\xF0\x9F\x98"
                    "a"),
            "\"" + r + "a\"");
  EXPECT_EQ(encoded("\xC0\xAF"), "\"" + r + r + "\"") << "overlong";
  EXPECT_EQ(encoded("\xE0\x80\xAF"), "\"" + r + r + r + "\"") << "overlong";
  EXPECT_EQ(encoded("\xED\xA0\x80"), "\"" + r + r + r + "\"") << "surrogate";
  EXPECT_EQ(encoded("\xF4\x90\x80\x80"), "\"" + r + r + r + r + "\"") << "above U+10FFFF";
  EXPECT_EQ(encoded("\xF5"), "\"" + r + "\"");
}

// Every pair of bytes, between two letters: the result is valid JSON in valid UTF-8, the letters survive, and text
// that was valid comes back unchanged.
TEST(JsonText, IsValidForEveryPairOfBytes) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const std::string text{'a', static_cast<char>(first), static_cast<char>(second), 'z'};
      const std::string json = encoded(text);
      ASSERT_TRUE(is_valid_utf8(json)) << first << ' ' << second;
      const std::string back = nlohmann::json::parse(json).get<std::string>();
      ASSERT_TRUE(back.starts_with('a') && back.ends_with('z')) << first << ' ' << second;
      if (is_valid_utf8(text)) {
        ASSERT_EQ(back, text) << first << ' ' << second;
      } else {
        ASSERT_NE(back.find("\xEF\xBF\xBD"), std::string::npos) << first << ' ' << second;
      }
    }
  }
}

TEST(JsonText, WritesNumbers) {
  std::string out;
  append_json_number(out, 0);
  out += ' ';
  append_json_number(out, std::numeric_limits<std::int64_t>::min());
  out += ' ';
  append_json_number(out, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(out, "0 -9223372036854775808 9223372036854775807");
}

}  // namespace
}  // namespace flashsale
