#include "flashsale/postgres/order_writer.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <utility>

#include "archived_rows.hpp"
#include "array_literal.hpp"
#include "distributed.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/check.hpp"
#include "flashsale/model/identifier.hpp"
#include "flashsale/model/rejection_reason.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"
#include "held_rows.hpp"
#include "more_lines.hpp"
#include "order_changes.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// An order of a batch, and where its result goes.
struct Entry {
  const NewOrder* order = nullptr;
  std::size_t place = 0;
};
using Entries = std::span<const Entry>;  // in order of id
using Results = std::vector<WriteResult>;

struct Taken {
  std::int64_t epoch = 0;
  std::int64_t units = 0;
};
using TakenByItem = std::map<std::int32_t, Taken>;  // in the order in which rows are locked

/// All are of one sale.
std::int32_t sale_of(Entries entries) { return entries.front().order->order.id.sale_no(); }

/// `first_place`: where the result of the first one goes.
std::vector<Entry> sorted_by_id(std::span<const NewOrder> orders, std::size_t first_place = 0) {
  std::vector<Entry> entries;
  entries.reserve(orders.size());
  for (const auto& order : orders) entries.push_back({&order, first_place + entries.size()});
  std::ranges::sort(entries, {}, [](const Entry& entry) -> const OrderId& { return entry.order->order.id; });
  FLASHSALE_CHECK(sale_of(entries) == entries.back().order->order.id.sale_no());
  for (std::size_t i = 1; i < entries.size(); ++i) {
    FLASHSALE_CHECK(entries[i - 1].order->order.id != entries[i].order->order.id);
  }
  return entries;
}

std::vector<OrderId> ids_of(Entries entries) {
  std::vector<OrderId> ids;
  for (const auto& entry : entries) ids.push_back(entry.order->order.id);
  return ids;
}

/// Empty when the batch holds one item under two epochs.
std::optional<TakenByItem> units_by_item(Entries entries) {
  TakenByItem taken;
  Taken* last = nullptr;
  std::int32_t last_item_no = 0;
  for (const auto& entry : entries) {
    const Order& order = entry.order->order;
    for (const auto& line : order.lines) {
      if (last == nullptr || last_item_no != line.item_no) {
        last = &taken.try_emplace(line.item_no, Taken{entry.order->epoch, 0}).first->second;
        last_item_no = line.item_no;
      }
      if (last->epoch != entry.order->epoch) return std::nullopt;
      last->units += line.quantity;
    }
  }
  return taken;
}

/// COPY takes rows as C strings.
bool holds_nul(Entries entries) {
  return std::ranges::any_of(
      entries, [](const Entry& entry) { return entry.order->order.customer_id.find('\0') != std::string::npos; });
}

/// Given to everybody beyond the window, so that nobody who is answered has less than it.
constexpr std::chrono::milliseconds kAllowance{500};
/// What may be used up of it before COMMIT, which needs the rest.
constexpr std::chrono::milliseconds kBeforeCommit{200};

/// A batch's payment windows begin when it is committed, by PostgreSQL's clock (PROTOCOL R15). What comes in is when
/// they would end if they had begun when Redis accepted the order.
class PaymentWindows {
 public:
  PaymentWindows(pqxx::transaction_base& tx, Entries entries) : sale_no_(sale_of(entries)) {
    const bool needed = std::ranges::any_of(entries, [](const Entry& entry) { return has_window(entry.order->order); });
    if (!needed) return;
    begin_at_ = read_begin(tx);
  }
  /// Whether they have to begin anew, since what was done in between has taken so long.
  [[nodiscard]] bool are_late(std::chrono::milliseconds slack) const {
    return begin_at_ && Clock::now() > read_at_ + slack;
  }
  /// They begin now, for these orders, which must be written: those among them that still await payment.
  std::unordered_set<OrderId, OrderIdHash> begin_anew(pqxx::transaction_base& tx, std::span<const OrderId> ids) {
    const auto begin_at = read_begin(tx);
    std::unordered_set<OrderId, OrderIdHash> begun;
    const auto later_us = (begin_at - *begin_at_).count();
    for (const auto& row : execute(tx, embedded::orders_put_off_expiry_sql, sale_no_, array_of(ids), later_us)) {
      begun.insert(read_order_id(row[0]));
    }
    begin_at_ = begin_at;
    return begun;
  }
  [[nodiscard]] std::optional<TimePoint> expires_at(const Order& order) const {
    if (!has_window(order)) return std::nullopt;
    return *begin_at_ + (*order.expires_at - order.created_at);
  }

