#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/redis/pulse.hpp"

namespace flashsale::catalog {

/// When the pulse of the tests was answered, by Redis's clock.
inline constexpr TimePoint kReading{std::chrono::seconds(1'800'000'000)};

/// A sale that is open from an hour before kReading to an hour after it, under epoch 3, with items 11, 12, …
inline Sale open_sale(std::size_t item_count) {
  Sale sale;
  sale.sale_no = 1;
  sale.id = "sale";
  sale.starts_at = kReading - std::chrono::hours(1);
  sale.ends_at = kReading + std::chrono::hours(1);
  sale.version = 5;
  sale.epoch = 3;
  for (std::size_t i = 0; i < item_count; ++i) {
    Item item;
    item.item_no = static_cast<std::int32_t>(11 + i);
    item.stock_version = 2;
    sale.items.push_back(item);
  }
  return sale;
}

/// A pulse that was answered within a millisecond.
inline RedisClock clock_at(TimePoint reading, SteadyTime sent_at) {
  RedisClock clock;
  clock.reading = reading;
  clock.sent_at = sent_at;
  clock.received_at = sent_at + std::chrono::milliseconds(1);
  return clock;
}

/// The sale as it is served, with 100 units of each item.
inline SaleSnapshot served(const Sale& sale, SteadyTime sent_at = std::chrono::steady_clock::now()) {
  SaleSnapshot snapshot;
  snapshot.sale = std::make_shared<const Sale>(sale);
  snapshot.serving = true;
  snapshot.known_levels = true;
  snapshot.redis_version = sale.version;
  snapshot.clock = clock_at(kReading, sent_at);
  for (const auto& item : sale.items) {
    ItemLevels level;
    level.remaining = 100;
    level.version = 7;
    level.stock_version = item.stock_version;
    snapshot.levels.push_back(level);
  }
  return snapshot;
}

/// What Redis says of such a sale.
inline redis::PulseReply reply_for(const Sale& sale) {
  redis::PulseReply reply;
  reply.lost = false;
  reply.identity = "redis";
  reply.postgres_identity = "postgres";
  reply.version = sale.version;
  reply.items_state = "0:0:1";
  for (const auto& item : sale.items) reply.items.push_back({item.item_no, 100, 7, item.stock_version, {}});
  return reply;
}

}  // namespace flashsale::catalog
