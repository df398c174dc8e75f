// What a body costs grows with its size and no faster, whatever stands in it and whoever reads it: the time for 64 KB
// is held against that for 32 KB, in one process.
#include <gtest/gtest.h>
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "api/flag_request.hpp"
#include "api/order_request.hpp"
#include "api/payment_notice.hpp"
#include "api/sale_definition.hpp"
#include "api/strict_json.hpp"
#include "flashsale/identity/token_verifier.hpp"
#include "identity/json_object.hpp"

namespace flashsale::api {
namespace {

/// Time that this thread has worked: others on the machine do not count.
struct WorkClock {
  using duration = std::chrono::nanoseconds;
  static duration now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + duration(time.tv_nsec);
  }
};
using Read = std::function<void(const std::string&)>;

constexpr std::size_t kSmall = 32 * 1024;
constexpr std::size_t kLarge = 64 * 1024;
/// Shorter times say more about the clock and the machine than about the body.
constexpr std::chrono::microseconds kShort{100};

struct Reader {
  const char* name;
  Read read;
};

struct Content {
  const char* name;
  std::function<std::string(std::size_t)> make;
};

/// `open`, then as many pieces as fit, then `close`.
std::string repeat(std::size_t size, const std::string& open, const std::function<std::string(std::size_t)>& piece,
                   const std::string& close) {
  std::string text = open;
  for (std::size_t i = 0; text.size() + close.size() + 16 < size; ++i) {
    if (i > 0) text += ',';
    text += piece(i);
  }
  return text + close;
}

std::function<std::string(std::size_t)> same(const char* piece) {
  return [piece](std::size_t) { return std::string(piece); };
}

std::string surrounded(std::size_t size, const std::string& open, const char* piece, const std::string& close) {
  std::string text = open;
  while (text.size() + close.size() + 16 < size) text += piece;
  return text + close;
}

/// Items of which none has all it takes, so that each is complained about.
std::string items(std::size_t size, const char* piece) {
  return repeat(size, R"({"id":"a","name":"a","items":[)", same(piece), "]}");
}

std::vector<Content> contents() {
  return {
      {"empty objects", [](auto size) { return repeat(size, R"({"a":[)", same("{}"), "]}"); }},
      {"empty arrays", [](auto size) { return repeat(size, R"({"lines":[)", same("[]"), "]}"); }},
      {"objects in items", [](auto size) { return items(size, R"({"sku":"a","price":{}})"); }},
      {"nulls in sales", [](auto size) { return repeat(size, R"({"enabled":true,"sales":[)", same("null"), "]}"); }},
      {"numbers", [](auto size) { return repeat(size, R"({"data":[)", same("1"), "]}"); }},
      {"members",
       [](auto size) {
         return repeat(
             size, "{", [](std::size_t i) { return '"' + std::to_string(i) + "\":1"; }, "}");
       }},
      {"one name again and again", [](auto size) { return repeat(size, "{", same(R"("a":{})"), "}"); }},
      {"members of members",
       [](auto size) {
         return repeat(
             size, R"({"data":{)", [](std::size_t i) { return '"' + std::to_string(i) + "\":{}"; }, "}}");
       }},
      {"keys", [](auto size) { return repeat(size, R"({"keys":[)", same(R"({"kty":"RSA","kid":"a"})"), "]}"); }},
      {"closed nests", [](auto size) { return repeat(size, R"({"a":[)", same("[[[[[[{\"a\":[]}]]]]]]"), "]}"); }},
      {"open nests", [](auto size) { return surrounded(size, {}, "[", {}); }},
      {"open objects", [](auto size) { return surrounded(size, {}, R"({"a":)", {}); }},
      {"a long text", [](auto size) { return surrounded(size, R"({"name":")", "a", R"("})"); }},
      {"escapes", [](auto size) { return surrounded(size, R"({"type":")", "\\u0041", R"("})"); }},
      {"no UTF-8 at the end", [](auto size) { return surrounded(size, R"({"type":")", "\xc3\xa4", "\xc3"); }},
      {"digits", [](auto size) { return surrounded(size, R"({"add":)", "1", "}"); }},
      {"digits of a fraction", [](auto size) { return surrounded(size, R"({"add":0.)", "9", "}"); }},
      {"zeros of a fraction", [](auto size) { return surrounded(size, R"({"add":1.)", "0", "}"); }},
      {"an exponent", [](auto size) { return surrounded(size, R"({"add":1e)", "9", "}"); }},
      {"spaces", [](auto size) { return surrounded(size, "{", " ", "}"); }},
      {"lines", [](auto size) { return surrounded(size, "{", "\n", "}"); }},
  };
}

void read_key_set(const std::string& text) {
  identity::TokenOptions options;
  options.secret = std::string(32, 's');
  options.jwks_json = text;
  try {
    const identity::TokenVerifier verifier(options);
  } catch (const std::invalid_argument&) {
    // Nearly none of the contents is a set of keys.
  }
}

std::vector<Reader> readers() {
  return {
      {"orders and carts", [](const auto& text) { static_cast<void>(parse_order_body(text)); }},
      {"sale definitions", [](const auto& text) { static_cast<void>(parse_sale_definition(text)); }},
      {"sale changes", [](const auto& text) { static_cast<void>(parse_sale_patch(text)); }},
      {"stock changes", [](const auto& text) { static_cast<void>(parse_stock_change(text)); }},
      {"cancellations", [](const auto& text) { static_cast<void>(parse_cancellation(text)); }},
      {"flags", [](const auto& text) { static_cast<void>(parse_flag_body(text)); }},
      {"payment notices", [](const auto& text) { static_cast<void>(parse_payment_notice(text)); }},
      {"token payloads",
       [](const auto& text) {
         identity::JsonObject object;
         static_cast<void>(object.parse(text));
       }},
      {"key sets", read_key_set},
      {"JSON", [](const auto& text) { static_cast<void>(parse_strict_json(text)); }},
  };
}

WorkClock::duration time_of(const Reader& reader, const std::string& text) {
  const auto begin = WorkClock::now();
  reader.read(text);
  return WorkClock::now() - begin;
}

/// By the least of several times, as what else the machine does only ever adds; of more of them while it is in doubt.
bool costs_in_proportion(const Reader& reader, const std::string& small, const std::string& large) {
  constexpr int kRunsMin = 3;
  constexpr int kRunsMax = 200;
  auto time_of_small = WorkClock::duration::max();
  auto time_of_large = WorkClock::duration::max();
  const auto is_in_doubt = [&] { return time_of_large >= kShort && time_of_large / 3 >= time_of_small; };
  for (int run = 0; run < kRunsMin || (run < kRunsMax && is_in_doubt()); ++run) {
    time_of_small = std::min(time_of_small, time_of(reader, small));
    time_of_large = std::min(time_of_large, time_of(reader, large));
  }
  return !is_in_doubt();
}

TEST(StrictJson, WholeNumbersAreIntegersHoweverTheyAreWritten) {
  for (const auto& [text, value] :
       std::vector<std::pair<const char*, std::int64_t>>{{"1.0", 1},
                                                         {"-1.0", -1},
                                                         {"0.0", 0},
                                                         {"-0.0", 0},
                                                         {"0e5", 0},
                                                         {"1e2", 100},
                                                         {"1E+2", 100},
                                                         {"1.50e1", 15},
                                                         {"1500e-2", 15},
                                                         {"0.0015e4", 15},
                                                         {"9007199254740993.0", 9007199254740993},
                                                         {"9223372036854775807.000", 9223372036854775807},
                                                         {"-922337203685477580.7e1", -9223372036854775807},
                                                         {"0.000000000000000000000000000001e30", 1}}) {
    const auto parsed = parse_strict_json(text);
    ASSERT_TRUE(parsed.error.empty()) << text;
    ASSERT_TRUE(parsed.value.is_number_integer()) << text;
    EXPECT_EQ(parsed.value.get<std::int64_t>(), value) << text;
  }
  EXPECT_EQ(parse_strict_json("18446744073709551615.0").value.get<std::uint64_t>(), 18446744073709551615U);
  for (const char* const text : {"1.5", "0.1", "1e-1", "18446744073709551616.0", "1e20", "-1e19", "9007199254740993.5",
                                 "1.0000000000000000000000001", "1e-400", "1e-99999999999999999999"}) {
    EXPECT_TRUE(parse_strict_json(text).value.is_number_float()) << text;
  }
  EXPECT_EQ(parse_strict_json("1e99999999999999999999").error, "the body is not valid JSON");
}

TEST(StrictJson, ReadingEndsAtTheFirstThatIsTooMuch) {
  const JsonBounds bounds{.values_max = 3, .depth_max = 2};
  for (const char* const text : {"[1,2]", "[[],[]]", R"({"a":1,"b":[]})", R"([{"a":1}])"}) {
    EXPECT_EQ(parse_strict_json(text, bounds).error, "") << text;
  }
  // Nothing behind it is looked at any more.
  for (const char* const text : {"[1,2,3]", "[1,2,3,", "[[],[],[]!", R"({"a":1,"b":[3]})"}) {
    EXPECT_EQ(parse_strict_json(text, bounds).error, "the body has too many values") << text;
  }
  for (const char* const text : {"[[[]]]", "[[[", R"([{"a":[)"}) {
    EXPECT_EQ(parse_strict_json(text, bounds).error, "the body is nested too deeply") << text;
  }
  EXPECT_EQ(parse_strict_json(R"({"a":{"b":1},"a":2})").error, "the body has a member name twice");
  EXPECT_EQ(parse_strict_json(R"([{"a":1},{"a":1,"b":{"a":2}}])").error, "");
}

TEST(HostileJson, NoReaderFailsOnTheLargestThatItIsMeantFor) {
  const auto cart = [](std::size_t lines) {
    std::string text = R"({"lines":[)";
    for (std::size_t i = 0; i < lines; ++i) {
      if (i > 0) text += ',';
      text += R"({"sku":")" + std::string(63, 's') + std::to_string(i) + R"(","quantity":1000000})";
    }
    return text + "]}";
  };
  EXPECT_FALSE(parse_order_body(cart(10)).problem);
  std::string largest = cart(10);
  largest.resize(kOrderBodyBytesMax, ' ');
  EXPECT_FALSE(parse_order_body(largest).problem);
  EXPECT_EQ(parse_order_body(largest + ' ').problem, ProblemType::payload_too_large);

  std::string sale = R"({"id":"a","name":"a","starts_at":"2030-01-01T00:00:00Z",)"
                     R"("ends_at":"2030-01-02T00:00:00Z","items":[)";
  for (int i = 0; i < 1000; ++i) {
    if (i > 0) sale += ',';
    sale += R"({"sku":")" + std::to_string(i) +
            R"(","name":"a","price":{"amount":1,"currency":"EUR"},"stock":1.0,"limit_per_customer":1})";
  }
  EXPECT_FALSE(parse_sale_definition(sale + "]}").problem) << parse_sale_definition(sale + "]}").detail;
}

TEST(HostileJson, TwiceTheSizeCostsNotMuchMoreThanTwiceTheTime) {
  // Large blocks that go back to the system each time cost more by the page than the reading does.
  mallopt(M_MMAP_THRESHOLD, 64 * 1024 * 1024);
  mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
  for (const auto& content : contents()) {
    const auto small = content.make(kSmall);
    const auto large = content.make(kLarge);
    ASSERT_LE(large.size(), kLarge);
    for (const auto& reader : readers()) {
      EXPECT_TRUE(costs_in_proportion(reader, small, large)) << reader.name << ", " << content.name;
    }
  }
}

}  // namespace
}  // namespace flashsale::api
