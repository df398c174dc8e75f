#include "flashsale/identity/gateway_peers.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace flashsale::identity {
namespace {

using Networks = std::vector<std::string>;

bool contains(const Networks& networks, std::string_view address) { return GatewayPeers(networks).contains(address); }

TEST(GatewayPeersTest, MatchesNetworks) {
  const Networks networks{"127.0.0.1/32", "10.8.0.0/13", "2001:db8:2::/47", "::1/128"};
  for (const char* inside : {"127.0.0.1", "10.8.0.0", "10.15.255.255", "2001:db8:2::1", "2001:db8:3:ffff::1", "::1",
                             "::ffff:127.0.0.1", "::ffff:10.9.8.7", "::ffff:0a09:0807", "2001:DB8:2:0::5"}) {
    EXPECT_TRUE(contains(networks, inside)) << inside;
  }
  for (const char* outside : {"127.0.0.2", "10.7.255.255", "10.16.0.0", "2001:db8:4::", "2001:db8:1:ffff::",
                              "2001:db9::", "::2", "::", "::127.0.0.1", "0.0.0.0", "::ffff:127.0.0.2"}) {
    EXPECT_FALSE(contains(networks, outside)) << outside;
  }
}

TEST(GatewayPeersTest, AnAddressAloneIsItself) {
  EXPECT_TRUE(contains({"192.0.2.7"}, "192.0.2.7"));
  EXPECT_FALSE(contains({"192.0.2.7"}, "192.0.2.6"));
  EXPECT_TRUE(contains({"fe80::1"}, "fe80::1"));
  EXPECT_TRUE(contains({"fe80::1"}, "fe80::1%eth0"));
  EXPECT_TRUE(contains({"::ffff:192.0.2.7"}, "192.0.2.7"));
}

TEST(GatewayPeersTest, EverythingOfOneFamilyIsNothingOfTheOther) {
  EXPECT_TRUE(contains({"0.0.0.0/0"}, "203.0.113.9"));
  EXPECT_TRUE(contains({"0.0.0.0/0"}, "::ffff:203.0.113.9"));
  EXPECT_FALSE(contains({"0.0.0.0/0"}, "2001:db8::1"));
  EXPECT_TRUE(contains({"::/0"}, "2001:db8::1"));
  EXPECT_FALSE(contains({"::/0"}, "203.0.113.9"));
  EXPECT_FALSE(contains({"::/0"}, "::ffff:203.0.113.9"));
  EXPECT_FALSE(contains({}, "127.0.0.1"));
}

TEST(GatewayPeersTest, EachPrefixLengthCutsWhereItShould) {
  for (unsigned bits = 1; bits <= 32; ++bits) {
    const std::uint32_t inside = 0xffff'ffffU << (32 - bits);
    const std::uint32_t outside = inside ^ (1U << (32 - bits));
    const auto text = [](std::uint32_t a) {
      return std::to_string(a >> 24) + "." + std::to_string(a >> 16 & 255) + "." + std::to_string(a >> 8 & 255) + "." +
             std::to_string(a & 255);
    };
    const Networks networks{text(inside) + "/" + std::to_string(bits)};
    EXPECT_TRUE(contains(networks, text(inside))) << networks[0];
    EXPECT_TRUE(contains(networks, "255.255.255.255")) << networks[0];
    EXPECT_FALSE(contains(networks, text(outside))) << networks[0];
  }
}

TEST(GatewayPeersTest, WhatIsNoAddressIsNotBelieved) {
  for (const std::string& text :
       {std::string(), std::string("localhost"), std::string("127.0.0.1:80"), std::string("[::1]"),
        std::string("127.1"), std::string("0127.0.0.1"), std::string("127.0.0.1 "), std::string("127.0.0.1\0x", 11),
        std::string(500, '1'), std::string("%eth0"), std::string("127.0.0.1/32"), std::string("0x7f.0.0.1")}) {
    EXPECT_FALSE(contains({"0.0.0.0/0", "::/0"}, text)) << text;
  }
}

TEST(GatewayPeersTest, RefusesMalformedNetworks) {
  for (const char* text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8 ",
                           "10.0.0.0/8/8", "10.0.0.0/x", "10.0.0/8", "10.1.2.3/8", "2001:db8::1/64", "::/129",
                           "example.com", "fe80::1%eth0", "10.0.0.0/0x8", "10.0.0.0/99999999999"}) {
    EXPECT_THROW(GatewayPeers(Networks{text}), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace flashsale::identity
