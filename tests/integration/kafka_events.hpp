#pragma once
// Events of tests, and what becomes of them in a topic.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/events/event.hpp"
#include "flashsale/events/kafka_sink.hpp"
#include "flashsale/events/leadership.hpp"
#include "flashsale/postgres/session.hpp"
#include "integration/kafka_reader.hpp"

namespace flashsale::test {

inline constexpr std::string_view kTime = "2026-05-01T10:00:00.123456Z";

inline std::chrono::steady_clock::time_point soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(20);
}

/// In a process that delivers. It keeps nothing in PostgreSQL, so the session leads nowhere.
inline std::unique_ptr<events::Sink> leading_sink(events::KafkaOptions options) {
  static postgres::Session nowhere({}, "nowhere");
  static events::Leadership leadership;
  leadership.set_until(std::chrono::steady_clock::now() + std::chrono::hours(1));
  auto sink = events::make_kafka_sink(std::move(options));
  sink->use(nowhere, leadership);
  return sink;
}

inline events::EventPtr event(std::int64_t position) {
  auto made = std::make_shared<events::Event>();
  made->position = position;
  made->type = EventType::order_confirmed;
  made->partition_key = made->subject = "order-" + std::to_string(position % 7);
  made->id = made->subject + '/' + std::to_string(position);
  made->time = kTime;
  made->data = R"({"n":)" + std::to_string(position) + "}";
  return made;
}

inline std::vector<events::EventPtr> events(std::int64_t first, std::int64_t last) {
  std::vector<events::EventPtr> made;
  for (auto i = first; i <= last; ++i) made.push_back(event(i));
  return made;
}

using PositionsByKey = std::map<std::string, std::vector<std::int64_t>>;

/// Of whole CloudEvents, in the order of the topic.
inline PositionsByKey positions_by_key(const std::vector<KafkaRead>& records) {
  PositionsByKey found;
  for (const auto& record : records)
    found[record.key].push_back(nlohmann::json::parse(record.value)["data"]["n"].get<std::int64_t>());
  return found;
}

/// All from 1 on, those of a key in order.
inline void expect_each_once(const PositionsByKey& by_key, std::int64_t last) {
  std::set<std::int64_t> all;
  for (const auto& [key, positions] : by_key) {
    EXPECT_TRUE(std::ranges::is_sorted(positions)) << key;
    for (const auto position : positions) EXPECT_TRUE(all.insert(position).second) << position << " is there twice";
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(last));
}

}  // namespace flashsale::test
