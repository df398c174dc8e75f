#include "flashsale/identity/watch_links.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flashsale::identity {
namespace {

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr TimePoint kEnd{std::chrono::seconds(1'800'000'000)};

TEST(WatchLinksTest, WhoeverHasTheSecretTakesALink) {
  const auto token = WatchLinks(kSecret).make(kEnd);
  EXPECT_EQ(WatchLinks(kSecret).find_end(token), kEnd);
  EXPECT_TRUE(token.starts_with("watch-1800000000.")) << token;
  EXPECT_EQ(WatchLinks("another secret of thirty-two byte").find_end(token), std::nullopt);
}

TEST(WatchLinksTest, WithoutASecretNobodyElseTakesIt) {
  const WatchLinks own("");
  const auto token = own.make(kEnd);
  EXPECT_EQ(own.find_end(token), kEnd);
  EXPECT_EQ(WatchLinks("").find_end(token), std::nullopt);
}

TEST(WatchLinksTest, NothingOfItCanBeChanged) {
  const WatchLinks links(kSecret);
  const auto token = links.make(kEnd);
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_EQ(links.find_end(changed), std::nullopt) << changed;
    EXPECT_EQ(links.find_end(token.substr(0, i)), std::nullopt);
  }
  EXPECT_EQ(links.find_end(token + "A"), std::nullopt);
  EXPECT_EQ(links.find_end("watch-9" + token.substr(6)), std::nullopt);
}

TEST(WatchLinksTest, WhatIsNoLinkIsRefused) {
  const WatchLinks links(kSecret);
  for (const std::string_view text : {"", "watch-", "watch-.", "watch-1", "watch-1.", "watch--1.AAAA",
                                      "watch-99999999999999999999999.AAAA", "an admin's token"}) {
    EXPECT_EQ(links.find_end(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace flashsale::identity
