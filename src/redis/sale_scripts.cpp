#include "flashsale/redis/sale_scripts.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>
#include <unordered_map>

#include "flashsale/model/check.hpp"
#include "flashsale/model/selling_times.hpp"
#include "flashsale/redis/error.hpp"
#include "flashsale/redis/sync_client.hpp"
#include "script.hpp"

namespace flashsale::redis {
namespace {

/// Order ids one HSCAN page asks for: a page stays well under a millisecond of Redis's time.
constexpr std::int64_t kScanPage = 500;
/// Rows of one call of `load`, and lines of theirs: its arguments have to fit on Lua's stack, which holds about 8000.
constexpr std::size_t kLoadChunk = 500;
constexpr std::size_t kLoadChunkLines = 1000;
/// Of keys that are being loaded: far above what a load takes from one call to the next.
constexpr std::int64_t kUnpublishedLifeMs = 600'000;
constexpr std::int64_t kClockMaxS = 253'402'300'799;  // the end of the year 9999: microseconds of it fit in 64 bits

/// EVALSHA with its keys; the caller adds `argument_count` arguments.
Command evalsha(std::string_view name, std::initializer_list<std::string_view> keys, std::size_t argument_count) {
  Command command(3 + keys.size() + argument_count);
  command.add("EVALSHA").add(script(name).sha1).add(static_cast<std::int64_t>(keys.size()));
  for (const auto key : keys) command.add(key);
  return command;
}

std::string mark_key(std::string_view postgres_identity) {
  return std::string(kMarkKeyPrefix).append(postgres_identity);
}

std::string wal_key(std::string_view postgres_identity) { return std::string(kWalKeyPrefix).append(postgres_identity); }

Command raise_number(std::string_view key, std::int64_t number) {
  auto command = evalsha("raise_number", {key}, 1);
  command.add(number);
  return command;
}

/// How many of the orders, which are not none, go into one call of `load`.
std::size_t load_chunk_size(std::span<const Order> orders) {
  std::size_t size = 1;
  std::size_t lines = orders.front().lines.size();
  while (size < std::min(kLoadChunk, orders.size()) && lines + orders[size].lines.size() <= kLoadChunkLines) {
    lines += orders[size++].lines.size();
  }
  return size;
}

/// Item number and quantity of each line, as `release` and `retake` take them.
void add_lines(Command& command, const Order& order) {
  for (const auto& line : order.lines) {
    command.add(static_cast<std::int64_t>(line.item_no)).add(static_cast<std::int64_t>(line.quantity));
  }
}

/// What the stores remember of one customer's orders, ended ones too.
struct PlacedOrders {
  std::int64_t count = 0;
  std::int64_t unpaid = 0;  ///< left so until their time was over
  TimePoint last_unpaid_at{};

  void add(const Order& order) {
    ++count;
    if (order.status != OrderStatus::expired) return;
    ++unpaid;
    last_unpaid_at = std::max(last_unpaid_at, order.expires_at.value_or(order.created_at));
  }
};

Error protocol_error() { return make_error_code(Failure::protocol); }

std::optional<Decision> parse_decision(char code) {
  switch (code) {
    case 'a': return Decision::accepted;
    case 'r': return Decision::replay;
    case 's': return Decision::sold_out;
    case 'l': return Decision::limit;
    case 'm': return Decision::order_limit;
    case 'u': return Decision::unpaid_pause;
    case 'n': return Decision::not_open;
    case 'i': return Decision::unknown_item;
    case 'o': return Decision::log_full;
    case 'w': return Decision::resting;
    case 'x': return Decision::too_late;
    default: return std::nullopt;
  }
}

/// The items hash, `<item_no>:<letter>` → value, as one value an item.
std::vector<PulseItem> read_items(ReplyView fields) {
  std::map<std::int32_t, PulseItem> items;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    const auto name = fields[i].text();
    std::int32_t item_no = 0;
    const auto end = std::from_chars(name.data(), name.data() + name.size(), item_no).ptr;
    const auto letter = name.substr(static_cast<std::size_t>(end - name.data()));
    auto& item = items[item_no];
    item.item_no = item_no;
    if (letter == ":r") item.remaining = fields[i + 1].number();
    if (letter == ":v") item.version = fields[i + 1].number();
    if (letter == ":s") item.stock_version = fields[i + 1].number();
    if (letter == ":o") item.sells_from = from_unix_us(fields[i + 1].number());
  }
  std::vector<PulseItem> result;
  result.reserve(items.size());
  for (auto& [item_no, item] : items) result.push_back(item);
  return result;
}

/// A stream id begins with milliseconds of Redis's clock.
std::optional<TimePoint> stream_id_time(std::string_view id) {
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), ms);
  if (error != std::errc{} || ms < 0 || ms / 1000 > kClockMaxS) return std::nullopt;
  return from_unix_us(ms * 1000);
}

}  // namespace