 private:
  static bool has_window(const Order& order) {
    return order.status == OrderStatus::awaiting_payment && order.expires_at.has_value();
  }
  TimePoint read_begin(pqxx::transaction_base& tx) {
    read_at_ = Clock::now();
    return read_time(tx.exec("SELECT clock_timestamp()")[0][0]) + kAllowance;
  }

  using Clock = std::chrono::steady_clock;
  std::int32_t sale_no_;
  std::optional<TimePoint> begin_at_;
  Clock::time_point read_at_{};
};

WriteResult committed(const Order& order, const PaymentWindows& windows) {
  WriteResult result{WriteOutcome::committed, order};
  result.row.expires_at = windows.expires_at(order);
  return result;
}

/// After a COMMIT that has waited, as for a standby, the time of those who are answered now begins now, in a
/// transaction of its own. What fails here costs them a part of it: they are told the time that they have.
void begin_windows_after(pqxx::connection& connection, PaymentWindows& windows, Entries entries, Results& results) {
  if (!windows.are_late(kAllowance)) return;
  std::vector<OrderId> ids;
  for (const auto& entry : entries) {
    const auto& result = results[entry.place];
    if (result.outcome == WriteOutcome::committed && result.row.expires_at) ids.push_back(result.row.id);
  }
  if (ids.empty()) return;
  try {
    pqxx::work tx(connection);
    const auto begun = windows.begin_anew(tx, ids);
    commit(tx);
    for (const auto& entry : entries) {
      if (begun.contains(entry.order->order.id)) results[entry.place] = committed(entry.order->order, windows);
    }
  } catch (const std::exception& error) {
    telemetry::log_warn("buyers have less time to pay than they should",
                        {{"orders", ids.size()}, {"error", error.what()}});
  }
}

/// The text of a row's fields, reused from row to row.
class RowText {
 public:
  using Stream = CopyStream<10>;
  static constexpr Stream::Row kColumns{"sale_no", "order_id",   "created_at",  "item_no",    "quantity",
                                        "status",  "expires_at", "customer_id", "more_items", "more_quantities"};

  const Stream::Row& of(const Order& order, const std::optional<TimePoint>& expires_at) {
    const auto set = [](std::string& text, auto value) { text = std::to_string(value); };
    set(sale_no_, order.id.sale_no());
    id_.clear();
    order.id.append_to(id_);
    created_at_.clear();
    append_rfc3339(created_at_, order.created_at);
    set(item_no_, order.lines.front().item_no);
    set(quantity_, order.lines.front().quantity);
    set(status_, static_cast<int>(order.status));
    expires_at_.clear();
    if (expires_at) append_rfc3339(expires_at_, *expires_at);
    more_ = more_lines(order);
    const bool has_more = !more_.items.empty();
    row_ = {sale_no_.c_str(),
            id_.c_str(),
            created_at_.c_str(),
            item_no_.c_str(),
            quantity_.c_str(),
            status_.c_str(),
            expires_at ? expires_at_.c_str() : nullptr,
            order.customer_id.c_str(),
            has_more ? more_.items.c_str() : nullptr,
            has_more ? more_.quantities.c_str() : nullptr};
    return row_;
  }

 private:
  std::string sale_no_, id_, created_at_, item_no_, quantity_, status_, expires_at_;
  MoreLines more_;
  Stream::Row row_{};
};

