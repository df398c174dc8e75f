#include "flashsale/identity/admin_tokens.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace flashsale::identity {
namespace {

using Entries = std::vector<std::string>;

// sha256("abc") and sha256("") are FIPS 180 examples.
const std::string kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string kOther(64, 'a');

TEST(AdminTokensTest, FindsTheNameOfAToken) {
  const AdminTokens tokens(Entries{"first:" + kOther, "alice:" + kAbc});
  EXPECT_EQ(tokens.find("abc"), "alice");
  for (const char* wrong : {"", "ab", "abcd", "ABC", "abc ", "alice", "alice:abc"}) {
    EXPECT_FALSE(tokens.find(wrong)) << wrong;
  }
  EXPECT_FALSE(tokens.find(kAbc));  // the hash is not the token
  EXPECT_FALSE(tokens.find(std::string(100'000, 'a')));
  EXPECT_FALSE(tokens.find(std::string("abc\0", 4)));
}

TEST(AdminTokensTest, HexMayBeUpperCase) {
  std::string upper = kAbc;
  for (char& c : upper) c = static_cast<char>(c >= 'a' ? c - 'a' + 'A' : c);
  EXPECT_EQ(AdminTokens(Entries{"alice:" + upper}).find("abc"), "alice");
}

TEST(AdminTokensTest, TheEmptyTokenOpensNothing) {
  EXPECT_FALSE(AdminTokens(Entries{"alice:" + kNothing}).find(""));
  EXPECT_FALSE(AdminTokens(Entries{}).find("abc"));
}

TEST(AdminTokensTest, RefusesMalformedEntriesWithoutRepeatingThem) {
  const std::string secret = "swordfish-put-in-the-wrong-place";
  for (const Entries& entries :
       {Entries{""}, Entries{kAbc}, Entries{":" + kAbc}, Entries{"alice:"}, Entries{"alice:" + secret}, Entries{secret},
        Entries{"alice:" + kAbc + "0"}, Entries{"alice:" + kAbc.substr(1)}, Entries{"alice:" + kAbc.substr(1) + "g"},
        Entries{"alice:" + kAbc + " "}, Entries{"a b:" + kAbc}, Entries{"alice:" + kAbc, "alice:" + kOther},
        Entries{"alice:" + kAbc, "bob:" + kAbc}, Entries(257, "alice:" + kAbc)}) {
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
