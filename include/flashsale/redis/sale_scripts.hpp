#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/redis/command.hpp"
#include "flashsale/redis/order_record.hpp"
#include "flashsale/redis/reply.hpp"
#include "flashsale/redis/sale_keys.hpp"

/// Typed calls of the Lua scripts, one pair of functions each: make the command, read the reply. They serve the
/// asynchronous and the blocking client alike. `src/redis/lua` documents what each script does.
namespace flashsale::redis {

class SyncClient;

/// Who is asking: the sale under an epoch, on a server of this identity.
struct Fence {
  std::string_view sale_id;
  std::int64_t epoch = 0;
  std::string_view identity;
};

enum class Decision : std::uint8_t {
  accepted,
  replay,
  sold_out,
  limit,
  order_limit,   ///< the customer has placed as many orders as the sale takes of one
  unpaid_pause,  ///< the customer's last orders were left unpaid
  not_open,
  unknown_item,
  log_full,
  resting,   ///< the sale was rebuilt a moment ago: nothing is decided yet
  too_late,  ///< to be reserved again
};

struct ReservationRequest {
  OrderId id;
  std::span<const OrderLine> lines;  ///< at least one
  std::string_view customer_id;
};
struct ReservationReply {
  enum class Outcome : std::uint8_t { decided, lost, late } outcome = Outcome::lost;
  TimePoint now{};
  std::string entry_id;              ///< of the pending log; empty if nothing was accepted
  std::vector<Decision> decisions;   ///< in the order of the requests
  std::vector<std::string> records;  ///< of the replays, in order
};
struct ReservationTerms {
  TimePoint deadline{};              ///< on Redis's clock
  std::int64_t log_entries_max = 0;  ///< of the sale's pending log
  /// Accepted under an older epoch: reserved again while the sale rests, or not at all.
  bool reserves_again = false;
  std::int64_t unpaid_orders_max = 0;  ///< of one customer, after which the next wait; 0: any number
  std::chrono::microseconds unpaid_pause{};
  /// With reserves_again: that was not the epoch just before, so only what the key made since counts.
  bool too_late = false;
};
/// Ids in a batch must be distinct.
[[nodiscard]] Command reserve_command(const Fence& fence, const ReservationTerms& terms,
                                      std::span<const ReservationRequest> requests);
[[nodiscard]] Result<ReservationReply> read_reserve(ReplyView reply, std::size_t request_count);

enum class ReleaseOutcome : std::uint8_t { lost, absent, already, done };
/// `order.status` tells whether it was left unpaid: those count. Without `give_back`, of an order that is `rejected`,
/// the key is free afterwards.
[[nodiscard]] Command release_command(const Fence& fence, const Order& order, bool give_back);
[[nodiscard]] Result<ReleaseOutcome> read_release(ReplyView reply);

struct RetakeTerms {
  TimePoint deadline{};  ///< on Redis's clock
  std::int64_t log_entries_max = 0;
};
struct RetakeReply {
  enum class Outcome : std::uint8_t {
    lost,
    late,
    full,      ///< the pending log: to be tried again
    held,      ///< what the row has has not been given back yet
    repeated,  ///< it is taken already
    sold_out,
    limit,
    done,
  };
  Outcome outcome = Outcome::lost;
  std::int32_t generation = 0;  ///< the new one, when done or repeated
  std::string entry_id;         ///< when done
};
/// Takes an ended order's units again; `row` as PostgreSQL has it (PROTOCOL R16).
[[nodiscard]] Command retake_command(const Fence& fence, const RetakeTerms& terms, const Order& row);
[[nodiscard]] Result<RetakeReply> read_retake(ReplyView reply);

struct PulseItem {
  std::int32_t item_no = 0;
  std::int64_t remaining = 0;
  std::int64_t version = 0;
  std::int64_t stock_version = 0;
  TimePoint sells_from{};  ///< units that came back to the empty item rest until then
};
struct PulseReply {
  bool lost = true;
  std::int64_t fence_epoch = 0;  ///< when lost: what the fence names, 0 if nothing
  std::string identity;
  std::int64_t version = 0;
  std::int64_t order_records = 0;
  std::int64_t log_entries = 0;
  std::optional<TimePoint> oldest_entry_at;  ///< to the millisecond
  bool items_unchanged = false;              ///< they are as the caller knows them, and `items` is empty
  std::vector<PulseItem> items;              ///< in order of item_no
  TimePoint resting_until{};                 ///< after a rebuild; the epoch otherwise
  std::string postgres_identity;             ///< of the server that the sale was published from
  std::string items_state;                   ///< another one whenever an item has changed under this epoch
};
/// `known_items_state`: of an earlier reply under the same epoch, whose items the caller still has.
[[nodiscard]] Command pulse_command(std::string_view sale_id, std::int64_t epoch,
                                    std::string_view known_items_state = {});
[[nodiscard]] Result<PulseReply> read_pulse(ReplyView reply);

struct CloseFenceReply {
  bool superseded = false;
  std::int64_t published_epoch = 0;
};
[[nodiscard]] Command close_fence_command(std::string_view sale_id, std::int64_t epoch);
[[nodiscard]] Result<CloseFenceReply> read_close_fence(ReplyView reply);

/// Loads order records and buyers' totals under the epoch's keys, before publish. `superseded`: the fence is not closed
/// for this epoch.
enum class LoadOutcome : std::uint8_t { superseded, loaded };
[[nodiscard]] std::vector<Command> load_commands(std::string_view sale_id, std::int64_t epoch,
                                                 std::span<const Order> orders);
[[nodiscard]] Result<LoadOutcome> read_load(ReplyView reply);
[[nodiscard]] Command log_length_command(std::string_view sale_id, std::int64_t epoch);
/// Deletes what older epochs have left, whose logs the rebuild of `epoch` has drained; answered as a load is.
[[nodiscard]] Command clear_command(std::string_view sale_id, std::int64_t epoch,
                                    std::span<const std::int64_t> old_epochs);
[[nodiscard]] Result<LoadOutcome> read_clear(ReplyView reply);
/// What was loaded under the epoch's keys.
struct Loaded {
  std::int64_t orders = 0;
  TimePoint newest_at{};  ///< when the last of them was accepted
};
/// `sale.epoch` is the new one; remaining = stock - sold. `incomplete`: what was loaded is not all there.
[[nodiscard]] Command publish_command(const Sale& sale, const Loaded& loaded, std::string_view identity,
                                      std::string_view postgres_identity);
enum class PublishOutcome : std::uint8_t { superseded, incomplete, published };
[[nodiscard]] Result<PublishOutcome> read_publish(ReplyView reply);

enum class ConfigureOutcome : std::uint8_t { lost, old, done };
[[nodiscard]] Command configure_command(const Sale& sale, std::string_view identity);
[[nodiscard]] Result<ConfigureOutcome> read_configure(ReplyView reply);

enum class RestockOutcome : std::uint8_t { lost, old, gap, done };
/// `delta` < 0 only raises the version: its units were taken by withdraw.
[[nodiscard]] Command restock_command(const Fence& fence, std::int32_t item_no, std::int64_t version,
                                      std::int64_t delta);
[[nodiscard]] Result<RestockOutcome> read_restock(ReplyView reply);

struct WithdrawReply {
  enum class Outcome : std::uint8_t { lost, late, repeated, reused, not_enough, done } outcome = Outcome::lost;
  std::int64_t remaining = 0;  ///< when not enough
  std::string entry_id;
};
[[nodiscard]] Command withdraw_command(const Fence& fence, TimePoint deadline, const WithdrawalEntry& entry);
[[nodiscard]] Result<WithdrawReply> read_withdraw(ReplyView reply);

struct FindReply {
  bool lost = true;
  std::vector<std::optional<std::string>> records;  ///< in the order of the ids; empty: there is surely none
};
/// At most kFindAtOnce ids.
[[nodiscard]] Command find_orders_command(const Fence& fence, std::span<const OrderId> ids);
[[nodiscard]] Result<FindReply> read_find_orders(ReplyView reply, std::size_t id_count);
inline constexpr std::size_t kFindAtOnce = 256;

enum class RenameOutcome : std::uint8_t { lost, done };
/// Puts the pseudonym in the place of the customer of these orders, at most kFindAtOnce.
[[nodiscard]] Command rename_command(const Fence& fence, std::string_view pseudonym, std::span<const OrderId> ids);
[[nodiscard]] Result<RenameOutcome> read_rename(ReplyView reply);

struct AuditReply {
  enum class Outcome : std::uint8_t { lost, too_long, ok } outcome = Outcome::lost;
  TimePoint now{};
  std::vector<PulseItem> items;
  std::vector<PendingEntry> pending;
  std::int64_t order_records = 0;  ///< ever accepted under this epoch
};
[[nodiscard]] Command audit_command(const Fence& fence, std::int64_t log_entries_max);
[[nodiscard]] Result<AuditReply> read_audit(ReplyView reply);

/// Deletes exact entries of the pending log; harmless when they are gone (R13).
[[nodiscard]] Command trim_command(std::string_view sale_id, std::int64_t epoch,
                                   std::span<const std::string> entry_ids);
/// The oldest entries after `after` (exclusive; empty: from the start).
[[nodiscard]] Command pending_command(std::string_view sale_id, std::int64_t epoch, std::string_view after,
                                      std::int64_t count);
/// The same for one entry: it alone, or nothing when it is gone.
[[nodiscard]] Command pending_entry_command(std::string_view sale_id, std::int64_t epoch, std::string_view entry_id);
/// Entries that cannot be read are counted in `unreadable` and left where they are.
[[nodiscard]] Result<std::vector<PendingEntry>> read_pending(ReplyView reply, std::size_t& unreadable);

/// Order ids of a sale, page by page (HSCAN): 64-bit hashes for the sold-out mark.
[[nodiscard]] Command scan_orders_command(std::string_view sale_id, std::int64_t epoch, std::string_view cursor);
/// Appends the hashes; gives the next cursor ("0": that was the last page).
[[nodiscard]] Result<std::string> read_scan_orders(ReplyView reply, std::vector<std::uint64_t>& hashes);

/// Raises the directory version that every pulse reads; never lowers it.
[[nodiscard]] Command raise_directory_command(std::int64_t version);
/// The same for PostgreSQL's WAL position. `is_less`: it may be lower than before.
[[nodiscard]] Command raise_wal_command(std::string_view postgres_identity, std::int64_t position, bool is_less);
[[nodiscard]] Command read_directory_command();
[[nodiscard]] Command read_wal_command(std::string_view postgres_identity);
/// The last mark that was seen in a PostgreSQL server (ServerMark).
[[nodiscard]] Command tell_mark_command(std::string_view postgres_identity, std::int64_t number, std::string_view mark);
[[nodiscard]] Command read_mark_command(std::string_view postgres_identity);
/// Number and text. Empty: Redis knows of none.
[[nodiscard]] std::optional<std::pair<std::int64_t, std::string>> read_mark(ReplyView reply);
/// Of a version or position. Empty: the key is not there, Redis has lost it.
[[nodiscard]] std::optional<std::int64_t> read_raised(ReplyView reply);

/// Redis's clock, the one clock for selling (R15).
[[nodiscard]] Command clock_command();
/// The epoch when the reply is no moment.
[[nodiscard]] TimePoint read_clock(ReplyView reply);
/// Asks for it; blocking.
[[nodiscard]] Result<TimePoint> read_clock(SyncClient& client);

/// Takes a short lease, keeps it, or (`duration` 0) gives it back. No promise rests on a lease.
[[nodiscard]] Command lease_command(std::string_view sale_id, std::string_view kind, std::string_view holder,
                                    std::chrono::milliseconds duration);
[[nodiscard]] bool read_lease(ReplyView reply);

/// Deletes all keys of a sale that is served no more.
[[nodiscard]] Command forget_sale_command(std::string_view sale_id, std::int64_t epoch);
/// Deletes the keys of an old epoch.
[[nodiscard]] Command forget_epoch_command(std::string_view sale_id, std::int64_t epoch);

}  // namespace flashsale::redis
