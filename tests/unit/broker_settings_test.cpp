// What is said to RabbitMQ and Kafka by settings: URLs and properties.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "events/amqp_connection.hpp"
#include "events/kafka_properties.hpp"
#include "flashsale/events/kafka_sink.hpp"

namespace flashsale::events {
namespace {

template <class Call>
std::string refusal_of(Call call) {
  try {
    call();
  } catch (const std::invalid_argument& refused) {
    return refused.what();
  }
  return "";
}

TEST(BrokerSettingsTest, AnAmqpUrlSaysWhereAndAsWhom) {
  const auto address = parse_amqp_url("amqps://us%2fer:pa%40ss@rabbit.example:5700/%2fshop");
  EXPECT_EQ(address.host, "rabbit.example");
  EXPECT_EQ(address.port, 5700);
  EXPECT_EQ(address.user, "us/er");
  EXPECT_EQ(address.password, "pa@ss");
  EXPECT_EQ(address.vhost, "/shop");
  EXPECT_TRUE(address.has_tls);
}

TEST(BrokerSettingsTest, WhatAnAmqpUrlLeavesOutHasItsDefault) {
  for (const char* url : {"amqp://rabbit", "amqp://rabbit/"}) {
    const auto address = parse_amqp_url(url);
    EXPECT_EQ(address.port, 5672);
    EXPECT_EQ(address.vhost, "/");
    EXPECT_FALSE(address.has_tls);
  }
  EXPECT_EQ(parse_amqp_url("amqps://rabbit").port, 5671);
}

TEST(BrokerSettingsTest, ARefusedAmqpUrlIsNotRepeated) {
  for (const char* url : {"http://user:secret@rabbit/", "amqp://user:secret@rabbit:port/", "secret"}) {
    const auto refusal = refusal_of([&] { (void)parse_amqp_url(url); });
    EXPECT_TRUE(refusal.starts_with("events.rabbitmq.url: ")) << url;
    EXPECT_EQ(refusal.find("secret"), std::string::npos);
  }
}

TEST(BrokerSettingsTest, PropertiesAreLines) {
  const auto properties =
      parse_kafka_properties("# of the shop\n\n security.protocol = SASL_SSL\r\nsasl.password=a=b \n");
  ASSERT_EQ(properties.size(), 2U);
  EXPECT_EQ(properties[0].name, "security.protocol");
  EXPECT_EQ(properties[0].value, "SASL_SSL");
  EXPECT_EQ(properties[1].value, "a=b");
  EXPECT_TRUE(parse_kafka_properties("").empty());
}

TEST(BrokerSettingsTest, PropertiesThatPromisesRestOnAreRefused) {
  EXPECT_EQ(refusal_of([] { (void)parse_kafka_properties("linger.ms=1\nacks=0\n"); }),
            "events.kafka.properties_file: line 2: acks is not for this file");
  EXPECT_EQ(refusal_of([] { (void)parse_kafka_properties("secret"); }),
            "events.kafka.properties_file: line 1: is not name=value");
}

TEST(BrokerSettingsTest, PropertiesThatLibrdkafkaDoesNotTakeAreToldWithoutTheirValue) {
  const auto make = [](const std::string& properties) {
    return refusal_of([&] {
      (void)make_kafka_sink({.brokers = "localhost:9", .topic = "t", .properties = properties, .source = "/shop"});
    });
  };
  EXPECT_EQ(make("no.such=secret"), "events.kafka.properties_file: librdkafka knows no property no.such");
  EXPECT_EQ(make("security.protocol=secret"),
            "events.kafka.properties_file: librdkafka does not take this value of security.protocol");
  EXPECT_EQ(make("linger.ms=1"), "");
}

}  // namespace
}  // namespace flashsale::events
