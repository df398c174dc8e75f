#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"
#include "integration/redis_fixture.hpp"

/// What the scripts of src/redis/lua promise, said a second time over plain maps, one order at a time. Where a script
/// uses Redis's clock, the moment comes from its reply or from the state that it left, never from the clock here.
namespace flashsale::testing {

struct ModelRecord {
  char state = 'h';  ///< held, released, x: refused, withdrawal (of which only state and moment are kept here)
  TimePoint at{};
  OrderLines lines;
  std::string customer_id;
};

struct ModelItem {
  std::int64_t remaining = 0;
  std::int64_t limit = 0;
  std::int64_t stock_version = 0;
  std::int64_t version = 0;
  std::int64_t sellable_from_us = 0;
  // For the books of one epoch: offered = remaining + held + withdrawn + refused.
  std::int64_t offered = 0;
  std::int64_t withdrawn = 0;
  std::int64_t refused = 0;
};

struct ModelEntry {
  std::string id;
  TimePoint at{};
  std::vector<std::pair<OrderId, ModelRecord>> orders;
  std::optional<redis::WithdrawalEntry> withdrawal;
  bool settled = false;  ///< written to PostgreSQL, so it may be trimmed
  redis::ClientHashes client_hashes{};
};

/// The keys of one epoch.
struct EpochKeys {
  std::map<std::int32_t, ModelItem> items;
  std::map<OrderId, ModelRecord> records;
  std::map<std::string, std::int64_t> totals;  ///< "<item>:<customer>" → units
  std::map<std::string, std::int64_t> placed;  ///< customer → orders, ended ones too
  std::vector<ModelEntry> log;
  std::map<OrderId, redis::WithdrawalEntry> withdrawals;  ///< what the records of state w say

  [[nodiscard]] std::int64_t held(std::int32_t item_no) const {
    std::int64_t units = 0;
    for (const auto& [id, record] : records) units += record.state == 'h' ? units_of(record.lines, item_no) : 0;
    return units;
  }
  void add_record(const OrderId& id, const ModelRecord& record) {
    // The refused order of the same key counts already.
    if (!records.contains(id)) ++placed[record.customer_id];
    records[id] = record;
    if (record.state != 'h') return;
    for (const auto& line : record.lines) totals[units_field(line.item_no, record.customer_id)] += line.quantity;
  }
  static std::string units_field(std::int32_t item_no, std::string_view customer_id) {
    return std::to_string(item_no) + ":" + std::string(customer_id);
  }
};

struct ModelFence {
  std::int64_t epoch = 0;  ///< 0: nothing was published since the fence was lost
  std::int64_t rebuilder = 0;
  std::string identity;
  Sale definition;
  std::int64_t opens_from_us = 0;
  std::int64_t rests_until_us = 0;  ///< after a rebuild
  std::string postgres_identity;
};

/// Who calls: the epoch and the identity that an instance believes in.
struct Caller {
  std::int64_t epoch = 0;
  std::string identity;
};

struct SaleModel {
  ModelFence fence;
  std::map<std::int64_t, EpochKeys> epochs;

  [[nodiscard]] bool admits(const Caller& caller) const {
    return fence.epoch != 0 && fence.epoch == caller.epoch && fence.identity == caller.identity && fence.rebuilder == 0;
  }
  EpochKeys& current() { return epochs[fence.epoch]; }

  [[nodiscard]] bool is_open(TimePoint now) const {
    const auto& sale = fence.definition;
    if (now >= sale.ends_at) return false;
    return sale.state == SaleState::open || (sale.state == SaleState::scheduled && now >= sale.starts_at);
  }

  /// The key of an order that was refused is free.
  [[nodiscard]] bool is_replay(const redis::ReservationTerms& terms, const redis::ReservationRequest& request) {
    const auto known = current().records.find(request.id);
    return known != current().records.end() && (terms.reserves_again || known->second.state != 'x');
  }

