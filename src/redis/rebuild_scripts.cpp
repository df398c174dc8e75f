#include "flashsale/redis/rebuild_scripts.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>

#include "evalsha.hpp"
#include "flashsale/model/selling_times.hpp"
#include "flashsale/redis/order_record.hpp"
#include "plain_replies.hpp"
#include "sale_keys.hpp"

namespace flashsale::redis {
namespace {

/// Rows of one call of `load`, and lines of theirs: its arguments have to fit on Lua's stack, which holds about 8000.
constexpr std::size_t kLoadChunk = 500;
constexpr std::size_t kLoadChunkLines = 1000;
/// Of keys that are being loaded: far above what a load takes from one call to the next.
constexpr std::int64_t kUnpublishedLifeMs = 600'000;

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

/// How many of the orders, which are not none, go into one call of `load`.
std::size_t load_chunk_size(std::span<const Order> orders) {
  std::size_t size = 1;
  std::size_t lines = orders.front().lines.size();
  while (size < std::min(kLoadChunk, orders.size()) && lines + orders[size].lines.size() <= kLoadChunkLines) {
    lines += orders[size++].lines.size();
  }
  return size;
}

Command load_chunk(const SaleKeys& keys, std::int64_t epoch, std::span<const Order> chunk) {
  std::unordered_map<std::string, std::int64_t> units;
  std::unordered_map<std::string, PlacedOrders> placed;
  for (const auto& order : chunk) {
    placed[customer_field(order.customer_id)].add(order);
    if (!is_live(order.status)) continue;
    for (const auto& line : order.lines) units[units_field(line.item_no, order.customer_id)] += line.quantity;
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
  return command;
}

Result<CloseFenceReply> read_close_fence(ReplyView reply) {
  const auto outcome = reply[0].text();
  if (outcome != "closed" && outcome != "superseded") return protocol_error();
  return CloseFenceReply{outcome == "superseded", reply[1].number()};
}

Result<LoadOutcome> read_load(ReplyView reply) {
  if (reply.text() == "OK") return LoadOutcome::loaded;
  if (reply.text() == "superseded") return LoadOutcome::superseded;
  return protocol_error();
}

Result<PublishOutcome> read_publish(ReplyView reply) {
  if (reply.text() == "published") return PublishOutcome::published;
  if (reply.text() == "incomplete") return PublishOutcome::incomplete;
  if (reply.text() == "superseded") return PublishOutcome::superseded;
  return protocol_error();
}

}  // namespace

Call<CloseFenceReply> close_fence(std::string_view sale_id, std::int64_t epoch) {
  const SaleKeys keys(sale_id, epoch);
  auto command = evalsha("close_fence", {keys.fence}, 1);
  command.add(epoch);
  return {std::move(command), Reader(read_close_fence)};
}

Call<std::int64_t> log_length(std::string_view sale_id, std::int64_t epoch) {
  Command command(2);
  command.add("XLEN").add_key(SaleKeys(sale_id, epoch).log);
  return {std::move(command), Reader(read_number)};
}

Call<LoadOutcome> clear(std::string_view sale_id, std::int64_t epoch, std::span<const std::int64_t> old_epochs) {
  std::vector<SaleKeys> old;
  old.reserve(old_epochs.size());
  for (const auto one : old_epochs) old.emplace_back(sale_id, one);
  const SaleKeys own(sale_id, epoch);
  std::vector<std::string_view> keys{own.fence};
  for (const auto& of_epoch : old) {
    keys.insert(keys.end(), {of_epoch.items, of_epoch.orders, of_epoch.buyers, of_epoch.log});
  }
  auto command = evalsha("clear", keys, 1);
  command.add(epoch);
  return {std::move(command), Reader(read_load)};
}

std::vector<Call<LoadOutcome>> load(std::string_view sale_id, std::int64_t epoch, std::span<const Order> orders) {
  const SaleKeys keys(sale_id, epoch);
  std::vector<Call<LoadOutcome>> calls;
  while (!orders.empty()) {
    const auto chunk = orders.first(load_chunk_size(orders));
    orders = orders.subspan(chunk.size());
    calls.push_back({load_chunk(keys, epoch, chunk), Reader(read_load)});
  }
  return calls;
}

Call<PublishOutcome> publish(const Sale& sale, const Loaded& loaded, std::string_view identity,
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
  return {std::move(command), Reader(read_publish)};
}

Call<std::int64_t> forget_epoch(std::string_view sale_id, std::int64_t epoch) {
  const SaleKeys keys(sale_id, epoch);
  Command command(5);
  command.add("UNLINK").add_key(keys.items).add_key(keys.orders).add_key(keys.buyers).add_key(keys.log);
  return {std::move(command), Reader(read_number)};
}

Call<std::int64_t> forget_sale(std::string_view sale_id, std::int64_t epoch) {
  const SaleKeys keys(sale_id, epoch);
  Command command(6);
  command.add("UNLINK").add_key(keys.fence);
  command.add_key(keys.items).add_key(keys.orders).add_key(keys.buyers).add_key(keys.log);
  return {std::move(command), Reader(read_number)};
}

}  // namespace flashsale::redis