/// As parallel arrays.
struct TakenColumns {
  explicit TakenColumns(const TakenByItem& taken) {
    for (const auto& [item_no, one] : taken) {
      items.add(std::int64_t{item_no});
      epochs.add(one.epoch);
      units.add(one.units);
    }
  }
  ArrayLiteral items, epochs, units;
};

/// What has brought the change about.
void note_origin(OrderChange& change, const NewOrder& order) {
  change.trace = order.trace;
  change.client_hash = order.client_hash;
}

/// What a batch tells of orders that had no row.
OutboxRows first_rows(Entries entries, const PaymentWindows& windows) {
  return changes_of(entries, [&](const Entry& entry) {
    const Order& order = entry.order->order;
    auto change = first_row(order, windows.expires_at(order));
    note_origin(change, *entry.order);
    return std::optional(change);
  });
}

/// The same as take_units() for a batch of one item, and tells of its orders, which are all alike.
bool take_units_telling(pqxx::transaction_base& tx, std::int32_t sale_no, const TakenByItem& taken,
                        const OutboxRows::Parameters& told) {
  const auto& [item_no, one] = *taken.begin();
  return execute(tx, embedded::items_take_one_telling_sql, sale_no, item_no, one.epoch, one.units, told.change_no,
                 told.events, told.type, told.order_ids, told.reason, told.expires_at, told.payload)
             .affected_rows() == 1;
}

/// Adds the units to `sold` where epoch and stock allow it. False: an item refused, so roll back.
bool take_units(pqxx::transaction_base& tx, std::int32_t sale_no, const TakenByItem& taken) {
  if (taken.size() == 1) {
    const auto& [item_no, one] = *taken.begin();
    return execute(tx, embedded::items_take_one_sql, sale_no, item_no, one.epoch, one.units).affected_rows() == 1;
  }
  TakenColumns columns(taken);
  const std::string& item_array = columns.items.close();
  // An UPDATE of several rows locks them in any order; two writers would wait for each other crosswise.
  execute(tx, embedded::items_lock_sql, sale_no, item_array);
  const auto updated =
      execute(tx, embedded::items_take_sql, sale_no, item_array, columns.epochs.close(), columns.units.close());
  return static_cast<std::size_t>(updated.affected_rows()) == taken.size();
}

/// The columns of rows that are inserted where none of their id stands, as parallel arrays.
class InsertedColumns {
 public:
  explicit InsertedColumns(std::int32_t sale_no) : sale_no_(sale_no) {}

  void add(const Order& order, const std::optional<TimePoint>& expires_at) {
    ids_.add(order.id);
    times_.add(order.created_at);
    items_.add(std::int64_t{order.lines.front().item_no});
    quantities_.add(std::int64_t{order.lines.front().quantity});
    statuses_.add(static_cast<std::int64_t>(order.status));
    expiries_.add(expires_at);
    customers_.add_text(order.customer_id);
    const auto more = more_lines(order);
    if (more.items.empty()) more_items_.add_null(), more_quantities_.add_null();
    else more_items_.add_text(more.items), more_quantities_.add_text(more.quantities);
  }

  /// Once. The ids that were inserted.
  [[nodiscard]] pqxx::result insert(pqxx::transaction_base& tx) {
    return execute(tx, embedded::orders_insert_sql, sale_no_, ids_.close(), times_.close(), items_.close(),
                   quantities_.close(), statuses_.close(), expiries_.close(), customers_.close(), more_items_.close(),
                   more_quantities_.close());
  }
  /// Once, in one call with the units; none of them exists. False: an item refused, so roll back.
  [[nodiscard]] bool write_batch(pqxx::transaction_base& tx, const TakenByItem& taken, const OutboxRows& told) {
    TakenColumns units(taken);
    const auto rows = told.columns();
    return execute(tx, embedded::batch_write_sql, sale_no_, ids_.close(), times_.close(), items_.close(),
                   quantities_.close(), statuses_.close(), expiries_.close(), customers_.close(), more_items_.close(),
                   more_quantities_.close(), units.items.close(), units.epochs.close(), units.units.close(),
                   rows.change_nos.text(), rows.events.text(), rows.types.text(), rows.order_ids.text(),
                   rows.reasons.text(), rows.expiries.text(), rows.payloads.text())[0][0]
        .as<bool>();
  }
  /// Once. Rows of refusals become these: their ids and counts of changes.
  [[nodiscard]] pqxx::result replace_refusals(pqxx::transaction_base& tx) {
    return execute(tx, embedded::orders_replace_refusals_sql, sale_no_, ids_.close(), times_.close(), items_.close(),
                   quantities_.close(), statuses_.close(), expiries_.close(), customers_.close(), more_items_.close(),
                   more_quantities_.close());
  }