  [[nodiscard]] redis::Decision decide(const redis::ReservationTerms& terms, const redis::ReservationRequest& request,
                                       TimePoint now) {
    using redis::Decision;
    auto& sale = current();
    if (is_replay(terms, request)) return Decision::replay;
    const bool rests = to_unix_us(now) < fence.rests_until_us;
    const bool in_time = rests && !terms.too_late && fence.definition.state != SaleState::closed;
    if (terms.reserves_again && !in_time) return Decision::too_late;
    if (!terms.reserves_again && rests) return Decision::resting;
    if (terms.replay_only) return Decision::no_order;
    const bool sells = is_open(now) && to_unix_us(now) >= fence.opens_from_us;
    if (!sells && !terms.reserves_again) return Decision::not_open;
    for (const auto& line : request.lines) {
      const auto decision = decide_line(line, request.customer_id, now);
      if (decision != Decision::accepted) return decision;
    }
    if (static_cast<std::int64_t>(sale.log.size()) >= terms.log_entries_max) return Decision::log_full;
    const auto placed = sale.placed.find(std::string(request.customer_id));
    const bool is_last = placed != sale.placed.end() && placed->second >= fence.definition.max_orders_per_customer;
    if (is_last && !terms.reserves_again) return Decision::order_limit;
    return Decision::accepted;
  }

  [[nodiscard]] redis::Decision decide_line(const OrderLine& line, std::string_view customer_id, TimePoint now) {
    using redis::Decision;
    auto& sale = current();
    const auto item = sale.items.find(line.item_no);
    if (item == sale.items.end()) return Decision::unknown_item;
    const bool rests = to_unix_us(now) < item->second.sellable_from_us;
    if (item->second.remaining <= 0 || rests) return Decision::sold_out;
    const auto total = sale.totals.find(EpochKeys::units_field(line.item_no, customer_id));
    const auto owned = total == sale.totals.end() ? 0 : total->second;
    if (item->second.limit > 0 && owned + line.quantity > item->second.limit) return Decision::limit;
    return item->second.remaining < line.quantity ? Decision::sold_out : Decision::accepted;
  }

  /// One after the other, in the order of the batch; what was accepted becomes one entry.
  std::vector<redis::Decision> reserve(const redis::ReservationTerms& terms,
                                       std::span<const redis::ReservationRequest> requests, TimePoint now,
                                       const std::string& entry_id) {
    ModelEntry entry{entry_id, now, {}, {}, false};
    std::vector<redis::Decision> decisions;
    for (const auto& request : requests) {
      decisions.push_back(decide(terms, request, now));
      if (decisions.back() != redis::Decision::accepted) continue;
      const ModelRecord record{
          'h', now, {request.lines.begin(), request.lines.end()}, std::string(request.customer_id)};
      for (const auto& line : request.lines) current().items.at(line.item_no).remaining -= line.quantity;
      current().add_record(request.id, record);
      entry.orders.emplace_back(request.id, record);
      if (!request.client_hash.empty()) entry.client_hashes.emplace(request.id, request.client_hash);
    }
    if (!entry.orders.empty()) current().log.push_back(std::move(entry));
    return decisions;
  }

  /// `rests_us` answers what Redis wrote where an item was empty.
  template <class Rest>
  redis::ReleaseOutcome release(const OrderId& id, bool give_back, Rest rest_of) {
    auto& sale = current();
    const auto found = sale.records.find(id);
    if (found == sale.records.end()) return redis::ReleaseOutcome::absent;
    auto& record = found->second;
    if (record.state != 'h') return redis::ReleaseOutcome::already;
    record.state = give_back ? 'r' : 'x';
    for (const auto& line : record.lines) {
      const auto field = EpochKeys::units_field(line.item_no, record.customer_id);
      auto& total = sale.totals[field];
      total -= line.quantity;
      if (total <= 0) sale.totals.erase(field);
      auto& item = sale.items.at(line.item_no);
      if (give_back) add_units(line.item_no, item, line.quantity, rest_of);
      else item.refused += line.quantity;
    }
    return redis::ReleaseOutcome::done;
  }

  template <class Rest>
  redis::RestockOutcome restock(std::int32_t item_no, std::int64_t version, std::int64_t delta, Rest rest_of) {
    const auto found = current().items.find(item_no);
    if (found == current().items.end()) return redis::RestockOutcome::lost;
    auto& item = found->second;
    if (version <= item.stock_version) return redis::RestockOutcome::old;
    if (version != item.stock_version + 1) return redis::RestockOutcome::gap;
    item.stock_version = version;
    if (delta > 0) {
      item.offered += delta;
      add_units(item_no, item, delta, rest_of);
    }
    return redis::RestockOutcome::done;
  }