Command reserve_command(const Fence& fence, const ReservationTerms& terms,
                        std::span<const ReservationRequest> requests) {
  std::vector<std::int32_t> items;
  std::size_t line_count = 0;
  for (const auto& request : requests) {
    line_count += request.lines.size();
    for (const auto& line : request.lines) {
      if (std::ranges::find(items, line.item_no) == items.end()) items.push_back(line.item_no);
    }
  }
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("reserve", {keys.fence, keys.items, keys.orders, keys.buyers, keys.log},
                         8 + items.size() + line_count * 5);
  command.add(fence.epoch).add(fence.identity).add(to_unix_us(terms.deadline)).add(terms.log_entries_max);
  command.add(!terms.reserves_again ? "0" : terms.too_late ? "2" : "1");
  command.add(terms.unpaid_orders_max).add(std::int64_t{terms.unpaid_pause.count()});
  command.add(static_cast<std::int64_t>(items.size()));
  for (const auto item_no : items) command.add(static_cast<std::int64_t>(item_no));
  std::string payload;
  for (const auto& request : requests) {
    payload.clear();
    append_order_payload(payload, request.lines, request.customer_id);
    bool is_first = true;
    for (const auto& line : request.lines) {
      const auto index = std::ranges::find(items, line.item_no) - items.begin() + 1;
      command.add(is_first ? request.id.bytes() : std::string_view{}).add(static_cast<std::int64_t>(index));
      command.add(buyer_field(line.item_no, request.customer_id));
      command.add(static_cast<std::int64_t>(line.quantity))
          .add(is_first ? std::string_view(payload) : std::string_view{});
      is_first = false;
    }
  }
  return command;
}

Result<ReservationReply> read_reserve(ReplyView reply, std::size_t request_count) {
  ReservationReply result;
  const auto outcome = reply[0].text();
  if (outcome == "lost") return result;
  if (outcome == "late") {
    result.outcome = ReservationReply::Outcome::late;
    return result;
  }
  const auto codes = reply[2].text();
  if (outcome != "ok" || codes.size() != request_count) return protocol_error();
  result.outcome = ReservationReply::Outcome::decided;
  result.now = from_unix_us(reply[1].number());
  result.entry_id = reply[3].text();
  result.decisions.reserve(codes.size());
  for (const char code : codes) {
    const auto decision = parse_decision(code);
    if (!decision) return protocol_error();
    result.decisions.push_back(*decision);
  }
  for (std::size_t i = 0; i < reply[4].size(); ++i) result.records.emplace_back(reply[4][i].text());
  const auto replays = std::count(result.decisions.begin(), result.decisions.end(), Decision::replay);
  if (static_cast<std::size_t>(replays) != result.records.size()) return protocol_error();
  return result;
}

Command release_command(const Fence& fence, const Order& order, bool give_back) {
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("release", {keys.fence, keys.items, keys.orders, keys.buyers}, 6 + 2 * order.lines.size());
  command.add(fence.epoch).add(fence.identity).add(order.id.bytes());
  const std::string_view returned = order.status == OrderStatus::expired ? "2" : "1";
  const std::string_view unreturned = order.status == OrderStatus::rejected ? "x" : "0";
  command.add(give_back ? returned : unreturned)
      .add(std::int64_t{kRestockRest.count()})
      .add(static_cast<std::int64_t>(order.generation));
  add_lines(command, order);
  return command;
}

Command retake_command(const Fence& fence, const RetakeTerms& terms, const Order& row) {
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command =
      evalsha("retake", {keys.fence, keys.items, keys.orders, keys.buyers, keys.log}, 7 + 2 * row.lines.size());
  command.add(fence.epoch).add(fence.identity).add(to_unix_us(terms.deadline)).add(row.id.bytes());
  command.add(static_cast<std::int64_t>(row.generation));
  std::string payload;
  append_order_payload(payload, row.lines, row.customer_id);
  command.add(payload).add(terms.log_entries_max);
  add_lines(command, row);
  return command;
}