 private:
  std::int32_t sale_no_;
  ArrayLiteral ids_, times_, items_, quantities_, statuses_, expiries_, customers_, more_items_, more_quantities_;
};

enum class Attempt : std::uint8_t { written, refused, bad_data };

void copy_rows(pqxx::transaction_base& tx, Entries entries, const PaymentWindows& windows) {
  RowText text;
  RowText::Stream stream(tx, "orders", RowText::kColumns);
  for (const auto& entry : entries) {
    const Order& order = entry.order->order;
    stream.write(text.of(order, windows.expires_at(order)));
  }
  stream.complete();
}

/// False: an item refused.
bool take_and_tell(pqxx::transaction_base& tx, Entries entries, const TakenByItem& taken,
                   const PaymentWindows& windows) {
  const auto sale_no = sale_of(entries);
  auto told = first_rows(entries, windows);
  const auto only = told.only_row();
  if (only && taken.size() == 1) return take_units_telling(tx, sale_no, taken, *only);
  if (!told.empty()) told.insert(tx, sale_no);
  return take_units(tx, sale_no, taken);
}

/// False: an item refused.
bool write_by_function(pqxx::transaction_base& tx, Entries entries, const TakenByItem& taken,
                       const PaymentWindows& windows) {
  InsertedColumns columns(sale_of(entries));
  for (const auto& entry : entries) columns.add(entry.order->order, windows.expires_at(entry.order->order));
  return columns.write_batch(tx, taken, first_rows(entries, windows));
}

/// The cheap way: nothing of the batch exists yet, and all of it fits. Otherwise nothing is changed.
Attempt write_cheaply(pqxx::connection& connection, Entries entries, const TakenByItem& taken, bool by_function,
                      Results& results) {
  FLASHSALE_FAULT_POINT("journal.before_begin");
  std::optional<pqxx::work> open(connection);
  auto& tx = *open;
  PaymentWindows windows(tx, entries);
  try {
    if (!by_function) copy_rows(tx, entries, windows);
    else if (!write_by_function(tx, entries, taken, windows)) return Attempt::refused;
  } catch (const pqxx::sql_error& error) {
    if (is_refused_data(error)) return Attempt::refused;
    throw;
  } catch (const pqxx::argument_error&) {
    // libpqxx 7 finds ill-formed UTF-8 by itself.
    return Attempt::bad_data;
  }
  FLASHSALE_FAULT_POINT("journal.after_rows");
  if (!by_function && !take_and_tell(tx, entries, taken, windows)) return Attempt::refused;
  // The item's row was waited for.
  if (windows.are_late(kBeforeCommit)) (void)windows.begin_anew(tx, ids_of(entries));
  FLASHSALE_FAULT_POINT("journal.before_commit");
  commit(tx);
  for (const auto& entry : entries) results[entry.place] = committed(entry.order->order, windows);
  open.reset();  // a connection has one transaction at a time
  begin_windows_after(connection, windows, entries, results);
  return Attempt::written;
}

/// A batch in which some orders exist already, or do not fit, or were accepted under an epoch that has passed. One
/// transaction decides them all: first the rows, then the items' locks, as the cheap way does, so that the two
/// cannot deadlock; what turns out not to be sold is then changed before anyone can see it.
class CarefulWrite {
 public:
  CarefulWrite(pqxx::transaction_base& tx, Entries entries)
      : tx_(tx), entries_(entries), sale_no_(sale_of(entries)), windows_(tx, entries) {}