  redis::WithdrawReply::Outcome withdraw(const redis::WithdrawalEntry& change, TimePoint at,
                                         const std::string& entry_id) {
    using Outcome = redis::WithdrawReply::Outcome;
    auto& sale = current();
    const auto known = sale.withdrawals.find(change.change_id);
    if (known != sale.withdrawals.end()) {
      const auto& other = known->second;
      const bool same = other.item_no == change.item_no && other.units == change.units && other.who == change.who;
      return same ? Outcome::repeated : Outcome::reused;
    }
    const auto item = sale.items.find(change.item_no);
    if (item == sale.items.end() || item->second.remaining < change.units) return Outcome::not_enough;
    item->second.remaining -= change.units;
    item->second.withdrawn += change.units;
    ++item->second.version;
    sale.records[change.change_id] = {'w', at, {}, ""};
    sale.withdrawals[change.change_id] = change;
    sale.log.push_back({entry_id, at, {}, change, false});
    return Outcome::done;
  }

  redis::CloseFenceReply close_fence(std::int64_t epoch) {
    const redis::CloseFenceReply reply{fence.epoch >= epoch || fence.rebuilder > epoch, fence.epoch};
    if (!reply.superseded) fence.rebuilder = epoch;
    return reply;
  }

  /// `sale.items` as the rebuilder read them; `load` has brought the records.
  redis::PublishOutcome publish(const Sale& sale, const std::string& identity, const std::string& postgres_identity,
                                std::int64_t rests_until_us) {
    if (fence.epoch >= sale.epoch || fence.rebuilder != sale.epoch) return redis::PublishOutcome::superseded;
    fence = {sale.epoch, 0, identity, sale, 0, rests_until_us, postgres_identity};
    for (const auto& from : sale.items) {
      auto& item = current().items[from.item_no];
      item = {from.stock - from.sold, from.limit_per_customer, from.stock_version, sale.epoch * 1'000'000'000, 0};
      item.offered = item.remaining + current().held(from.item_no);
    }
    return redis::PublishOutcome::published;
  }

 private:
  template <class Rest>
  void add_units(std::int32_t item_no, ModelItem& item, std::int64_t units, Rest rest_of) {
    if (item.remaining == 0) item.sellable_from_us = rest_of(item_no);
    item.remaining += units;
    ++item.version;
  }
};

// --- the two states as text, so that a difference can be read ---

inline std::string describe(const ModelRecord& record) {
  std::ostringstream out;
  out << record.state << " at " << to_unix_us(record.at);
  for (const auto& line : record.lines) out << ", " << line.quantity << " of item " << line.item_no;
  out << " for " << record.customer_id;
  return out.str();
}

inline std::string describe(const EpochKeys& keys) {
  std::ostringstream out;
  for (const auto& [no, item] : keys.items) {
    out << "item " << no << ": " << item.remaining << " left, limit " << item.limit << ", stock version "
        << item.stock_version << ", version " << item.version << ", sellable from " << item.sellable_from_us << "\n";
  }
  for (const auto& [id, record] : keys.records) out << "order " << id.to_string() << ": " << describe(record) << "\n";
  for (const auto& [field, units] : keys.totals) out << "units of " << field << ": " << units << "\n";
  for (const auto& [customer, orders] : keys.placed) out << "orders of " << customer << ": " << orders << "\n";
  for (const auto& entry : keys.log) {
    out << "entry " << entry.id << " at " << to_unix_us(entry.at) << "\n";
    for (const auto& [id, record] : entry.orders) out << "  " << id.to_string() << ": " << describe(record) << "\n";
    for (const auto& [id, hash] : entry.client_hashes) out << "  " << id.to_string() << " from " << hash << "\n";
    if (!entry.withdrawal) continue;
    out << "  withdrawal " << entry.withdrawal->change_id.to_string() << ": " << entry.withdrawal->units << " of item "
        << entry.withdrawal->item_no << " by " << entry.withdrawal->who << "\n";
  }
  return out.str();
}

inline std::string describe(const ModelFence& fence) {
  std::ostringstream out;
  if (fence.rebuilder != 0) out << "closed by the rebuilder of epoch " << fence.rebuilder << "\n";
  if (fence.epoch == 0) return out.str();
  const auto& sale = fence.definition;
  out << "epoch " << fence.epoch << " on " << fence.identity << ", version " << sale.version << ", state "
      << static_cast<int>(sale.state) << ", " << to_unix_us(sale.starts_at) << " to " << to_unix_us(sale.ends_at)
      << ", opens from " << fence.opens_from_us << ", rests until " << fence.rests_until_us << ", from "
      << fence.postgres_identity << ", orders of one " << sale.max_orders_per_customer << "\n";
  return out.str();
}

// --- the state that Redis holds, in the model's form ---

using HashFields = std::vector<std::pair<std::string, std::string>>;

inline HashFields read_hash(redis::ReplyView reply) {
  HashFields fields;
  for (std::size_t i = 0; i + 1 < reply.size(); i += 2) fields.emplace_back(reply[i].text(), reply[i + 1].text());
  return fields;
}

inline std::map<std::int32_t, ModelItem> read_items(redis::ReplyView reply) {
  std::map<std::int32_t, ModelItem> items;
  for (const auto& [field, value] : read_hash(reply)) {
    auto& item = items[std::stoi(field)];
    const auto letter = field.substr(field.find(':'));
    if (letter == ":r") item.remaining = std::stoll(value);
    else if (letter == ":l") item.limit = std::stoll(value);
    else if (letter == ":s") item.stock_version = std::stoll(value);
    else if (letter == ":v") item.version = std::stoll(value);
    else if (letter == ":o") item.sellable_from_us = std::stoll(value);
    else ADD_FAILURE() << "no such field of items: " << field;
  }
  return items;
}

inline ModelRecord read_record(std::string_view text) {
  const auto record = redis::parse_order_record(text);
  if (!record) {
    ADD_FAILURE() << "a record that cannot be read";
    return {'?', {}, {}, ""};
  }
  const char state = record->withdrawal ? 'w' : record->held ? 'h' : record->refused ? 'x' : 'r';
  return {state, record->created_at, record->lines, std::string(record->customer_id)};
}

inline ModelEntry read_entry(const redis::PendingEntry& pending) {
  ModelEntry entry{pending.id, pending.created_at, {}, pending.withdrawal, false, pending.client_hashes};
  for (const auto& order : pending.orders) {
    entry.orders.emplace_back(order.id, ModelRecord{'h', order.created_at, order.lines, order.customer_id});
  }
  return entry;
}

inline ModelFence read_fence(redis::ReplyView reply) {
  ModelFence fence;
  for (const auto& [field, value] : read_hash(reply)) {
    if (field == "e") fence.epoch = std::stoll(value);
    else if (field == "r") fence.rebuilder = std::stoll(value);
    else if (field == "i") fence.identity = value;
    else if (field == "v") fence.definition.version = std::stoll(value);
    else if (field == "s") fence.definition.state = static_cast<SaleState>(std::stoi(value));
    else if (field == "a") fence.definition.starts_at = from_unix_us(std::stoll(value));
    else if (field == "z") fence.definition.ends_at = from_unix_us(std::stoll(value));
    else if (field == "f") fence.opens_from_us = std::stoll(value);
    else if (field == "w") fence.rests_until_us = std::stoll(value);
    else if (field == "p") fence.postgres_identity = value;
    else if (field == "c") fence.definition.max_orders_per_customer = std::stoi(value);
    else if (field == "m") continue;  // told by what a pulse leaves out
    else ADD_FAILURE() << "no such field of the fence: " << field;
  }
  return fence;
}

/// The whole state in one round trip: the fence and the keys of these epochs.
inline SaleModel read_state(RedisSale& sale, const std::vector<std::int64_t>& epochs) {
  constexpr std::int64_t kLogEntriesMax = 1'000'000;
  std::vector<redis::Command> commands{{"HGETALL", redis::SaleKeys(sale.id, 0).fence}};
  std::vector<redis::Call<redis::PendingPage>> logs;
  for (const auto epoch : epochs) {
    const redis::SaleKeys keys(sale.id, epoch);
    for (const auto& key : {keys.items, keys.orders, keys.buyers}) commands.push_back({"HGETALL", key});
    logs.push_back(redis::pending(sale.id, epoch, {}, kLogEntriesMax));
    commands.push_back(logs.back().command);
  }
  const auto replies = sale.run_all(commands);
  const auto reply = [&](std::size_t i) { return redis::ReplyView(replies[i].get()); };
  SaleModel state;
  state.fence = read_fence(reply(0));
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    auto& keys = state.epochs[epochs[i]];
    keys.items = read_items(reply(i * 4 + 1));
    for (const auto& [id, text] : read_hash(reply(i * 4 + 2))) {
      keys.records[OrderId::from_bytes(id)] = read_record(text);
    }
    for (const auto& [field, number] : read_hash(reply(i * 4 + 3))) {
      if (field.starts_with(':')) keys.placed[field.substr(1)] = std::stoll(number);
      else keys.totals[field] = std::stoll(number);
    }
    const auto log = logs[i].read(reply(i * 4 + 4)).value();
    EXPECT_EQ(log.unreadable, 0U);
    for (const auto& entry : log.entries) keys.log.push_back(read_entry(entry));
  }
  return state;
}

/// PostgreSQL's part in a history: final orders, stock and its numbered changes.
struct Ledger {
  Sale sale;
  std::map<OrderId, Order> rows;
  std::map<std::int32_t, std::vector<std::int64_t>> changes;  ///< of an item: the delta of version n at n - 1
  std::set<OrderId> withdrawn;

