#include "flashsale/identity/admin_tokens.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flashsale::identity {
namespace {

using Entries = std::vector<std::string>;

// sha256("abc") and sha256("") are FIPS 180 examples.
const std::string kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string kOther(64, 'a');

const TimePoint kNow = *parse_rfc3339("2026-11-28T12:00:00Z");

std::string name_of(const AdminTokens& tokens, std::string_view token) {
  const auto admin = tokens.find(token, kNow);
  return admin ? std::string(admin->name) : "nobody";
}

TEST(AdminTokensTest, FindsTheNameOfAToken) {
  const AdminTokens tokens(Entries{"first:" + kOther, "alice:" + kAbc});
  EXPECT_EQ(name_of(tokens, "abc"), "alice");
  for (const char* wrong : {"", "ab", "abcd", "ABC", "abc ", "alice", "alice:abc"}) {
    EXPECT_EQ(name_of(tokens, wrong), "nobody") << wrong;
  }
  EXPECT_EQ(name_of(tokens, kAbc), "nobody");  // the hash is not the token
  EXPECT_EQ(name_of(tokens, std::string(100'000, 'a')), "nobody");
  EXPECT_EQ(name_of(tokens, std::string("abc\0", 4)), "nobody");
}

TEST(AdminTokensTest, HexMayBeUpperCase) {
  std::string upper = kAbc;
  for (char& c : upper) c = static_cast<char>(c >= 'a' ? c - 'a' + 'A' : c);
  EXPECT_EQ(name_of(AdminTokens(Entries{"alice:" + upper}), "abc"), "alice");
}

TEST(AdminTokensTest, TheEmptyTokenOpensNothing) {
  EXPECT_EQ(name_of(AdminTokens(Entries{"alice:" + kNothing}), ""), "nobody");
  EXPECT_EQ(name_of(AdminTokens(Entries{}), "abc"), "nobody");
}

TEST(AdminTokensTest, ATokenHasARole) {
  for (const auto& [text, role] :
       std::vector<std::pair<std::string, AdminRole>>{{"alice:read:", AdminRole::read},
                                                      {"alice:support:", AdminRole::support},
                                                      {"alice:operator:", AdminRole::operator_},
                                                      {"alice:", AdminRole::operator_}}) {
    const AdminTokens tokens(Entries{text + kAbc});
    const auto admin = tokens.find("abc", kNow);
    ASSERT_TRUE(admin) << text;
    EXPECT_EQ(admin->name, "alice");
    EXPECT_EQ(admin->role, role) << text;
    EXPECT_FALSE(admin->has_expired) << text;
  }
}

TEST(AdminTokensTest, ATokenMayEnd) {
  const auto expired = [](const std::string& until) {
    const AdminTokens tokens(Entries{"alice:support:" + until + ":" + kAbc});
    return tokens.find("abc", kNow)->has_expired;
  };
  EXPECT_FALSE(expired("2026-11-28T12:00:00.000001Z"));
  EXPECT_FALSE(expired("2026-11-28T15:00:00+01:00"));
  EXPECT_TRUE(expired("2026-11-28T12:00:00Z"));
  EXPECT_TRUE(expired("2026-11-28T12:30:00+01:00"));
}

TEST(AdminTokensTest, RefusesMalformedEntriesWithoutRepeatingThem) {
  const std::string secret = "swordfish-put-in-the-wrong-place";
  for (const Entries& entries : {Entries{""},
                                 Entries{kAbc},
                                 Entries{":" + kAbc},
                                 Entries{"alice:"},
                                 Entries{"alice:" + secret},
                                 Entries{secret},
                                 Entries{"alice:" + kAbc + "0"},
                                 Entries{"alice:" + kAbc.substr(1)},
                                 Entries{"alice:" + kAbc.substr(1) + "g"},
                                 Entries{"alice:" + kAbc + " "},
                                 Entries{"a b:" + kAbc},
                                 Entries{"alice:admin:" + kAbc},
                                 Entries{"alice::" + kAbc},
                                 Entries{"alice:read:" + secret},
                                 Entries{"alice:" + secret + ":" + kAbc},
                                 Entries{"alice:read:tomorrow:" + kAbc},
                                 Entries{"alice:read::" + kAbc},
                                 Entries{"alice:read:2026-11-28:" + kAbc},
                                 Entries{"alice:" + kAbc, "alice:" + kOther},
                                 Entries{"alice:" + kAbc, "bob:" + kAbc},
                                 Entries(257, "alice:" + kAbc)}) {
    try {
      const AdminTokens tokens(entries);
      ADD_FAILURE() << "accepted " << entries.back();
    } catch (const std::invalid_argument& problem) {
      const std::string line = problem.what();
      EXPECT_EQ(line.find(secret), std::string::npos);
      EXPECT_EQ(line.find(kAbc.substr(1)), std::string::npos);
      EXPECT_EQ(line.find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace flashsale::identity