  /// Without commit.
  void run(Results& results) {
    insert();
    FLASHSALE_FAULT_POINT("journal.after_rows");
    find_archived();
    find_earlier_refusals();
    lock_items();
    if (windows_.are_late(kBeforeCommit))
      (void)windows_.begin_anew(tx_, std::vector(inserted_.begin(), inserted_.end()));
    decide(results);
    if (!replacing_.empty()) replace_refusals();
    if (!refused_.empty()) reject();
    if (!stale_.empty()) execute(tx_, embedded::orders_remove_stale_sql, sale_no_, array_of(stale_));
    if (!taken_.empty() && !take_units(tx_, sale_no_, taken_)) throw std::logic_error("a locked item has changed");
    read_existing(results);
    note_decided(results);
  }
  [[nodiscard]] bool has_written() const { return !inserted_.empty() || !replacing_.empty(); }
  /// After the commit.
  void begin_windows(pqxx::connection& connection, Results& results) {
    begin_windows_after(connection, windows_, entries_, results);
  }

 private:
  struct ItemState {
    std::int64_t epoch = 0;
    std::int64_t free = 0;
  };
  struct Refused {
    OrderId id;
    std::string_view reason;
  };

  void insert() {
    InsertedColumns columns(sale_no_);
    for (const auto& entry : entries_) columns.add(entry.order->order, windows_.expires_at(entry.order->order));
    for (const auto& row : columns.insert(tx_)) inserted_.insert(read_order_id(row[0]));
  }

  /// A refusal is written whatever epoch has come since. Should its writer have been away for so long that the order
  /// was made by somebody else and archived with its sale, it must not stand in both tables. In a statement after the
  /// one that has inserted, since that waits for whoever moves the row. Orders that are to be sold need no such look:
  /// of a sale that can be archived their epoch has passed (PROTOCOL R1).
  void find_archived() {
    std::vector<OrderId> refusals;
    for (const auto& entry : entries_) {
      const Order& order = entry.order->order;
      if (order.status == OrderStatus::rejected && inserted_.contains(order.id)) refusals.push_back(order.id);
    }
    if (refusals.empty()) return;
    for (auto& order : read_archived(tx_, sale_no_, array_of(refusals))) archived_.emplace(order.id, std::move(order));
  }

  /// A refusal yields to a later try of its key, so that refusals are not remembered by key. Not to the try that was
  /// refused: submitted again, as by a sweeper, it is of the same moment (PROTOCOL R4). The rows are locked, in order.
  void find_earlier_refusals() {
    std::map<OrderId, TimePoint> tries;
    std::vector<OrderId> ids;
    for (const auto& entry : entries_) {
      const Order& order = entry.order->order;
      if (inserted_.contains(order.id)) continue;
      tries.emplace(order.id, order.created_at);
      ids.push_back(order.id);
    }
    if (ids.empty()) return;
    for (const auto& row : execute(tx_, embedded::orders_lock_refusals_sql, sale_no_, array_of(ids))) {
      const auto id = read_order_id(row[0]);
      if (read_time(row[1]) < tries.at(id)) yielding_.insert(id);
    }
  }
  [[nodiscard]] bool is_decided_here(const OrderId& id) const {
    return inserted_.contains(id) || yielding_.contains(id);
  }

  void lock_items() {
    std::vector<std::int32_t> numbers;
    for (const auto& entry : entries_) {
      const Order& order = entry.order->order;
      if (!is_decided_here(order.id)) continue;
      for (const auto& line : order.lines) numbers.push_back(line.item_no);
    }
    std::ranges::sort(numbers);
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    if (numbers.empty()) return;
    for (const auto& row : execute(tx_, embedded::items_lock_sql, sale_no_, array_of(numbers))) {
      items_[row[0].as<std::int32_t>()] = {row[1].as<std::int64_t>(),
                                           row[2].as<std::int64_t>() - row[3].as<std::int64_t>()};
    }
  }