  [[nodiscard]] std::int64_t sold(std::int32_t item_no) const {
    std::int64_t units = 0;
    for (const auto& [id, row] : rows) {
      if (is_live(row.status)) units += units_of(row.lines, item_no);
    }
    return units;
  }
  Item& item(std::int32_t item_no) {
    return *std::find_if(sale.items.begin(), sale.items.end(), [&](const Item& i) { return i.item_no == item_no; });
  }
  void change_stock(std::int32_t item_no, std::int64_t delta) {
    changes[item_no].push_back(delta);
    item(item_no).stock += delta;
    ++item(item_no).stock_version;
  }

  /// Redis is the first check against overselling and has to be right by itself: what it accepted fits (P1).
  void settle(ModelEntry& entry) {
    entry.settled = true;
    for (const auto& [id, record] : entry.orders) {
      const auto row = rows.find(id);
      if (row != rows.end() && !yields(row->second, record)) continue;
      for (const auto& line : record.lines) {
        EXPECT_LE(sold(line.item_no) + line.quantity, item(line.item_no).stock) << "oversold: " << describe(record);
      }
      rows[id] = to_row(id, record, OrderStatus::confirmed);
    }
    if (!entry.withdrawal || !withdrawn.insert(entry.withdrawal->change_id).second) return;
    const auto& change = *entry.withdrawal;
    EXPECT_GE(item(change.item_no).stock - change.units, sold(change.item_no)) << "withdrew what was sold";
    change_stock(change.item_no, -change.units);
  }
  /// A final row, whether the order was written before or not (PROTOCOL R4).
  void end(const OrderId& id, const ModelRecord& record, OrderStatus status) {
    auto& row = rows.try_emplace(id, to_row(id, record, status)).first->second;
    if (yields(row, record)) row = to_row(id, record, status);
    if (is_live(row.status)) row.status = status;
  }
  /// To a later try of its key.
  static bool yields(const Order& row, const ModelRecord& record) {
    return row.status == OrderStatus::rejected && row.created_at < record.at;
  }
  [[nodiscard]] std::vector<Order> all_rows() const {
    std::vector<Order> all;
    for (const auto& [id, row] : rows) all.push_back(row);
    return all;
  }
  static Order to_row(const OrderId& id, const ModelRecord& record, OrderStatus status) {
    Order row;
    row.id = id;
    row.lines = record.lines;
    row.customer_id = record.customer_id;
    row.status = status;
    row.created_at = record.at;
    return row;
  }
};

}  // namespace flashsale::testing
