#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/feature_flags.hpp"
#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/server_marks.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// The directory version is one number that every committed change of any sale's definition, stock or epoch, and of any
/// feature flag, raises in the same transaction. Each sale row carries the version of its last change, so readers fetch
/// only what moved.
struct DirectoryChanges {
  std::int64_t version = 0;
  std::int64_t wal_position = 0;  ///< bytes of WAL on disk: never falls, unless PostgreSQL was restored from a backup
  ServerMark newest_mark;
  bool mark_is_behind = false;  ///< something was written since it
  bool mark_is_fresh = false;   ///< it was made just now, so another one may wait
  std::vector<std::string>
      lost_marks;           ///< of those that the caller remembers: the server should have them, and has not
  bool is_whole = false;    ///< every sale there is: what is not among them has gone
  std::vector<Sale> sales;  ///< with their items, in the order of their creation
  OrderIdSalt order_salt;
  std::optional<FeatureFlags> flags;  ///< all of them; empty: nothing has moved
};

/// Sales changed after `since_version` (0, or one of before every sale began anew: all), in one snapshot. `remembered`:
/// marks that were seen in this server.
[[nodiscard]] Result<DirectoryChanges> load_directory(Session& session, std::int64_t since_version,
                                                      std::span<const ServerMark> remembered = {});
[[nodiscard]] Result<std::int64_t> directory_version(Session& session);
/// After PostgreSQL has gone back in time: every sale counts as one of an epoch above all that were given out before
/// until it is rebuilt, so nobody serves what Redis knows of it; the directory gets a version above all. `above` is the
/// highest version that anybody has seen. Nothing when another instance was first, which has missed the same marks or,
/// if it was not a mark that told, has raised the version above that. No sale's row is locked: each waits for itself.
[[nodiscard]] Error begin_anew(Session& session, std::int64_t above, std::span<const std::string> lost_marks = {});
[[nodiscard]] Result<std::optional<Sale>> find_sale(Session& session, std::string_view sale_id);

/// Page of sales in the order of their creation, after the one of this number; 0: from the first.
[[nodiscard]] Result<std::vector<Sale>> list_sales(Session& session, std::int64_t after_sale_no, std::int32_t limit);

/// Inserts sale and items (numbers, version 1, epoch 0 are assigned here) and one log row. Empty: the id exists.
[[nodiscard]] Result<std::optional<Sale>> create_sale(Session& session, const Sale& definition, std::string_view who);

struct SalePatch {
  std::optional<std::string> name;
  std::optional<SaleState> state;
  std::optional<TimePoint> starts_at;
  std::optional<TimePoint> ends_at;
  std::optional<QueueSettings> queue;
  std::optional<CancellableUntil> cancellation;
};
struct PatchResult {
  enum class Outcome : std::uint8_t { patched, unknown_sale, closed_for_good, bad_times, ended };
  Outcome outcome = Outcome::patched;
  std::optional<Sale> sale;  ///< as it stands now, unless unknown
};
/// Raises `version`, writes one log row. A sale whose state is `closed` takes no other state; one that has ended, or
/// would have, is not set to sell (`ended`). Any state but `closed` makes a draft public.
[[nodiscard]] Result<PatchResult> patch_sale(Session& session, std::string_view sale_id, const SalePatch& patch,
                                             std::string_view who);

/// A numbered change of an item's stock (PROTOCOL R12): version n + 1 follows n.
struct StockChange {
  std::int64_t version = 0;
  std::int64_t delta = 0;  ///< negative: units were taken out of Redis before this was written
  std::int64_t stock = 0;  ///< after it
};
struct StockChangeResult {
  enum class Outcome : std::uint8_t { done, repeated, unknown_item, not_enough, stale_epoch, key_reused };
  Outcome outcome = Outcome::done;
  StockChange change;
};
/// Adds `delta` > 0. A `change_id` that was used before is `repeated` with what it did then (or `key_reused` if it
/// asked for something else). One log row.
[[nodiscard]] Result<StockChangeResult> add_stock(Session& session, std::int32_t sale_no, std::int32_t item_no,
                                                  const OrderId& change_id, std::int64_t delta, std::string_view who);
