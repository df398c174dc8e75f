#include "flashsale/redis/known_orders.hpp"

#include <utility>

#include "evalsha.hpp"
#include "flashsale/model/check.hpp"
#include "sale_keys.hpp"

namespace flashsale::redis {
namespace {

/// Order ids one HSCAN page asks for: a page stays well under a millisecond of Redis's time.
constexpr std::int64_t kScanPage = 500;

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

Result<RenameOutcome> read_rename(ReplyView reply) {
  if (reply.text() == "lost") return RenameOutcome::lost;
  if (reply.text() == "done") return RenameOutcome::done;
  return protocol_error();
}

Result<OrderHashes> read_scan_orders(ReplyView reply) {
  if (reply.size() != 2 || !reply[1].is_array()) return protocol_error();
  OrderHashes page;
  page.hashes.reserve(reply[1].size() / 2);
  for (std::size_t i = 0; i < reply[1].size(); i += 2) {
    const auto id = reply[1][i].text();
    if (id.size() != sizeof(OrderId::Bytes)) return protocol_error();
    page.hashes.push_back(OrderId::from_bytes(id).hash64());
  }
  page.next_cursor = reply[0].text();
  return page;
}

}  // namespace

Call<FindReply> find_orders(const Fence& fence, std::span<const OrderId> ids) {
  FLASHSALE_CHECK(ids.size() <= kFindAtOnce);
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("find_orders", {keys.fence, keys.orders}, 2 + ids.size());
  command.add(fence.epoch).add(fence.identity);
  for (const auto& id : ids) command.add(id.bytes());
  return {std::move(command), Reader(read_find_orders, ids.size())};
}

Call<RenameOutcome> rename_customer(const Fence& fence, std::string_view pseudonym, std::span<const OrderId> ids) {
  FLASHSALE_CHECK(ids.size() <= kFindAtOnce);
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("rename", {keys.fence, keys.orders, keys.buyers}, 3 + ids.size());
  command.add(fence.epoch).add(fence.identity).add(pseudonym);
  for (const auto& id : ids) command.add(id.bytes());
  return {std::move(command), Reader(read_rename)};
}

Call<OrderHashes> scan_orders(std::string_view sale_id, std::int64_t epoch, std::string_view cursor) {
  const SaleKeys keys(sale_id, epoch);
  Command command(5);
  command.add("HSCAN").add_key(keys.orders).add(cursor).add("COUNT").add(kScanPage);
  return {std::move(command), Reader(read_scan_orders)};
}

}  // namespace flashsale::redis
