#include "flashsale/postgres/sale_repository.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <random>

#include "array_literal.hpp"
#include "distributed.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flag_rows.hpp"
#include "flashsale/model/identifier.hpp"
#include "flashsale/model/json_text.hpp"
#include "flashsale/postgres/error.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "sale_told.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

constexpr std::int32_t kSaleNoMax = std::numeric_limits<std::int32_t>::max();

/// One JSON object for the log.
class ChangeText {
 public:
  ChangeText& text(std::string_view name, std::string_view value) {
    key(name);
    append_json_string(out_, value);
    return *this;
  }
  ChangeText& number(std::string_view name, std::int64_t value) {
    key(name);
    append_json_number(out_, value);
    return *this;
  }
  ChangeText& raw(std::string_view name, std::string_view json) {
    key(name);
    out_.append(json);
    return *this;
  }
  ChangeText& queue(const QueueSettings& queue) {
    return raw("queue", ChangeText()
                            .raw("enabled", queue.enabled ? "true" : "false")
                            .number("rate_per_s", queue.rate_per_s)
                            .number("prequeue_s", queue.prequeue_s)
                            .close());
  }
  ChangeText& cancellation(CancellableUntil until) {
    return raw("cancellation", ChangeText().text("until", to_string(until)).close());
  }
  std::string close() { return out_ + "}"; }

 private:
  void key(std::string_view name) {
    if (out_.size() > 1) out_.push_back(',');
    append_json_string(out_, name);
    out_.push_back(':');
  }
  std::string out_ = "{";
};

std::string describe(const Sale& sale) {
  std::string items = "[";
  for (const auto& item : sale.items) {
    if (items.size() > 1) items.push_back(',');
    items += ChangeText()
                 .text("sku", item.sku)
                 .number("stock", item.stock)
                 .number("price_amount", item.price.amount)
                 .text("currency", item.price.currency)
                 .number("limit_per_customer", item.limit_per_customer)
                 .close();
  }
  items.push_back(']');
  return ChangeText()
      .text("name", sale.name)
      .text("state", sale.is_draft ? "draft" : to_string(sale.state))
      .text("starts_at", format_rfc3339(sale.starts_at))
      .text("ends_at", format_rfc3339(sale.ends_at))
      .text("payment", to_string(sale.payment))
      .number("payment_window_s", sale.payment_window_s)
      .number("max_orders_per_customer", sale.max_orders_per_customer)
      .number("max_quantity_per_order", sale.max_quantity_per_order)
      .number("payment_attempts", sale.payment_attempts)
      .cancellation(sale.cancellation)
      .queue(sale.queue)
      .raw("rehearsal", sale.rehearsal ? "true" : "false")
      .raw("items", items)
      .close();
}

std::string describe(const SalePatch& patch) {
  ChangeText text;
  if (patch.name) text.text("name", *patch.name);
  if (patch.state) text.text("state", to_string(*patch.state));
  if (patch.starts_at) text.text("starts_at", format_rfc3339(*patch.starts_at));
  if (patch.ends_at) text.text("ends_at", format_rfc3339(*patch.ends_at));
  if (patch.queue) text.queue(*patch.queue);
  if (patch.cancellation) text.cancellation(*patch.cancellation);
  return text.close();
}

std::int64_t read_directory_version(pqxx::transaction_base& tx) {
  return tx.exec("SELECT version FROM directory")[0][0].as<std::int64_t>();
}

void insert_items(pqxx::transaction_base& tx, std::int32_t sale_no, const std::vector<Item>& items) {
  ArrayLiteral skus, names, amounts, currencies, stocks, limits;
  for (const auto& item : items) {
    skus.add_text(item.sku);
    names.add_text(item.name);
    amounts.add(item.price.amount);
    currencies.add_text(item.price.currency);
    stocks.add(item.stock);
    limits.add(std::int64_t{item.limit_per_customer});
  }
  const auto count = static_cast<std::int32_t>(items.size());
  const auto numbers = execute(tx, embedded::item_numbers_take_sql, count)[0][0].as<std::int32_t>();
  execute(tx, embedded::items_insert_sql, sale_no, skus.close(), names.close(), amounts.close(), currencies.close(),
          stocks.close(), limits.close(), numbers);
}