  /// First come, first served: in the order in which the orders were handed in.
  void decide(Results& results) {
    std::vector<Entry> in_turn(entries_.begin(), entries_.end());
    std::ranges::sort(in_turn, {}, &Entry::place);
    for (const auto& entry : in_turn) {
      if (is_decided_here(entry.order->order.id)) decide_one(entry, results[entry.place]);
    }
  }

  void decide_one(const Entry& entry, WriteResult& result) {
    const Order& order = entry.order->order;
    if (const auto archived = archived_.find(order.id); archived != archived_.end()) {
      stale_.push_back(order.id);
      result = {WriteOutcome::existing, archived->second};
      return;
    }
    if (order.status == OrderStatus::rejected) {
      if (yielding_.contains(order.id)) replacing_.push_back(&order);
      refuse(order, order.reason, result);
      result.outcome = WriteOutcome::recorded;
      return;
    }
    for (const auto& line : order.lines) {
      const auto item = items_.find(line.item_no);
      if (item == items_.end()) return refuse(order, to_string(RejectionReason::unknown_item), result);
      if (item->second.epoch != entry.order->epoch) {
        if (inserted_.contains(order.id)) stale_.push_back(order.id);
        result = {WriteOutcome::stale_epoch, {}};
        return;
      }
    }
    if (yielding_.contains(order.id)) replacing_.push_back(&order);
    const auto fits = [&](const OrderLine& line) { return line.quantity <= items_.at(line.item_no).free; };
    if (!std::ranges::all_of(order.lines, fits)) return refuse(order, to_string(RejectionReason::sold_out), result);
    for (const auto& line : order.lines) {
      items_.at(line.item_no).free -= line.quantity;
      auto& taken = taken_[line.item_no];
      taken.epoch = entry.order->epoch;
      taken.units += line.quantity;
    }
    result = committed(order, windows_);
  }

  void refuse(const Order& order, std::string_view reason, WriteResult& result) {
    refused_.push_back({order.id, reason});
    result = {WriteOutcome::rejected, order};
    result.row.status = OrderStatus::rejected;
    result.row.reason = reason;
    result.row.expires_at.reset();
  }

  void replace_refusals() {
    InsertedColumns columns(sale_no_);
    for (const auto* order : replacing_) columns.add(*order, windows_.expires_at(*order));
    for (const auto& row : columns.replace_refusals(tx_)) changes_[read_order_id(row[0])] = row[1].as<std::int32_t>();
  }

  void reject() {
    ArrayLiteral ids, reasons;
    for (const auto& refused : refused_) {
      ids.add(refused.id);
      reasons.add_text(refused.reason);
    }
    execute(tx_, embedded::orders_reject_sql, sale_no_, ids.close(), reasons.close());
  }

  /// In a statement of its own: the one that met the conflict does not see the row (PROTOCOL R5).
  void read_existing(Results& results) {
    std::map<OrderId, std::size_t> wanted;
    std::vector<OrderId> ids;
    for (const auto& entry : entries_) {
      const OrderId& id = entry.order->order.id;
      if (is_decided_here(id)) continue;
      wanted.emplace(id, entry.place);
      ids.push_back(id);
    }
    if (ids.empty()) return;
    const auto rows = execute(tx_, embedded::orders_find_sql, sale_no_, array_of(ids));
    if (static_cast<std::size_t>(rows.size()) != ids.size()) throw std::logic_error("a row in the way is not there");
    for (const auto& row : rows) {
      Order order = read_order(row);
      const std::size_t place = wanted.at(order.id);
      results[place] = {WriteOutcome::existing, std::move(order)};
    }
  }

  /// What has become of the orders whose rows are of this transaction.
  void note_decided(const Results& results) {
    note_change(tx_, sale_no_, entries_, [&](const Entry& entry) -> std::optional<OrderChange> {
      const auto& result = results[entry.place];
      const bool is_written = result.outcome == WriteOutcome::committed || result.outcome == WriteOutcome::rejected ||
                              result.outcome == WriteOutcome::recorded;
      if (!is_written) return std::nullopt;
      auto change = first_row(result.row, result.row.expires_at);
      note_origin(change, *entry.order);
      if (const auto counted = changes_.find(change.id); counted != changes_.end()) change.change_no = counted->second;
      return change;
    });
  }