Result<RetakeReply> read_retake(ReplyView reply) {
  using Outcome = RetakeReply::Outcome;
  constexpr std::array<std::pair<std::string_view, Outcome>, 8> kOutcomes{{
      {"lost", Outcome::lost},
      {"late", Outcome::late},
      {"full", Outcome::full},
      {"held", Outcome::held},
      {"repeated", Outcome::repeated},
      {"sold_out", Outcome::sold_out},
      {"limit", Outcome::limit},
      {"done", Outcome::done},
  }};
  const auto known = std::ranges::find(kOutcomes, reply[0].text(), &std::pair<std::string_view, Outcome>::first);
  if (known == kOutcomes.end()) return protocol_error();
  RetakeReply result;
  result.outcome = known->second;
  const bool is_taken = result.outcome == Outcome::done || result.outcome == Outcome::repeated;
  if (is_taken) result.generation = static_cast<std::int32_t>(reply[1].number());
  if (result.outcome == Outcome::done) result.entry_id = reply[2].text();
  return result;
}

Result<ReleaseOutcome> read_release(ReplyView reply) {
  const auto outcome = reply.text();
  if (outcome == "lost") return ReleaseOutcome::lost;
  if (outcome == "absent") return ReleaseOutcome::absent;
  if (outcome == "released") return ReleaseOutcome::already;
  if (outcome == "done") return ReleaseOutcome::done;
  return protocol_error();
}

Command pulse_command(std::string_view sale_id, std::int64_t epoch, std::string_view known_items_state) {
  const SaleKeys keys(sale_id, epoch);
  auto command = evalsha("pulse", {keys.fence, keys.items, keys.orders, keys.log}, 2);
  command.add(epoch).add(known_items_state);
  return command;
}

Result<PulseReply> read_pulse(ReplyView reply) {
  PulseReply result;
  const auto outcome = reply[0].text();
  if (outcome == "lost") {
    result.fence_epoch = reply[1].number();
    return result;
  }
  if (outcome != "ok") return protocol_error();
  result.lost = false;
  result.identity = reply[1].text();
  result.version = reply[2].number();
  result.order_records = reply[3].number();
  result.log_entries = reply[4].number();
  result.oldest_entry_at = stream_id_time(reply[5].text());
  result.items_unchanged = reply[6].is_nil();
  result.items = read_items(reply[6]);
  result.resting_until = from_unix_us(reply[7].number());
  result.postgres_identity = reply[8].text();
  result.items_state = reply[9].text();
  return result;
}

Command close_fence_command(std::string_view sale_id, std::int64_t epoch) {
  const SaleKeys keys(sale_id, epoch);
  auto command = evalsha("close_fence", {keys.fence}, 1);
  command.add(epoch);
  return command;
}

Result<CloseFenceReply> read_close_fence(ReplyView reply) {
  const auto outcome = reply[0].text();
  if (outcome != "closed" && outcome != "superseded") return protocol_error();
  return CloseFenceReply{outcome == "superseded", reply[1].number()};
}

