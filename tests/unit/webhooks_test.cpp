#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <chrono>
#include <cstring>
#include <string>

#include "events/retry_schedule.hpp"
#include "flashsale/events/parked_events.hpp"
#include "flashsale/events/webhook_message.hpp"
#include "flashsale/events/webhook_url.hpp"
#include "flashsale/identity/public_address.hpp"
#include "flashsale/identity/webhook_signature.hpp"
#include "flashsale/identity/webhook_verifier.hpp"
#include "flashsale/model/event_pattern.hpp"

namespace flashsale {
namespace {

using namespace std::chrono_literals;

// The example that Standard Webhooks and its libraries are tested with.
TEST(WebhookSignatureTest, IsThatOfTheKnownExample) {
  const auto key = identity::parse_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  ASSERT_TRUE(key);
  const auto content =
      identity::webhook_content("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", R"({"test": 2432232314})");
  EXPECT_EQ(identity::webhook_signature(*key, content), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSignatureTest, NewSecretsAreSecretsAndDiffer) {
  const auto one = identity::make_webhook_secret();
  const auto other = identity::make_webhook_secret();
  EXPECT_NE(one, other);
  EXPECT_EQ(identity::parse_webhook_secret(one).value_or("").size(), 32U);
  EXPECT_FALSE(identity::parse_webhook_secret(one.substr(6)));
  EXPECT_FALSE(identity::parse_webhook_secret("whsec_AAAA"));
}

TEST(PublicAddressTest, TellsThisMachineAndItsNetworkFromTheInternet) {
  for (const char* text :
       {"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
        "223.255.255.255", "2600::1", "2a00:1450::8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"}) {
    EXPECT_EQ(identity::is_public_address(text), true) << text;
  }
  for (const char* text : {"0.0.0.0",
                           "10.1.2.3",
                           "100.64.0.1",
                           "100.100.100.200",
                           "127.0.0.1",
                           "127.255.0.1",
                           "169.254.1.1",
                           "169.254.169.254",
                           "168.63.129.16",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.0.1",
                           "192.0.0.8",
                           "192.0.2.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "203.0.113.9",
                           "224.0.0.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::7f00:1",
                           "fe80::1",
                           "fec0::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "ff02::1",
                           "2001:db8::1",
                           "2001::1",
                           "2002:7f00:1::",
                           "3fff::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::a00:1",
                           "64:ff9b:1::1",
                           "::ffff:7f00:1",
                           "4000::1"}) {
    EXPECT_EQ(identity::is_public_address(text), false) << text;
  }
  EXPECT_EQ(identity::is_public_address("shop.example"), std::nullopt);
}

sockaddr_storage socket_address(const char* text) {
  sockaddr_storage storage{};
  sockaddr_in ipv4{};
  if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1) {
    ipv4.sin_family = AF_INET;
    std::memcpy(&storage, &ipv4, sizeof ipv4);
    return storage;
  }
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  inet_pton(AF_INET6, text, &ipv6.sin6_addr);
  std::memcpy(&storage, &ipv6, sizeof ipv6);
  return storage;
}

bool is_public_socket(const char* text) {
  const auto storage = socket_address(text);
  sockaddr address{};
  const auto* whole = reinterpret_cast<const sockaddr*>(&storage);
  std::memcpy(&address, whole, sizeof address);
  return identity::is_public_address(*whole);
}

TEST(PublicAddressTest, LooksAtWhatASocketIsConnectedTo) {
  EXPECT_TRUE(is_public_socket("8.8.8.8"));
  EXPECT_TRUE(is_public_socket("2600::1"));
  EXPECT_FALSE(is_public_socket("127.0.0.1"));
  EXPECT_FALSE(is_public_socket("::ffff:192.168.1.1"));
  EXPECT_FALSE(is_public_socket("fd12::1"));
  sockaddr local{};
  local.sa_family = AF_UNIX;
  EXPECT_FALSE(identity::is_public_address(local));
}

TEST(WebhookUrlTest, TakesWhatEventsCanBeSentTo) {
  const events::WebhookOptions strict;
  for (const char* url : {"https://shop.example/hook", "https://shop.example:8443/a/b?c=d", "https://8.8.8.8/",
                          "https://[2600::1]:443/x"}) {
    EXPECT_EQ(events::fault_of_webhook_url(url, strict), "") << url;
  }
  for (const char* url : {"",
                          "shop.example",
                          "/hook",
                          "http://shop.example/",
                          "ftp://shop.example/",
                          "file:///etc/passwd",
                          "gopher://shop.example/",
                          "https://",
                          "https://user@shop.example/",
                          "https://user:word@shop.example/",
                          "https://shop.example/#part",
                          "https://shop.example/a b",
                          "https://shop.example/\n",
                          "https://127.0.0.1/",
                          "https://localhost/",
                          "https://a.localhost/",
                          "https://[::1]/",
                          "https://[::ffff:127.0.0.1]/",
                          "https://10.0.0.1/",
                          "https://2130706433/",
                          "https://0x7f000001/",
                          "https://127.1/",
                          "https://[fe80::1%25eth0]/"}) {
    EXPECT_NE(events::fault_of_webhook_url(url, strict), "") << url;
  }
  EXPECT_NE(events::fault_of_webhook_url("https://shop.example/" + std::string(2048, 'a'), strict), "");
  // And the setting that lets it pass is named.
  const auto says = [&](const char* url, const char* setting) {
    return events::fault_of_webhook_url(url, strict).find(setting) != std::string::npos;
  };
  EXPECT_TRUE(says("http://shop.example/", "events.webhooks.allow_http"));
  EXPECT_TRUE(says("https://127.0.0.1/", "events.webhooks.allow_private"));
}

TEST(WebhookUrlTest, SettingsAllowMore) {
  events::WebhookOptions clear;
  clear.allow_http = true;
  EXPECT_EQ(events::fault_of_webhook_url("http://shop.example/", clear), "");
  EXPECT_NE(events::fault_of_webhook_url("http://127.0.0.1/", clear), "");
  events::WebhookOptions inside;
  inside.allow_private = true;
  EXPECT_EQ(events::fault_of_webhook_url("http://127.0.0.1:8000/x", inside), "");
  EXPECT_NE(events::fault_of_webhook_url("ftp://127.0.0.1/", inside), "");
}

TEST(WebhookUrlTest, AQueryIsNotLogged) {
  EXPECT_EQ(events::loggable_url("https://shop.example/a?token=1"), "https://shop.example/a");
}

TEST(RetryScheduleTest, GoesOverDaysAndSpreads) {
  EXPECT_EQ(events::retry_delay(1, 0.5), 5s);
  EXPECT_EQ(events::retry_delay(1, 0), 4500ms);
  EXPECT_EQ(events::retry_delay(1, 1), 5500ms);
  EXPECT_EQ(events::retry_delay(2, 0.5), 5min);
  EXPECT_EQ(events::retry_delay(3, 0.5), 30min);
  EXPECT_EQ(events::retry_delay(9, 0.5), 24h);
  EXPECT_EQ(events::retry_delay(1000, 0.5), 24h);
  EXPECT_EQ(events::retry_delay(0, 0.5), 5s);
}

TEST(EventPatternTest, NamesTypesOrBeginnings) {
  for (const char* text :
       {"flashsale.order.confirmed", "flashsale.order.*", "flashsale.*", "*", "flashsale.order.con*"})
    EXPECT_TRUE(is_event_pattern(text)) << text;
  for (const char* text : {"", "flashsale.order", "order.*", "*.order.confirmed", "flashsale.*.confirmed", "nothing*"})
    EXPECT_FALSE(is_event_pattern(text)) << text;
  EXPECT_TRUE(is_wanted({}, EventType::ping));
  EXPECT_TRUE(is_wanted({"flashsale.sale.*", "flashsale.order.*"}, EventType::order_expired));
  EXPECT_FALSE(is_wanted({"flashsale.order.confirmed"}, EventType::order_cancelled));
}

class ParkedEventsTest : public ::testing::Test {
 protected:
  void add(std::int64_t position, const std::string& key, int failures, std::chrono::milliseconds delay) {
    parked.add({position, key, failures, now + delay});
  }
  [[nodiscard]] std::int64_t next() const { return parked.next() == nullptr ? 0 : parked.next()->position; }