  pqxx::transaction_base& tx_;
  Entries entries_;
  std::int32_t sale_no_;
  PaymentWindows windows_;
  std::unordered_set<OrderId, OrderIdHash> inserted_;
  std::unordered_set<OrderId, OrderIdHash> yielding_;  ///< their rows are refusals of earlier tries
  std::vector<const Order*> replacing_;                ///< of these, whose rows they take
  std::map<OrderId, std::int32_t> changes_;            ///< of these, how often they have changed by now
  std::map<OrderId, Order> archived_;
  std::map<std::int32_t, ItemState> items_;
  TakenByItem taken_;
  std::vector<Refused> refused_;
  std::vector<OrderId> stale_;
};

/// `bad_data`: PostgreSQL cannot take one of the rows; nothing is changed.
Attempt write_carefully(pqxx::connection& connection, Entries entries, Results& results) {
  FLASHSALE_FAULT_POINT("journal.before_begin");
  std::optional<pqxx::work> tx(connection);
  CarefulWrite write(*tx, entries);
  try {
    write.run(results);
  } catch (const pqxx::sql_error& error) {
    if (is_refused_data(error)) return Attempt::bad_data;
    throw;
  }
  FLASHSALE_FAULT_POINT("journal.before_commit");
  if (write.has_written()) {
    commit(*tx);
  } else {
    commit_found(*tx);
  }
  tx.reset();  // a connection has one transaction at a time
  write.begin_windows(connection, results);
  return Attempt::written;
}

/// The order as a row that can be stored, so that its rejection stands (PROTOCOL R4, R13).
Order storable(const Order& order) {
  constexpr std::size_t kCustomerBytesMax = 128;
  constexpr TimePoint kEarliest{std::chrono::sys_days{std::chrono::year{2000} / 1 / 1}};
  constexpr TimePoint kLatest{std::chrono::sys_days{std::chrono::year{9999} / 1 / 1}};
  Order out = order;
  out.status = OrderStatus::rejected;
  out.reason = to_string(RejectionReason::data_refused);
  out.expires_at.reset();
  for (auto& line : out.lines) line.quantity = std::clamp(line.quantity, 1, kMaxOrderQuantity);
  const auto disorder = std::ranges::adjacent_find(out.lines, std::ranges::greater_equal{}, &OrderLine::item_no);
  if (disorder != out.lines.end()) out.lines.resize(1);
  out.created_at = std::clamp(order.created_at, kEarliest, kLatest);
  if (is_valid_customer_id(order.customer_id)) return out;
  for (char& c : out.customer_id) {
    if (c < ' ' || c > '~') c = '?';
  }
  out.customer_id.resize(std::min(out.customer_id.size(), kCustomerBytesMax));
  if (out.customer_id.empty()) out.customer_id = "?";
  return out;
}

void write_rejection(pqxx::connection& connection, const Entry& entry, Results& results) {
  const Order row = storable(entry.order->order);
  pqxx::work tx(connection);
  InsertedColumns columns(row.id.sale_no());
  columns.add(row, std::nullopt);
  const auto inserted = columns.insert(tx);
  if (inserted.empty()) {
    const auto rows = execute(tx, embedded::orders_find_sql, row.id.sale_no(), array_of(std::span(&row.id, 1)));
    results[entry.place] = {WriteOutcome::existing, read_order(rows[0])};
    commit_found(tx);
    return;
  }
  if (auto archived = give_way_to_archived(tx, row.id)) {
    results[entry.place] = {WriteOutcome::existing, std::move(*archived)};
    commit(tx);
    return;
  }
  execute(tx, embedded::orders_reject_sql, row.id.sale_no(), array_of(std::span(&row.id, 1)),
          ArrayLiteral().add_text(row.reason).close());
  auto change = first_row(row, std::nullopt);
  note_origin(change, *entry.order);
  note_change(tx, change);
  commit(tx);
  results[entry.place] = {WriteOutcome::rejected, row};
}

