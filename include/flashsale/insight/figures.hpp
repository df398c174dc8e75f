#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "flashsale/insight/feed_event.hpp"
#include "flashsale/insight/order_memory.hpp"
#include "flashsale/insight/series.hpp"
#include "flashsale/insight/shared_origins.hpp"
#include "flashsale/insight/top_buyers.hpp"
#include "flashsale/insight/windows.hpp"
#include "flashsale/model/order.hpp"

namespace flashsale::insight {

/// Orders of a series by the status that they have now, as PostgreSQL would sum them.
struct Totals {
  std::map<OrderStatus, Amounts> by_status;
  std::optional<std::int64_t> stock;  ///< of an item: as the sale's last event said
  std::int64_t touched_at = 0;        ///< position of the last event

  /// Units of live orders.
  [[nodiscard]] std::int64_t taken_units() const;
};

/// What a forecast begins with.
struct SellOut {
  std::int64_t remaining_units = 0;
  double units_per_s = 0;                ///< taken, less what came back, over the last minute
  std::optional<std::int64_t> within_s;  ///< if it went on like this; empty: it would not sell out
};

/// Counts what the feed tells. The same events give the same figures, in whatever pages they come and however often:
/// what was counted once is known by its position. Memory is bounded; what has no room is counted as kOthers, so that
/// sums over all series are right.
class Figures {
 public:
  struct Limits {
    std::size_t series_max = 4096;
    std::size_t window_cells_max = 512;
    std::size_t orders_max = 100'000;  ///< remembered: those that can still become something that depends on before
    std::size_t buyers_max = 1000;
    std::size_t origin_pairs_max = 50'000;  ///< see SharedOrigins
  };
  struct Counts {
    std::int64_t events = 0;
    std::int64_t repeated = 0;    ///< came again
    std::int64_t late = 0;        ///< for a window that was not kept any more
    std::int64_t unreadable = 0;  ///< of a kind that is not known here
    std::int64_t rehearsed = 0;   ///< of rehearsals, which count nowhere
    std::int64_t unknown = 0;     ///< about orders whose earlier events were not seen, or may be forgotten
    std::int64_t refunds = 0;     ///< payments that have to go back
    bool operator==(const Counts&) const = default;
  };

  Figures() : Figures(Limits{}) {}
  explicit Figures(const Limits& limits);

  /// From where the first page is read; events up to there are never counted.
  void begin_after(std::int64_t position);
  void take(const FeedPage& page);
  void take(const FeedEvent& event);

  /// Empty: no page was taken.
  [[nodiscard]] std::optional<std::int64_t> position() const { return position_; }
  /// True: everything from the first event on is counted.
  [[nodiscard]] bool is_whole() const { return begun_after_ == 0; }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const std::map<SeriesKey, Totals>& series() const { return series_; }
  [[nodiscard]] const Windows& windows() const { return windows_; }
  [[nodiscard]] const TopBuyers& buyers() const { return buyers_; }
  [[nodiscard]] const SharedOrigins& origins() const { return origins_; }
  /// Of an item whose stock is known. `now`: rates fall when nothing is told any more.
  [[nodiscard]] std::optional<SellOut> sell_out(const SeriesKey& item, TimePoint now) const;

 private:
  friend std::string write_state(const Figures& figures);
  friend class StateReader;

  void take_order(const FeedEvent& event);
  void take_sale(const FeedEvent& event);
  void take_erasure(const FeedEvent& event);
  /// What it was until now. Empty: it is new.
  [[nodiscard]] std::optional<OrderStatus> status_before(const FeedEvent& event, OrderStatus after);
  void remember_or_forget(const std::string& order_id, std::optional<OrderStatus> before, OrderStatus after);
  [[nodiscard]] Totals& totals_of(const SeriesKey& key, std::int64_t position);
  void make_room();

  Limits limits_;
  std::optional<std::int64_t> position_;
  std::optional<std::int64_t> begun_after_;
  Counts counts_;
  std::map<SeriesKey, Totals> series_;
  Windows windows_;
  TopBuyers buyers_;
  SharedOrigins origins_;
  OrderMemory orders_;
};

}  // namespace flashsale::insight