/// From 1 on. By nobody's generator that could be guessed from other numbers.
std::int32_t random_sale_no() {
  std::random_device random;
  return std::uniform_int_distribution<std::int32_t>(1, kSaleNoMax)(random);
}

/// False: its id is taken.
bool insert_sale(pqxx::transaction_base& tx, const Sale& wanted, std::int32_t& sale_no) {
  for (;;) {
    sale_no = random_sale_no();
    const auto inserted =
        execute(tx, embedded::sale_insert_sql, sale_no, wanted.id, wanted.name, static_cast<int>(wanted.state),
                format_rfc3339(wanted.starts_at), format_rfc3339(wanted.ends_at), static_cast<int>(wanted.payment),
                wanted.payment_window_s, wanted.queue.enabled, wanted.queue.rate_per_s, wanted.queue.prequeue_s,
                wanted.rehearsal, wanted.max_orders_per_customer, wanted.max_quantity_per_order, wanted.is_draft,
                wanted.payment_attempts, static_cast<int>(wanted.cancellation));
    if (!inserted.empty()) return true;
    // In a statement of its own, which sees whom that one has waited for. Otherwise the number was taken, not the id.
    if (!execute(tx, "SELECT 1 FROM sales WHERE sale_id = $1", wanted.id).empty()) return false;
  }
}

std::optional<Sale> create_in(pqxx::work& tx, const Sale& wanted, std::string_view who) {
  std::int32_t sale_no = 0;
  if (!insert_sale(tx, wanted, sale_no)) {
    commit_found(tx);
    return std::nullopt;
  }
  insert_items(tx, sale_no, wanted.items);
  write_log(tx, who, "sale.created", wanted.id, describe(wanted));
  publish_sale(tx, sale_no);
  auto created = read_sale(tx, sale_no);
  tell_of_sale(tx, *created, EventType::sale_created, created->state);
  commit(tx);
  return created;
}

bool has_passed(pqxx::transaction_base& tx, TimePoint moment) {
  return execute(tx, "SELECT $1::timestamptz <= clock_timestamp()", format_rfc3339(moment))[0][0].as<bool>();
}

/// As buyers meet it now: new times can open a sale that was over, and it opens and ends once more.
void tell_of_patch(pqxx::transaction_base& tx, const Sale& sale) {
  const auto [told, was_sold_out, state] = read_told(tx, sale);
  if (told == state) tell_of_sale(tx, sale, EventType::sale_changed);
  else tell_of_sale(tx, sale, event_of(state), state);
}

PatchResult patch_in(pqxx::work& tx, std::string_view sale_id, const SalePatch& patch, std::string_view who) {
  using Outcome = PatchResult::Outcome;
  const auto locked =
      execute(tx, "SELECT sale_no FROM sales WHERE sale_id = $1 FOR NO KEY UPDATE", std::string(sale_id));
  if (locked.empty()) return {Outcome::unknown_sale, std::nullopt};
  const auto sale_no = locked[0][0].as<std::int32_t>();
  auto sale = read_sale(tx, sale_no);
  if (sale->state == SaleState::closed && patch.state && *patch.state != SaleState::closed) {
    return {Outcome::closed_for_good, std::move(sale)};
  }
  const auto starts_at = patch.starts_at.value_or(sale->starts_at);
  const auto ends_at = patch.ends_at.value_or(sale->ends_at);
  if (starts_at >= ends_at) return {Outcome::bad_times, std::move(sale)};
  const bool is_to_sell = patch.state == SaleState::open || patch.state == SaleState::scheduled;
  if (is_to_sell && has_passed(tx, ends_at)) return {Outcome::ended, std::move(sale)};
  const auto queue = patch.queue.value_or(sale->queue);
  // A draft that is closed for good was never for the public.
  const bool is_draft = sale->is_draft && patch.state.value_or(SaleState::closed) == SaleState::closed;
  execute(tx, embedded::sale_update_sql, sale_no, patch.name.value_or(sale->name),
          static_cast<int>(patch.state.value_or(sale->state)), format_rfc3339(starts_at), format_rfc3339(ends_at),
          queue.enabled, queue.rate_per_s, queue.prequeue_s, is_draft,
          static_cast<int>(patch.cancellation.value_or(sale->cancellation)));
  write_log(tx, who, "sale.patched", sale_id, describe(patch));
  publish_sale(tx, sale_no);
  sale = read_sale(tx, sale_no);
  tell_of_patch(tx, *sale);
  commit(tx);
  return {Outcome::patched, std::move(sale)};
}

