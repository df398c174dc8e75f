#include "load/options.hpp"

#include <gtest/gtest.h>

#include <map>

#include "load/target.hpp"

namespace flashsale::load {
namespace {

const std::map<std::string, std::string> kVariables{{"FLASHSALE_URL", "http://127.0.0.1:1,http://127.0.0.1:2"},
                                                    {"FLASHSALE_ADMIN_URL", "http://127.0.0.1:3"},
                                                    {"FLASHSALE_ADMIN_TOKEN", "t"},
                                                    {"FLASHSALE_JWT_SECRET", "s"},
                                                    {"FLASHSALE_POSTGRES_URL", "postgresql://x"}};

ParsedOptions parse(const std::vector<std::string>& arguments) {
  return parse_options(arguments, [](const char* name) -> std::optional<std::string> {
    const auto found = kVariables.find(name);
    return found == kVariables.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(LoadOptionsTest, TakesTheEnvironmentAndLetsOptionsWin) {
  const auto parsed = parse({"--rate=500", "--create-stock", "10", "--admin-token", "other", "--retry-share", "0.25"});
  EXPECT_EQ(parsed.error, "");
  EXPECT_EQ(parsed.options.urls, (std::vector<std::string>{"http://127.0.0.1:1", "http://127.0.0.1:2"}));
  EXPECT_EQ(parsed.options.admin_token, "other");
  EXPECT_EQ(parsed.options.rate_per_s, 500);
  EXPECT_EQ(parsed.options.create_stock, 10);
  EXPECT_EQ(parsed.options.mix.retry, 0.25);
  EXPECT_EQ(parsed.options.buyers, 1'000'000U);
  EXPECT_TRUE(parsed.options.with_check);
}

const std::string kSecret = "whsec_" + std::string(32, 'A');

TEST(LoadOptionsTest, TakesASaleThatHasToBePaid) {
  const auto parsed = parse({"--rate=1", "--create-stock=1", "--create-payment-window-s=2", "--webhook-secret", kSecret,
                             "--pay-share=.4", "--pay-late-share=.3", "--pay-twice-share=.2", "--pay-fail-share=.1"});
  EXPECT_EQ(parsed.error, "");
  EXPECT_EQ(parsed.options.create_payment_window_s, 2U);
  EXPECT_EQ(parsed.options.webhook_secret, kSecret);
  EXPECT_DOUBLE_EQ(parsed.options.mix.paying(), 1);
  // Nobody pays.
  EXPECT_EQ(parse({"--rate=1", "--create-stock=1", "--create-payment-window-s=2"}).error, "");
}

TEST(LoadOptionsTest, SaysWhatIsWrongWithPayments) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"--rate=1", "--create-stock=1", "--pay-share=.5"}, "--create-payment-window-s"},
      {{"--rate=1", "--sale=a", "--create-payment-window-s=2"}, "--create-stock"},
      {{"--rate=1", "--create-stock=1", "--create-payment-window-s=2", "--pay-share=.5"}, "--webhook-secret"},
      {{"--rate=1", "--create-stock=1", "--create-payment-window-s=2", "--webhook-secret=" + kSecret, "--pay-share=.6",
        "--pay-fail-share=.6"},
       "more than 1"},
      {{"--create-payment-window-s=0"}, "--create-payment-window-s"},
      {{"--pay-late-share=2"}, "--pay-late-share"},
      {{"--webhook-secret=secret"}, "whsec_"}};
  for (const auto& [arguments, word] : cases) {
    EXPECT_NE(parse(arguments).error.find(word), std::string::npos) << word << ": " << parse(arguments).error;
  }
}

TEST(LoadOptionsTest, SaysWhatIsWrong) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"--create-stock", "1"}, "--rate"},
      {{"--create-stock", "1", "--rate", "1", "--connections", "1"}, "--rate"},
      {{"--rate", "1"}, "--sale"},
      {{"--rate", "1", "--sale", "a", "--create-stock", "1"}, "--sale"},
      {{"--rate", "1", "--create-stock", "1", "--sku", "x"}, "--sku"},
      {{"--rate", "1", "--sale", "a", "--keep-open"}, "--create-stock"},
      {{"--rate", "nan", "--create-stock", "1"}, "--rate"},
      {{"--rate", "1e9", "--create-stock", "1"}, "--rate"},
      {{"--rate"}, "--rate"},
      {{"--seconds", "3601"}, "--seconds"},
      {{"--seconds", "5s"}, "--seconds"},
      {{"--retry-share", "1.1"}, "--retry-share"},
      {{"--retry-share", "-0.1"}, "--retry-share"},
      {{"--rate", "1", "--create-stock", "1", "--retry-share", "0.6", "--reader-share", "0.6"}, "shares"},
      {{"--arrivals", "normal"}, "--arrivals"},
      {{"--sale", "a/b"}, "--sale"},
      {{"--no-check=1"}, "--no-check"},
      {{"--rate", "1", "--create-stock", "1", "--orders", "x", "--no-check"}, "--orders"},
      {{"--connections", "2", "--threads", "4", "--create-stock", "1"}, "thread"},
      {{"--bogus"}, "--bogus"},
      {{"stray"}, "stray"}};
  for (const auto& [arguments, word] : cases) {
    EXPECT_NE(parse(arguments).error.find(word), std::string::npos) << word << ": " << parse(arguments).error;
  }
  EXPECT_TRUE(parse({"--rate", "--help"}).wants_help);
}

TEST(LoadTargetTest, TakesThisMachineOnly) {
  for (const char* url : {"http://127.0.0.1:8080", "http://127.8.9.1:1/", "http://localhost:80", "http://[::1]:8080"}) {
    EXPECT_EQ(parse_target(url).error, "") << url;
  }
  EXPECT_EQ(parse_target("http://localhost:8080").target.host, "127.0.0.1:8080");
  for (const char* url : {"http://10.0.0.1:80", "http://128.0.0.1:80", "http://[2001:db8::1]:80", "http://0.0.0.0:80",
                          "http://example.com:80", "http://localhost.example.com:80", "http://[::ffff:10.0.0.1]:80"}) {
    EXPECT_NE(parse_target(url).error.find("only this machine"), std::string::npos) << url;
  }
  for (const char* url :
       {"", "127.0.0.1:80", "https://127.0.0.1:80", "http://", "http://127.0.0.1:0", "http://127.0.0.1:x",
        "http://127.0.0.1:70000", "http://127.0.0.1:80/path", "http://127.0.0.1@10.0.0.1:80"}) {
    EXPECT_NE(parse_target(url).error, "") << url;
  }
}

}  // namespace
}  // namespace flashsale::load
