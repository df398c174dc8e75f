#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "flashsale/catalog/latest_snapshot.hpp"
#include "flashsale/catalog/pending_work.hpp"
#include "flashsale/catalog/upkeep.hpp"
#include "flashsale/checkout/journal.hpp"
#include "flashsale/postgres/erasure_repository.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/workers/periodic_thread.hpp"

namespace flashsale::checkout {

/// Finishes what crashes left behind, on every instance: pending log entries that nobody has settled for a while go to
/// the journal again (the order id makes that harmless), withdrawals of stock and late payments are written, units of
/// final orders are given back to Redis, and it is told whose name was erased (PROTOCOL R3, R12, R13, R14). What is
/// told of customers' behaviour goes when its time is over, whether this instance adds to it or not. One thread.
class Sweeper : public Settlement {
 public:
  struct Options {
    postgres::Options postgres;
    redis::Options redis;
    std::chrono::milliseconds interval{1000};
    std::chrono::milliseconds older_than{3000};
    /// Orders in the journal at once, over all sales; up to as many again may wait there for items that are held.
    std::size_t in_flight_max = 2048;
    /// After a customer's last checkout in a sale. One sale's turn comes with each interval.
    std::chrono::seconds behaviour_keep{30 * 86'400};
    std::chrono::milliseconds behaviour_interval{10'000};
  };

  Sweeper(Options options, catalog::Upkeep& upkeep, Journal& journal, telemetry::Metrics& metrics);
  void start() { thread_.start(); }
  void stop() { thread_.stop(); }

  /// The newest snapshot; any thread.
  void observe(std::shared_ptr<const catalog::Snapshot> snapshot) { snapshot_.set(std::move(snapshot)); }
  void settled(std::vector<SettledOrder> orders) override;

 private:
  /// Final in PostgreSQL: to be released in Redis.
  struct Refused {
    Order row;
    bool with_units = false;
  };
  struct Entry {
    std::shared_ptr<const Sale> sale;
    std::string entry_id;
    std::vector<Order> orders;
    std::size_t unsettled = 0;
    std::vector<Refused> refused;
    catalog::EntryEnd end = catalog::EntryEnd::done;  ///< as far as they are settled
  };

  /// Of a sale whose log's oldest entry lies in the future.
  struct FutureEntry {
    TimePoint at{};               ///< which one it is
    catalog::SteadyTime since{};  ///< when it was seen first
  };

  enum class Swept : std::uint8_t { nothing, some };

  void pass();
  [[nodiscard]] bool is_overdue(const catalog::SaleSnapshot& sale);
  void sweep_log(const catalog::SaleSnapshot& snapshot);
  [[nodiscard]] Swept sweep_entries(const catalog::SaleSnapshot& snapshot);
  [[nodiscard]] bool has_room_for(std::size_t orders);
  [[nodiscard]] std::size_t count_held_back();
  [[nodiscard]] bool is_held_back(const std::vector<Order>& orders) const;
  [[nodiscard]] bool is_let_alone(const Sale& sale, const std::string& entry_id,
                                  const catalog::PendingWork& work) const;
  void request_correction(const std::shared_ptr<const Sale>& sale, const std::string& entry_id);
  void carry_out(const std::shared_ptr<const Sale>& sale, const std::string& entry_id, catalog::WriteOrders work);
  void carry_out(const std::shared_ptr<const Sale>& sale, const std::string& entry_id,
                 const catalog::ConfirmRetake& work);
  void carry_out(const std::shared_ptr<const Sale>& sale, const std::string& entry_id,
                 const catalog::WriteWithdrawal& work);
  void finish_entries();
  void finish_entry(const Entry& entry);
  void give_units_back(const catalog::Snapshot& snapshot);
  void give_units_back(std::int32_t sale_no);
  void drop_old_behaviour(const catalog::Snapshot& snapshot);
  [[nodiscard]] bool has_in_hand(std::int32_t sale_no, std::int64_t epoch, const std::string& entry_id);

  Options options_;
  catalog::Upkeep& upkeep_;
  Journal& journal_;
  telemetry::Metrics& metrics_;
  workers::Stores stores_;                              ///< sweeper thread only
  std::map<std::int32_t, FutureEntry> future_entries_;  ///< by sale_no; sweeper thread only
  std::size_t held_back_ = 0;  ///< orders in the journal that wait for items that somebody holds, as of this pass
  /// Entries that wait for a correction, by sale_no, epoch and id, and until when they are let alone.
  std::map<std::tuple<std::int32_t, std::int64_t, std::string>, std::chrono::steady_clock::time_point> resting_;
  /// What the last pass ended with; empty: from the first.
  std::map<std::int32_t, postgres::FreedOrder> given_back_up_to_;
  std::optional<postgres::ErasedName> names_told_up_to_;
  catalog::SteadyTime behaviour_at_{};  ///< when the next sale's turn comes
  std::size_t behaviour_next_ = 0;      ///< its place in the snapshot

  catalog::LatestSnapshot snapshot_;
  std::mutex mutex_;
  std::map<std::uint64_t, Entry> entries_;  ///< in the journal, by token
  std::uint64_t next_token_ = 1;
  std::size_t in_flight_ = 0;
  bool has_left_some_ = false;      ///< of the quota
  workers::PeriodicThread thread_;  ///< the last: it ends before what it uses
};

}  // namespace flashsale::checkout