/// What is older than the oldest mark that is kept cannot be judged.
void read_marks(pqxx::transaction_base& tx, std::span<const ServerMark> remembered, DirectoryChanges& changes) {
  ArrayLiteral numbers;
  for (const auto& mark : remembered) numbers.add(mark.number);
  std::map<std::int64_t, std::string> found;
  changes.mark_is_behind = changes.mark_is_fresh = false;
  for (const auto& row : execute(tx, embedded::server_marks_find_sql, numbers.close())) {
    found.emplace(row[0].as<std::int64_t>(), row[1].as<std::string>());
    changes.mark_is_behind = row[2].as<bool>();  // the newest one's comes last
    changes.mark_is_fresh = row[3].as<bool>();
  }
  changes.lost_marks.clear();
  if (found.empty()) return;
  changes.newest_mark = {found.rbegin()->first, found.rbegin()->second};
  for (const auto& mark : remembered) {
    if (mark.number < found.begin()->first) continue;
    const auto same = found.find(mark.number);
    if (same == found.end() || same->second != mark.text) changes.lost_marks.push_back(mark.text);
  }
}

/// Whether somebody has begun anew who missed all of these.
bool have_been_missed(pqxx::transaction_base& tx, const std::string& lost) {
  return !execute(tx, "SELECT FROM server_marks WHERE lost @> $1::text[] LIMIT 1", lost).empty();
}

/// A parameter ends at a NUL, so text with one would be stored cut off.
bool holds_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

}  // namespace

Result<DirectoryChanges> load_directory(Session& session, std::int64_t since_version,
                                        std::span<const ServerMark> remembered) {
  DirectoryChanges changes;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    use_one_snapshot(tx);
    changes.wal_position = tx.exec(std::string(embedded::wal_position_sql))[0][0].as<std::int64_t>();
    read_marks(tx, remembered, changes);
    const auto directory = tx.exec("SELECT version, begun_anew_above, order_salt FROM directory")[0];
    changes.version = directory[0].as<std::int64_t>();
    changes.is_whole = since_version == 0 || since_version <= directory[1].as<std::int64_t>();
    changes.order_salt = OrderIdSalt::parse(directory[2].as<std::string>()).value();
    changes.sales.clear();
    changes.flags.reset();
    if (changes.version <= since_version && !changes.is_whole) return;
    changes.flags = read_feature_flags(tx);
    SaleFilter filter;
    filter.changed_after = changes.is_whole ? 0 : since_version;
    changes.sales = read_sales(tx, filter);
  });
  if (error) return error;
  return changes;
}

Result<std::int64_t> directory_version(Session& session) {
  std::int64_t version = 0;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    version = read_directory_version(tx);
  });
  if (error) return error;
  return version;
}

Error begin_anew(Session& session, std::int64_t above, std::span<const std::string> lost_marks) {
  const std::string lost = array_of(lost_marks);
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    const auto version = tx.exec("SELECT version FROM directory FOR UPDATE")[0][0].as<std::int64_t>();
    // Another instance was first. The version tells that only while nothing was changed since the restore.
    if (lost_marks.empty() ? version > above : have_been_missed(tx, lost)) return;
    // An epoch is raised with the directory version, so none that was ever given out is above that.
    const auto highest = std::max(above, version);
    // No row of a sale is touched: one that somebody has locked would keep all the others waiting.
    execute(tx, "UPDATE directory SET version = $1 + 1, begun_anew_above = $1", highest);
    execute(tx,
            "INSERT INTO server_marks (number, lost) SELECT coalesce(max(number), -1) + 1, $1::text[] FROM"
            " server_marks",
            lost);
    commit(tx);
  });
}

Result<std::optional<Sale>> find_sale(Session& session, std::string_view sale_id) {
  std::optional<Sale> sale;
  if (!is_valid_identifier(sale_id)) return sale;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    use_one_snapshot(tx);
    sale = read_sale(tx, sale_id);
  });
  if (error) return error;
  return sale;
}