/// Halves the batch until the row that cannot be stored is alone. The first half goes first: its orders came first.
Error write_isolating(Session& session, std::span<const NewOrder> orders, std::size_t first_place, Results& results) {
  const auto entries = sorted_by_id(orders, first_place);
  Attempt attempt = Attempt::written;
  if (const Error error =
          session.run([&](pqxx::connection& connection) { attempt = write_carefully(connection, entries, results); })) {
    return error;
  }
  if (attempt == Attempt::written) return {};
  if (entries.size() == 1) {
    return session.run([&](pqxx::connection& connection) { write_rejection(connection, entries[0], results); });
  }
  const std::size_t half = orders.size() / 2;
  if (const Error error = write_isolating(session, orders.first(half), first_place, results)) return error;
  return write_isolating(session, orders.subspan(half), first_place + half, results);
}

/// From so many rows on that it knows of, it looks each of a list up by its key.
constexpr std::int64_t kRowsKnownAtLeast = 8000;

}  // namespace

OrderWriter::OrderWriter(Options options, std::string name, BatchWrite how)
    : by_function_(how == BatchWrite::by_function), session_(std::move(options), std::move(name)) {
  session_.on_connect([this, how](pqxx::connection& connection) {
    if (how == BatchWrite::by_function) return;
    pqxx::nontransaction tx(connection);
    by_function_ = has_citus(tx);
  });
}

Result<std::vector<WriteResult>> OrderWriter::write(std::span<const NewOrder> orders, bool may_exist) {
  Results results(orders.size());
  if (orders.empty()) return results;
  // Not behind them: who has been committed is answered. Nor while something is amiss.
  if (!may_exist && rows_since_look_ >= rows_between_looks_) keep_statistics();
  if (const Error error = write_all(orders, may_exist, results)) return error;
  rows_since_look_ += orders.size();
  return results;
}

Error OrderWriter::write_all(std::span<const NewOrder> orders, bool may_exist, std::vector<WriteResult>& results) {
  const auto entries = sorted_by_id(orders);
  const auto taken = units_by_item(entries);
  if (!may_exist && taken && !holds_nul(entries)) {
    Attempt attempt = Attempt::refused;
    const Error error = session_.run([&](pqxx::connection& connection) {
      attempt = write_cheaply(connection, entries, *taken, by_function_, results);
    });
    if (error || attempt == Attempt::written) return error;
    // A COPY that was broken off on this side leaves the connection in a state not worth reasoning about.
    if (attempt == Attempt::bad_data) session_.disconnect();
  }
  return write_isolating(session_, orders, 0, results);
}

/// The first orders of a sale are when the planner may know of none. (On a distributed server, where the rows are
/// others', it is left to them.)
void OrderWriter::keep_statistics() {
  rows_since_look_ = 0;
  if (by_function_) return;
  bool is_known = false;
  const Error error = session_.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    is_known = !execute(tx, embedded::order_statistics_refresh_sql, kRowsKnownAtLeast)[0][0].as<bool>();
  });
  // In a table with room for very many, a small sample may find none of a few thousand.
  rows_between_looks_ = is_known ? kRowsBetweenLooks : std::min(rows_between_looks_ * 2, kRowsBetweenLooksMax);
  if (error) telemetry::log_warn("the statistics of the orders stay as they are", {{"error", error.message()}});
}

Result<std::set<std::int32_t>> OrderWriter::find_held_items(std::int32_t sale_no, std::set<std::int32_t> item_nos,
                                                            Look look) {
  if (const Error error = keep_held_items(session_, sale_no, item_nos, look)) return error;
  return item_nos;
}

Result<std::set<OrderId>> OrderWriter::find_held_orders(std::int32_t sale_no, std::set<OrderId> ids, Look look) {
  if (const Error error = keep_held_orders(session_, sale_no, ids, look)) return error;
  return ids;
}

}  // namespace flashsale::postgres