/// Takes `units` > 0 out, which Redis has set aside: conditional on `sold + units <= stock` and the sale's `epoch`.
/// Idempotent by `change_id` like add_stock. `not_enough` is for good for what was set aside under `taken_epoch`, which
/// is `epoch` unless a rebuild writes what an older one has left.
[[nodiscard]] Result<StockChangeResult> withdraw_stock(Session& session, std::int32_t sale_no, std::int32_t item_no,
                                                       const OrderId& change_id, std::int64_t units, std::int64_t epoch,
                                                       std::string_view who,
                                                       std::optional<std::int64_t> taken_epoch = std::nullopt);
[[nodiscard]] Result<std::optional<StockChangeResult>> find_stock_change(Session& session, std::int32_t sale_no,
                                                                         const OrderId& change_id);
/// Changes of an item with version > `after`, in order.
[[nodiscard]] Result<std::vector<StockChange>> stock_changes_after(Session& session, std::int32_t sale_no,
                                                                   std::int32_t item_no, std::int64_t after,
                                                                   std::int32_t limit);

/// Commits epoch + 1, or `above` + 1 if that is more, on the sale and all its item rows, if the epoch still is
/// `seen_epoch`; waits for the order batches in flight, since they lock the same item rows (PROTOCOL R1). Empty:
/// somebody else moved it.
[[nodiscard]] Result<std::optional<std::int64_t>> raise_epoch(Session& session, std::int32_t sale_no,
                                                              std::int64_t seen_epoch, std::int64_t above = 0);
/// Which pending logs can still hold what is not written: none of an epoch below either.
struct LogBounds {
  std::int64_t drained_epoch = 0;  ///< 0: not known
  std::int64_t reset_epoch = 0;    ///< a rehearsal's orders of older epochs are of no interest any more
};
[[nodiscard]] Result<LogBounds> find_log_bounds(Session& session, std::int32_t sale_no);
/// Every log of an epoch below this one is written, or out of sight and given up. False: the epoch is not the sale's
/// any more, nothing was changed.
[[nodiscard]] Result<bool> mark_drained(Session& session, std::int32_t sale_no, std::int64_t epoch);
[[nodiscard]] Result<std::int64_t> current_epoch(Session& session, std::int32_t sale_no);

/// One REPEATABLE READ snapshot of a sale for a rebuild: the sale with its items first, then every order row ever
/// written for it (final ones too), in chunks of at most `chunk` rows. These two return false to stop early.
struct SnapshotReader {
  std::function<bool(const Sale&)> sale;
  std::function<bool(std::span<const Order>)> orders;
  /// If given: told of each final row whose units Redis has not been told of, before the chunk that it is in.
  std::function<void(const Order&)> freed;
};
[[nodiscard]] Error read_snapshot(Session& session, std::int32_t sale_no, const SnapshotReader& reader,
                                  std::int32_t chunk = 1000);

/// What the audit needs of PostgreSQL, in one snapshot (PROTOCOL R17). `pending_with_row` has those `pending_ids` that
/// have a row, with the generation of their units (PROTOCOL R16).
struct ItemAudit {
  std::int32_t item_no = 0;
  std::int64_t stock = 0;
  std::int64_t sold = 0;               ///< items.sold as stored
  std::int64_t live_units = 0;         ///< sum over live rows, all of them
  std::int64_t live_units_until = 0;   ///< sum over live rows with created_at <= until
  std::int64_t freed_units_until = 0;  ///< final rows with created_at <= until whose unit is not given back yet
  std::int64_t freed_units = 0;        ///< all of those
  TimePoint newest{};                  ///< created_at of the latest row that counts among these; none: the epoch
  std::int64_t stock_version = 0;
};
struct SaleAudit {
  std::int64_t epoch = 0;
  std::vector<ItemAudit> items;
  std::map<OrderId, std::int32_t> pending_with_row;
};
[[nodiscard]] Result<SaleAudit> read_audit(Session& session, std::int32_t sale_no, TimePoint until,
                                           std::span<const OrderId> pending_ids);

/// Of the log of changes.
struct AdminLogEntry {
  std::int64_t entry_no = 0;
  TimePoint at{};
  std::string who;
  std::string action;  ///< e.g. sale.created, sale.patched, stock.added
  std::string subject;
  std::string change;  ///< JSON
};
[[nodiscard]] Result<std::vector<AdminLogEntry>> read_admin_log(Session& session, std::int64_t before_entry_no,
                                                                std::int32_t limit);

}  // namespace flashsale::postgres