  events::ParkedEvents parked;
  events::ParkedEvents::Time now = std::chrono::steady_clock::now();
};

TEST_F(ParkedEventsTest, TheFirstOfEachKeyIsTried) {
  EXPECT_EQ(next(), 0);
  add(5, "a", 1, 10s);
  add(7, "a", 0, 0s);
  add(6, "b", 1, 20s);
  EXPECT_EQ(next(), 5) << "7 is due, but waits behind 5";
  EXPECT_TRUE(parked.holds("a"));
  EXPECT_TRUE(parked.contains(7));
  parked.postpone(5, now + 30s);
  EXPECT_EQ(next(), 6);
  EXPECT_EQ(parked.next()->failures, 1);
  parked.remove(6);
  EXPECT_FALSE(parked.holds("b"));
  EXPECT_EQ(next(), 5);
  EXPECT_EQ(parked.next()->failures, 2);
  parked.remove(5);
  EXPECT_EQ(next(), 7);
  parked.remove(7);
  EXPECT_EQ(parked.size(), 0U);
}

TEST_F(ParkedEventsTest, ThoseThatAreDueGoByTheirPositions) {
  add(9, "a", 1, 1s);
  add(3, "b", 1, 2s);
  EXPECT_EQ(next(), 9);
  parked.hasten(now);
  EXPECT_EQ(next(), 3);
  EXPECT_EQ(parked.next()->next_at, now);
}

TEST(WebhookMessageTest, ATraceGoesOnInAHeader) {
  const postgres::WebhookTarget target{"wh_1", "https://shop.example/", {}, {identity::make_webhook_secret()}};
  const auto at = from_unix_us(1'614'265'330'000'000);
  auto event = events::make_ping("wh_1", at);
  event.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const auto message = events::make_message(target, event, "/shop", at);
  EXPECT_EQ(message.headers.back(), "traceparent: " + event.traceparent);
  EXPECT_NE(message.body.find(R"("traceparent":"00-4bf9)"), std::string::npos);
}

TEST(WebhookMessageTest, IsTheWholeEventSignedWithEachSecret) {
  const auto one = identity::make_webhook_secret();
  const auto other = identity::make_webhook_secret();
  const postgres::WebhookTarget target{"wh_1", "https://shop.example/", {}, {one, other}};
  const auto at = from_unix_us(1'614'265'330'000'000);
  auto event = events::make_ping("wh_1", at);
  event.id = "order/refund/pay\r\nX: y";
  const auto message = events::make_message(target, event, "/shop", at);
  ASSERT_EQ(message.headers.size(), 4U);
  EXPECT_EQ(message.headers[1], "webhook-id: order/refund/pay%0D%0AX:%20y");
  EXPECT_EQ(message.headers[2], "webhook-timestamp: 1614265330");
  EXPECT_NE(message.body.find(R"("type":"flashsale.ping")"), std::string::npos);
  const auto signatures = message.headers[3].substr(std::string("webhook-signature: ").size());
  for (const auto& secret : {one, other}) {
    const identity::WebhookVerifier verifier(std::vector<std::string>{secret}, 5min);
    EXPECT_EQ(verifier.verify("order/refund/pay%0D%0AX:%20y", "1614265330", signatures, message.body, at),
              identity::WebhookVerifier::Verdict::good);
  }
}

}  // namespace
}  // namespace flashsale
