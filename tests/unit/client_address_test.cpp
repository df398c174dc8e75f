#include "flashsale/identity/client_address.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flashsale/identity/loopback_address.hpp"

namespace flashsale::identity {
namespace {

using namespace std::string_literals;

class ClientAddressTest : public ::testing::Test {
 protected:
  const GatewayPeers proxies_{std::vector<std::string>{"127.0.0.1/32", "10.0.0.0/8", "2001:db8:1::/48"}};

  std::string of(std::string_view peer, std::string_view forwarded) {
    return std::string(client_address(peer, forwarded, proxies_));
  }
};

TEST_F(ClientAddressTest, IsThePeerUnlessAProxySpeaksForSomebody) {
  EXPECT_EQ(of("192.0.2.1", ""), "192.0.2.1");
  EXPECT_EQ(of("192.0.2.1", "198.51.100.7"), "192.0.2.1");
  EXPECT_EQ(of("127.0.0.1", ""), "127.0.0.1");
  EXPECT_EQ(of("127.0.0.1", "198.51.100.7"), "198.51.100.7");
  EXPECT_EQ(of("2001:db8:1::5", "2001:db8:2::7"), "2001:db8:2::7");
}

TEST_F(ClientAddressTest, WhatTheClientHasWrittenItselfIsNotBelieved) {
  EXPECT_EQ(of("127.0.0.1", "203.0.113.5, 198.51.100.7"), "198.51.100.7");
  EXPECT_EQ(of("127.0.0.1", "203.0.113.5, 198.51.100.7, 10.1.2.3"), "198.51.100.7");
  EXPECT_EQ(of("127.0.0.1", "10.9.9.9,10.1.2.3"), "10.9.9.9");
}

TEST_F(ClientAddressTest, WhatIsNoAddressEndsTheSearch) {
  for (const char* text :
       {"unknown", "_hidden", "<script>", "198.51.100.300", "1.2.3", "\"x\"", ",", "198.51.100.7,"}) {
    EXPECT_EQ(of("127.0.0.1", text), "127.0.0.1") << text;
  }
  EXPECT_EQ(of("127.0.0.1", "198.51.100.7, unknown, 10.1.2.3"), "10.1.2.3");
}

TEST_F(ClientAddressTest, APortIsNoPartOfIt) {
  EXPECT_EQ(of("127.0.0.1", "198.51.100.7:4711"), "198.51.100.7");
  EXPECT_EQ(of("127.0.0.1", "[2001:db8:2::7]:4711"), "2001:db8:2::7");
  EXPECT_EQ(of("127.0.0.1", " \t2001:db8:2::7 "), "2001:db8:2::7");
}

TEST(LoopbackClientTest, EverybodyOnTheWayIsOnThisMachine) {
  for (const char* text : {"", "127.0.0.1", "::1", "127.0.0.1, 127.8.9.1:4711,[::1]:1", " 127.0.0.1 "}) {
    EXPECT_TRUE(is_from_loopback("127.0.0.1", text)) << text;
    EXPECT_FALSE(is_from_loopback("192.0.2.1", text)) << text;
  }
  for (const char* text : {"192.0.2.1", "192.0.2.1, 127.0.0.1", "127.0.0.1, 192.0.2.1", "unknown", "127.0.0.1, unknown",
                           "unknown, 127.0.0.1", "fe80::1%eth0", "127.0.0.1,", ",127.0.0.1", ",", " ", "localhost"}) {
    EXPECT_FALSE(is_from_loopback("127.0.0.1", text)) << text;
  }
}

TEST(LoopbackClientTest, AHostOfThisMachineIsNamedByItselfAlone) {
  for (const char* host :
       {"localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:8080", "127.5.0.1", "[::1]", "[::1]:8080"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
  for (const char* host : {"", "shop.example", "shop.example:8080", "localhost.shop.example", "127.0.0.1.nip.io:80",
                           "192.0.2.1", "[2001:db8::1]:80", "[", "[::1", ":80"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

TEST(ClientNetworkTest, IsAnIpv4AddressOrTheFirstBitsOfAnIpv6One) {
  EXPECT_EQ(client_network("192.0.2.1"), "\xc0\x00\x02\x01"s);
  EXPECT_EQ(client_network("::ffff:192.0.2.1"), client_network("192.0.2.1"));
  EXPECT_EQ(client_network("192.0.2.1", 6), client_network("192.0.2.1"));
  EXPECT_EQ(client_network("2001:db8:1:2:3::4"), client_network("2001:db8:1:2:ffff::"));
  EXPECT_NE(client_network("2001:db8:1:2::"), client_network("2001:db8:1:3::"));
  EXPECT_EQ(client_network("2001:db8:1:2::", 6), client_network("2001:db8:1:3::", 6));
  EXPECT_NE(client_network("2001:db8:1:2::", 6), client_network("2001:db8:2:2::", 6));
  EXPECT_EQ(client_network("fe80::1%eth0"), client_network("fe80::1"));
  EXPECT_EQ(client_network("no address"), "no address");
}

}  // namespace
}  // namespace flashsale::identity