std::vector<Command> load_commands(std::string_view sale_id, std::int64_t epoch, std::span<const Order> orders) {
  const SaleKeys keys(sale_id, epoch);
  std::vector<Command> commands;
  while (!orders.empty()) {
    const auto chunk = orders.first(load_chunk_size(orders));
    orders = orders.subspan(chunk.size());
    std::unordered_map<std::string, std::int64_t> units;
    std::unordered_map<std::string, PlacedOrders> placed;
    for (const auto& order : chunk) {
      placed[customer_field(order.customer_id)].add(order);
      if (!is_live(order.status)) continue;
      for (const auto& line : order.lines) units[buyer_field(line.item_no, order.customer_id)] += line.quantity;
    }
    auto command = evalsha("load", {keys.fence, keys.orders, keys.buyers},
                           4 + 2 * (chunk.size() + units.size()) + 4 * placed.size());
    command.add(epoch).add(kUnpublishedLifeMs);
    command.add(static_cast<std::int64_t>(chunk.size())).add(static_cast<std::int64_t>(units.size()));
    for (const auto& order : chunk) command.add(order.id.bytes()).add(make_order_record(order));
    for (const auto& [field, total] : units) command.add(field).add(total);
    for (const auto& [field, of_customer] : placed) {
      command.add(field).add(of_customer.count).add(of_customer.unpaid).add(to_unix_us(of_customer.last_unpaid_at));
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

Result<LoadOutcome> read_load(ReplyView reply) {
  if (reply.text() == "OK") return LoadOutcome::loaded;
  if (reply.text() == "superseded") return LoadOutcome::superseded;
  return protocol_error();
}

Command log_length_command(std::string_view sale_id, std::int64_t epoch) {
  return Command{"XLEN", SaleKeys(sale_id, epoch).log};
}

Command clear_command(std::string_view sale_id, std::int64_t epoch, std::span<const std::int64_t> old_epochs) {
  Command command(4 + 4 * old_epochs.size() + 1);
  command.add("EVALSHA").add(script("clear").sha1).add(static_cast<std::int64_t>(1 + 4 * old_epochs.size()));
  command.add(SaleKeys(sale_id, epoch).fence);
  for (const auto old : old_epochs) {
    const SaleKeys keys(sale_id, old);
    command.add(keys.items).add(keys.orders).add(keys.buyers).add(keys.log);
  }
  command.add(epoch);
  return command;
}

Result<LoadOutcome> read_clear(ReplyView reply) { return read_load(reply); }

Command publish_command(const Sale& sale, const Loaded& loaded, std::string_view identity,
                        std::string_view postgres_identity) {
  const SaleKeys keys(sale.id, sale.epoch);
  auto command =
      evalsha("publish", {keys.fence, keys.items, keys.orders, keys.buyers, keys.log}, 11 + sale.items.size() * 4);
  command.add(sale.epoch).add(identity).add(static_cast<std::int64_t>(sale.state));
  command.add(to_unix_us(sale.starts_at)).add(to_unix_us(sale.ends_at)).add(sale.version);
  // Nobody can hold a sold-out mark of a sale that is published for the first time.
  command.add(std::int64_t{sale.epoch > 1 ? kRestockRest.count() : 0}).add(postgres_identity);
  command.add(static_cast<std::int64_t>(sale.max_orders_per_customer));
  command.add(loaded.orders).add(to_unix_us(loaded.newest_at));
  for (const auto& item : sale.items) {
    command.add(static_cast<std::int64_t>(item.item_no)).add(item.stock - item.sold);
    command.add(static_cast<std::int64_t>(item.limit_per_customer)).add(item.stock_version);
  }
  return command;
}

Result<PublishOutcome> read_publish(ReplyView reply) {
  if (reply.text() == "published") return PublishOutcome::published;
  if (reply.text() == "incomplete") return PublishOutcome::incomplete;
  if (reply.text() == "superseded") return PublishOutcome::superseded;
  return protocol_error();
}

Command configure_command(const Sale& sale, std::string_view identity) {
  const SaleKeys keys(sale.id, sale.epoch);
  auto command = evalsha("configure", {keys.fence}, 7);
  command.add(sale.epoch).add(identity).add(sale.version).add(static_cast<std::int64_t>(sale.state));
  command.add(to_unix_us(sale.starts_at)).add(to_unix_us(sale.ends_at)).add(std::int64_t{kOpeningRest.count()});
  return command;
}

Result<ConfigureOutcome> read_configure(ReplyView reply) {
  if (reply.text() == "lost") return ConfigureOutcome::lost;
  if (reply.text() == "old") return ConfigureOutcome::old;
  if (reply.text() == "done") return ConfigureOutcome::done;
  return protocol_error();
}

Command restock_command(const Fence& fence, std::int32_t item_no, std::int64_t version, std::int64_t delta) {
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("restock", {keys.fence, keys.items}, 6);
  command.add(fence.epoch).add(fence.identity).add(static_cast<std::int64_t>(item_no)).add(version);
  command.add(std::max<std::int64_t>(delta, 0)).add(std::int64_t{kRestockRest.count()});
  return command;
}

Result<RestockOutcome> read_restock(ReplyView reply) {
  const auto outcome = reply[0].text();
  if (outcome == "lost") return RestockOutcome::lost;
  if (outcome == "old") return RestockOutcome::old;
  if (outcome == "gap") return RestockOutcome::gap;
  if (outcome == "done") return RestockOutcome::done;
  return protocol_error();
}

Command withdraw_command(const Fence& fence, TimePoint deadline, const WithdrawalEntry& entry) {
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("withdraw", {keys.fence, keys.items, keys.orders, keys.log}, 7);
  command.add(fence.epoch).add(fence.identity).add(to_unix_us(deadline));
  command.add(static_cast<std::int64_t>(entry.item_no)).add(entry.units).add(entry.change_id.bytes());
  command.add(withdrawal_payload(entry.item_no, entry.units, entry.who));
  return command;
}

Result<WithdrawReply> read_withdraw(ReplyView reply) {
  using Outcome = WithdrawReply::Outcome;
  const auto outcome = reply[0].text();
  WithdrawReply result;
  if (outcome == "lost") return result;
  if (outcome == "late") result.outcome = Outcome::late;
  else if (outcome == "repeated") result.outcome = Outcome::repeated;
  else if (outcome == "reused") result.outcome = Outcome::reused;
  else if (outcome == "not_enough") result.outcome = Outcome::not_enough, result.remaining = reply[1].number();
  else if (outcome == "done") result.outcome = Outcome::done, result.entry_id = reply[1].text();
  else return protocol_error();
  return result;
}

Command find_orders_command(const Fence& fence, std::span<const OrderId> ids) {
  FLASHSALE_CHECK(ids.size() <= kFindAtOnce);
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("find_orders", {keys.fence, keys.orders}, 2 + ids.size());
  command.add(fence.epoch).add(fence.identity);
  for (const auto& id : ids) command.add(id.bytes());
  return command;
}

Result<FindReply> read_find_orders(ReplyView reply, std::size_t id_count) {
  const auto outcome = reply[0].text();
  FindReply result;
  if (outcome == "lost") return result;
  const auto records = reply[1];
  if (outcome != "ok" || records.size() != id_count) return protocol_error();
  result.lost = false;
  for (std::size_t i = 0; i < id_count; ++i) {
    if (records[i].is_nil()) result.records.emplace_back();
    else result.records.emplace_back(std::string(records[i].text()));
  }
  return result;
}

Command rename_command(const Fence& fence, std::string_view pseudonym, std::span<const OrderId> ids) {
  FLASHSALE_CHECK(ids.size() <= kFindAtOnce);
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("rename", {keys.fence, keys.orders, keys.buyers}, 3 + ids.size());
  command.add(fence.epoch).add(fence.identity).add(pseudonym);
  for (const auto& id : ids) command.add(id.bytes());
  return command;
}

Result<RenameOutcome> read_rename(ReplyView reply) {
  if (reply.text() == "lost") return RenameOutcome::lost;
  if (reply.text() == "done") return RenameOutcome::done;
  return protocol_error();
}

Command audit_command(const Fence& fence, std::int64_t log_entries_max) {
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("audit", {keys.fence, keys.items, keys.log, keys.orders}, 3);
  command.add(fence.epoch).add(fence.identity).add(log_entries_max);
  return command;
}

Result<AuditReply> read_audit(ReplyView reply) {
  const auto outcome = reply[0].text();
  AuditReply result;
  if (outcome == "lost") return result;
  if (outcome == "too_long") {
    result.outcome = AuditReply::Outcome::too_long;
    return result;
  }
  if (outcome != "ok") return protocol_error();
  std::size_t unreadable = 0;
  auto pending = read_pending(reply[3], unreadable);
  if (!pending || unreadable > 0) return protocol_error();
  result.outcome = AuditReply::Outcome::ok;
  result.now = from_unix_us(reply[1].number());
  result.items = read_items(reply[2]);
  result.pending = std::move(*pending);
  result.order_records = reply[4].number();
  return result;
}

Command trim_command(std::string_view sale_id, std::int64_t epoch, std::span<const std::string> entry_ids) {
  const SaleKeys keys(sale_id, epoch);
  Command command(2 + entry_ids.size());
  command.add("XDEL").add(keys.log);
  for (const auto& id : entry_ids) command.add(id);
  return command;
}

Command pending_command(std::string_view sale_id, std::int64_t epoch, std::string_view after, std::int64_t count) {
  const SaleKeys keys(sale_id, epoch);
  Command command(6);
  command.add("XRANGE").add(keys.log).add(after.empty() ? std::string("-") : "(" + std::string(after)).add("+");
  command.add("COUNT").add(count);
  return command;
}

Command pending_entry_command(std::string_view sale_id, std::int64_t epoch, std::string_view entry_id) {
  return Command{"XRANGE", SaleKeys(sale_id, epoch).log, entry_id, entry_id};
}

Result<std::vector<PendingEntry>> read_pending(ReplyView reply, std::size_t& unreadable) {
  if (!reply.is_array()) return protocol_error();
  std::vector<PendingEntry> entries;
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const auto fields = reply[i][1];
    auto entry = parse_pending_entry(reply[i][0].text(), fields[1].text(), fields[2].text(), fields[3].text());
    if (entry) entries.push_back(std::move(*entry));
    else ++unreadable;
  }
  return entries;
}

Command scan_orders_command(std::string_view sale_id, std::int64_t epoch, std::string_view cursor) {
  const SaleKeys keys(sale_id, epoch);
  Command command(5);
  command.add("HSCAN").add(keys.orders).add(cursor).add("COUNT").add(kScanPage);
  return command;
}

Result<std::string> read_scan_orders(ReplyView reply, std::vector<std::uint64_t>& hashes) {
  if (reply.size() != 2 || !reply[1].is_array()) return protocol_error();
  for (std::size_t i = 0; i < reply[1].size(); i += 2) {
    const auto id = reply[1][i].text();
    if (id.size() != sizeof(OrderId::Bytes)) return protocol_error();
    hashes.push_back(OrderId::from_bytes(id).hash64());
  }
  return std::string(reply[0].text());
}

Command raise_directory_command(std::int64_t version) { return raise_number(kDirectoryKey, version); }

Command raise_wal_command(std::string_view postgres_identity, std::int64_t position, bool is_less) {
  const auto key = wal_key(postgres_identity);
  return is_less ? Command{"SET", key, std::to_string(position)} : raise_number(key, position);
}

Command read_directory_command() { return Command{"GET", kDirectoryKey}; }

Command read_wal_command(std::string_view postgres_identity) { return Command{"GET", wal_key(postgres_identity)}; }

Command tell_mark_command(std::string_view postgres_identity, std::int64_t number, std::string_view mark) {
  return Command{"SET", mark_key(postgres_identity), std::to_string(number).append(":").append(mark)};
}

Command read_mark_command(std::string_view postgres_identity) { return Command{"GET", mark_key(postgres_identity)}; }

std::optional<std::pair<std::int64_t, std::string>> read_mark(ReplyView reply) {
  const auto text = reply.text();
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, number);
  if (error != std::errc{} || end != text.data() + colon) return std::nullopt;
  return std::pair(number, std::string(text.substr(colon + 1)));
}

std::optional<std::int64_t> read_raised(ReplyView reply) {
  if (reply.is_nil()) return std::nullopt;
  return reply.number();
}

Command clock_command() { return Command{"TIME"}; }

TimePoint read_clock(ReplyView reply) {
  const std::int64_t seconds = reply[0].number();
  const std::int64_t us = reply[1].number();
  if (seconds < 0 || seconds > kClockMaxS || us < 0 || us >= 1'000'000) return {};
  return from_unix_us(seconds * 1'000'000 + us);
}

Result<TimePoint> read_clock(SyncClient& client) {
  const auto reply = client.call(clock_command());
  if (!reply) return reply.error();
  return read_clock(ReplyView(reply->get()));
}

Command lease_command(std::string_view sale_id, std::string_view kind, std::string_view holder,
                      std::chrono::milliseconds duration) {
  auto command = evalsha("lease", {lease_key(sale_id, kind)}, 2);
  command.add(holder).add(static_cast<std::int64_t>(duration.count()));
  return command;
}

bool read_lease(ReplyView reply) { return reply.number() == 1; }

Command forget_sale_command(std::string_view sale_id, std::int64_t epoch) {
  const SaleKeys keys(sale_id, epoch);
  return Command{"UNLINK", keys.fence, keys.items, keys.orders, keys.buyers, keys.log};
}

Command forget_epoch_command(std::string_view sale_id, std::int64_t epoch) {
  const SaleKeys keys(sale_id, epoch);
  return Command{"UNLINK", keys.items, keys.orders, keys.buyers, keys.log};
}

}  // namespace flashsale::redis
