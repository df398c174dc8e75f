#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flashsale/catalog/order_id_set.hpp"
#include "flashsale/catalog/paused_time.hpp"
#include "flashsale/model/feature_flags.hpp"
#include "flashsale/model/order_id.hpp"
#include "flashsale/model/sale.hpp"

namespace flashsale::catalog {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Redis's clock as one process knows it: a reading that was taken between sending and receiving.
///
/// What passes between two readings of this process's clocks may make the bounds wider, never narrower. So both of
/// sending are taken before the question goes out, and both of receiving after the answer has come, in any order: a
/// suspension between the two then counts as one since sending, or not as one since receiving. What the caller took for
/// `now` was read before: a suspension since then counts, as it does for Redis.
struct RedisClock {
  TimePoint reading{};
  SteadyTime sent_at{};
  SteadyTime received_at{};
  PausedTime paused_at_sending = paused_time();
  PausedTime paused_at_receipt = paused_time();

  /// Redis's clock is now at least `earliest` and at most `latest`.
  [[nodiscard]] TimePoint earliest(SteadyTime now, const PausedTime& paused = paused_time()) const {
    const auto pause = without_jitter(paused.at_least - paused_at_receipt.at_most);
    return reading + std::chrono::duration_cast<std::chrono::microseconds>(now - received_at + pause);
  }
  [[nodiscard]] TimePoint latest(SteadyTime now, const PausedTime& paused = paused_time()) const {
    return reading + std::chrono::duration_cast<std::chrono::microseconds>(age(now, paused));
  }
  /// How old the reading is at most. Whatever is known since then ages by this: it goes on while the machine is
  /// suspended, as Redis and its other clients do.
  [[nodiscard]] std::chrono::nanoseconds age(SteadyTime now, const PausedTime& paused = paused_time()) const {
    return now - sent_at + without_jitter(paused.at_most - paused_at_sending.at_least);
  }

 private:
  /// No machine is suspended for less than this: it is what the readings themselves took.
  static constexpr std::chrono::microseconds kPauseMin{100};
  [[nodiscard]] static std::chrono::nanoseconds without_jitter(std::chrono::nanoseconds pause) {
    return pause > kPauseMin ? pause : std::chrono::nanoseconds(0);
  }
};

/// Live numbers of one item as of the last pulse. `sold_out_ids` is set while nothing of it is sold and the ids of all
/// its orders are known: an id that is not in it cannot have an order.
struct ItemLevels {
  std::int64_t remaining = 0;
  std::int64_t version = 0;
  std::int64_t stock_version = 0;
  std::shared_ptr<const OrderIdSet> sold_out_ids;
  bool held = false;       ///< nothing remains, but some units are not paid yet and may come back
  TimePoint sells_from{};  ///< what remains has come back and is sold from then on, by Redis's clock

  /// Whether Redis sells a unit at that moment of its clock.
  [[nodiscard]] bool sells(TimePoint now) const { return remaining > 0 && now >= sells_from; }
};

/// One sale as of one pulse. Immutable once published.
struct SaleSnapshot {
  std::shared_ptr<const Sale> sale;  ///< as in PostgreSQL; items in the order of `levels`
  bool is_quiet = false;             ///< nothing in it can move, so it is pulsed less often
  bool serving = false;              ///< false: not in Redis under this epoch (being opened or rebuilt)
  bool known_levels = false;         ///< false: never pulsed since this process started
  RedisClock clock;                  ///< of the pulse; its sent_at is what marks and memory of `not open` age from
  std::int64_t redis_version = 0;    ///< definition version in Redis; behind `sale->version` while it is being pushed
  std::int64_t order_records = 0;    ///< orders ever accepted under this epoch
  std::int64_t log_entries = 0;      ///< of the pending log
  std::optional<TimePoint> oldest_entry_at;
  TimePoint resting_until{};  ///< after a rebuild, on Redis's clock
  std::string items_state;    ///< what Redis calls the state that `levels` shows; empty: ask for all
  std::vector<ItemLevels> levels;

  /// Null when the sale has no such item, or no levels are known yet.
  [[nodiscard]] const ItemLevels* find_level(std::int32_t item_no) const;
  [[nodiscard]] bool sold_out_mark_lives(SteadyTime now) const;
  /// Whether an order can have been accepted between this pulse and `now`.
  [[nodiscard]] bool may_have_sold_since(SteadyTime now) const;
  /// True when nobody can have an order here and the sale does not sell at `now`: refused without asking Redis.
  [[nodiscard]] bool surely_not_open(SteadyTime now) const;
};

/// Lets a map of strings be searched by a view.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

/// Where things are in Snapshot::sales; made anew when a sale is added.
struct Index {
  struct ItemPlace {
    std::size_t sale = 0;
    std::size_t item = 0;
  };
  std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>> sales;
  std::unordered_map<std::int32_t, std::size_t> numbers;  ///< by sale_no
  std::unordered_map<std::int32_t, ItemPlace> items;      ///< by item_no
};

/// All sales as of the last pulse.
struct Snapshot {
  std::int64_t directory_version = -1;  ///< -1: nothing loaded yet
  RedisClock clock;
  bool redis_reached = false;         ///< the last pulse got its answers
  bool directory_is_current = false;  ///< all sales that had been announced when the pulse was sent are here
  std::string redis_identity;         ///< of the server that answered it
  std::uint64_t number = 0;           ///< of the snapshot, rising
  std::vector<std::shared_ptr<const SaleSnapshot>> sales;  ///< in the order of their creation
  std::shared_ptr<const Index> index;
  /// As PostgreSQL last said; defaults before that. Never null.
  std::shared_ptr<const FeatureFlags> flags = std::make_shared<const FeatureFlags>();

  OrderIdSalt order_salt;  ///< as PostgreSQL has it

  [[nodiscard]] std::shared_ptr<const SaleSnapshot> find(std::string_view sale_id) const;
  /// By its number, which an order's id names.
  [[nodiscard]] std::shared_ptr<const SaleSnapshot> find(std::int32_t sale_no) const;
  /// Of the sale in `sales`; empty: there is none of this number.
  [[nodiscard]] std::optional<std::size_t> place_of(std::int32_t sale_no) const;

  struct FoundItem {
    const Sale* sale = nullptr;
    const Item* item = nullptr;
  };
  /// Nulls when this process does not know the item (yet).
  [[nodiscard]] FoundItem find_item(std::int32_t item_no) const;
};

}  // namespace flashsale::catalog