Result<std::vector<Sale>> list_sales(Session& session, std::int64_t after_sale_no, std::int32_t limit) {
  std::vector<Sale> sales;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    use_one_snapshot(tx);
    SaleFilter filter;
    filter.after_sale_no = static_cast<std::int32_t>(std::min<std::int64_t>(after_sale_no, kSaleNoMax));
    filter.limit = limit;
    sales = read_sales(tx, filter);
  });
  if (error) return error;
  return sales;
}

Result<std::optional<Sale>> create_sale(Session& session, const Sale& definition, std::string_view who) {
  if (holds_nul(definition.id) || holds_nul(definition.name)) return Error(Failure::data_refused);
  std::optional<Sale> created;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    created = create_in(tx, definition, who);
  });
  if (error) return error;
  return created;
}

Result<PatchResult> patch_sale(Session& session, std::string_view sale_id, const SalePatch& patch,
                               std::string_view who) {
  PatchResult result;
  if (!is_valid_identifier(sale_id)) return PatchResult{PatchResult::Outcome::unknown_sale, std::nullopt};
  if (patch.name && holds_nul(*patch.name)) return Error(Failure::data_refused);
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    result = patch_in(tx, sale_id, patch, who);
  });
  if (error) return error;
  return result;
}

Result<std::optional<std::int64_t>> raise_epoch(Session& session, std::int32_t sale_no, std::int64_t seen_epoch,
                                                std::int64_t above) {
  std::optional<std::int64_t> raised;
  const Error error = session.run([&](pqxx::connection& connection) {
    raised.reset();
    std::optional<pqxx::work> tx_open(connection);
    auto& tx = *tx_open;
    // Waits for each batch in flight that has counted its units, and makes every later one compare the new epoch.
    lock_items(tx, sale_no);
    const auto moved = execute(tx, embedded::sale_raise_epoch_sql, sale_no, seen_epoch, above);
    if (moved.empty()) return;
    const auto epoch = moved[0][0].as<std::int64_t>();
    execute(tx, "UPDATE items SET epoch = $2 WHERE sale_no = $1", sale_no, epoch);
    publish_sale(tx, sale_no);
    commit(tx);
    tx_open.reset();  // a connection has one transaction at a time
    // Whoever rebuilds the sale reads all that was written before.
    see_all_commits(connection);
    raised = epoch;
  });
  if (error) return error;
  return raised;
}

Result<LogBounds> find_log_bounds(Session& session, std::int32_t sale_no) {
  LogBounds bounds;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    const auto rows = execute(tx, "SELECT drained_epoch, reset_epoch FROM sales WHERE sale_no = $1", sale_no);
    if (!rows.empty()) bounds = {rows[0][0].as<std::int64_t>(), rows[0][1].as<std::int64_t>()};
  });
  if (error) return error;
  return bounds;
}

Result<bool> mark_drained(Session& session, std::int32_t sale_no, std::int64_t epoch) {
  bool is_current = false;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    const auto marked =
        execute(tx, "UPDATE sales SET drained_epoch = $2 WHERE sale_no = $1 AND epoch = $2", sale_no, epoch);
    is_current = marked.affected_rows() == 1;
    commit(tx);
  });
  if (error) return Result<bool>(boost::system::in_place_error, error);
  return Result<bool>(boost::system::in_place_value, is_current);
}

Result<std::int64_t> current_epoch(Session& session, std::int32_t sale_no) {
  std::int64_t epoch = 0;
  bool found = false;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    const auto rows = execute(tx, embedded::sale_epoch_sql, sale_no);
    found = !rows.empty();
    if (found) epoch = rows[0][0].as<std::int64_t>();
  });
  if (error) return error;
  if (!found) return Error(Failure::internal);
  return epoch;
}

Result<std::vector<AdminLogEntry>> read_admin_log(Session& session, std::int64_t before_entry_no, std::int32_t limit) {
  const auto read = [](const pqxx::row& row) {
    return AdminLogEntry{row[0].as<std::int64_t>(), read_time(row[1]),        row[2].as<std::string>(),
                         row[3].as<std::string>(),  row[4].as<std::string>(), row[5].as<std::string>()};
  };
  return read_rows<AdminLogEntry>(session, read,
                                  "SELECT entry_no, at, who, action, subject, change FROM admin_log"
                                  " WHERE entry_no < $1 ORDER BY entry_no DESC LIMIT $2",
                                  before_entry_no, limit);
}

}  // namespace flashsale::postgres
