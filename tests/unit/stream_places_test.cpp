#include "flashsale/api/stream_places.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace flashsale::api {
namespace {

using Refusal = StreamPlaces::Refusal;

TEST(StreamPlacesTest, AnAddressHasSoManyAndOthersAreNoneTheWorse) {
  StreamPlaces places({.streams_max = 10, .streams_of_address_max = 2});
  auto first = places.take("192.0.2.1");
  const auto second = places.take("192.0.2.1");
  EXPECT_TRUE(first.place && second.place);
  EXPECT_EQ(places.take("192.0.2.1").refusal, Refusal::address_has_enough);
  EXPECT_EQ(places.take("192.0.2.2").refusal, Refusal::none);
  first.place = nullptr;
  EXPECT_EQ(places.take("192.0.2.1").refusal, Refusal::none);
}

TEST(StreamPlacesTest, OfIpv6TheNetworkCounts) {
  StreamPlaces places({.streams_max = 10, .streams_of_address_max = 1});
  const auto first = places.take("2001:db8::1");
  EXPECT_EQ(places.take("2001:db8::2").refusal, Refusal::address_has_enough);
  EXPECT_EQ(places.take("2001:db8:0:1::2").refusal, Refusal::none);
}

TEST(StreamPlacesTest, ThereAreSoManyInAllAndEachComesBack) {
  StreamPlaces places({.streams_max = 10, .streams_of_address_max = 10});
  places.bound(3);
  {
    std::vector<StreamPlaces::Taken> taken;
    for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) taken.push_back(places.take(address));
    EXPECT_EQ(places.take("192.0.2.4").refusal, Refusal::all_taken);
    EXPECT_EQ(places.taken(), 3U);
  }
  EXPECT_EQ(places.taken(), 0U);
  EXPECT_TRUE(places.take("192.0.2.4").place);
}

}  // namespace
}  // namespace flashsale::api
