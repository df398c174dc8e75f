// Any bytes as what Redis sends: through hiredis into replies, and each reply through everything that reads one. What
// comes out of a record must be what went in, as far as it is read at all.
#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/check.hpp"
#include "flashsale/redis/audit.hpp"
#include "flashsale/redis/directory.hpp"
#include "flashsale/redis/known_orders.hpp"
#include "flashsale/redis/lease.hpp"
#include "flashsale/redis/order_record.hpp"
#include "flashsale/redis/pending_log.hpp"
#include "flashsale/redis/pulse.hpp"
#include "flashsale/redis/rebuild_scripts.hpp"
#include "flashsale/redis/redis_clock.hpp"
#include "flashsale/redis/release.hpp"
#include "flashsale/redis/reply.hpp"
#include "flashsale/redis/reservation.hpp"
#include "flashsale/redis/retake.hpp"
#include "flashsale/redis/sale_changes.hpp"

namespace flashsale::redis {
namespace {

constexpr int kDepthMax = 16;
constexpr OrderLine kLine{1, 1};
constexpr Fence kFence{"s", 1, "i"};

void test_order_record(std::string_view text) {
  const auto record = parse_order_record(text);
  if (!record || record->withdrawal) return;
  Order order;
  order.lines = record->lines;
  order.customer_id = record->customer_id;
  order.created_at = record->created_at;
  order.generation = record->generation;
  order.status = record->held ? OrderStatus::confirmed : OrderStatus::cancelled;
  const std::string made = make_order_record(order);
  // A letter can disagree with the generation, and a generation of 0 can be spelled out.
  const std::string_view spelled = text.substr(1, made.size() - 1);
  FLASHSALE_CHECK(made.substr(1) == spelled && text.substr(made.size()).find_first_not_of('\0') == std::string::npos);
}

void require_same(const PendingEntry& entry, std::string_view packed) {
  std::string again;
  if (entry.withdrawal) {
    FLASHSALE_CHECK(entry.orders.empty());
    again = entry.withdrawal->change_id.bytes();
    again += withdrawal_payload(entry.withdrawal->item_no, entry.withdrawal->units, entry.withdrawal->who);
  }
  for (const Order& order : entry.orders) {
    again += order.id.bytes();
    append_order_payload(again, order.lines, order.customer_id);
    if (entry.is_retake) {
      again += static_cast<char>(order.generation & 0xff);
      again += static_cast<char>(order.generation >> 8);
    }
  }
  FLASHSALE_CHECK(again == packed);
}

void test_pending_entry(std::string_view text) {
  const std::string_view stamp = text.substr(0, std::min<std::size_t>(text.size(), 8));
  const std::string_view packed = text.substr(stamp.size());
  for (const char* const kind : {"o", "c", "p", "w", ""}) {
    const auto entry = parse_pending_entry("1-1", stamp, kind, packed);
    if (entry) require_same(*entry, packed);
  }
}

void test_reserve(ReplyView reply) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{2}, reply[2].text().size()}) {
    const std::vector<ReservationRequest> requests(count, ReservationRequest{{}, std::span(&kLine, 1), "c"});
    const auto read = reserve(kFence, {}, requests).read(reply);
    if (!read || read->outcome != ReservationReply::Outcome::decided) continue;
    FLASHSALE_CHECK(read->decisions.size() == count);
    const auto replays = std::count(read->decisions.begin(), read->decisions.end(), Decision::replay);
    FLASHSALE_CHECK(static_cast<std::size_t>(replays) == read->records.size());
  }
}

void test_pending(ReplyView reply) {
  const auto page = pending("s", 1, {}, 1).read(reply);
  FLASHSALE_CHECK(!page || page->entries.size() + page->unreadable == reply.size());
}

void test_items(const std::vector<ItemLevel>& items) {
  const auto is_after = [](const ItemLevel& a, const ItemLevel& b) { return a.item_no >= b.item_no; };
  FLASHSALE_CHECK(std::adjacent_find(items.begin(), items.end(), is_after) == items.end());
}

void test_scripts(ReplyView reply) {
  test_reserve(reply);
  test_pending(reply);
  if (const auto read = pulse("s", 1).read(reply)) test_items(read->items);
  if (const auto read = audit(kFence, 1).read(reply)) test_items(read->items);
  Order order;
  order.lines.push_back(kLine);
  const std::array<OrderId, 2> ids{};
  (void)release(kFence, order, true).read(reply);
  (void)retake(kFence, {}, order).read(reply);
  (void)close_fence("s", 1).read(reply);
  (void)publish({}, {}, "i", "p").read(reply);
  (void)configure({}, "i").read(reply);
  (void)restock(kFence, 1, 1, 1).read(reply);
  (void)withdraw(kFence, {}, {}).read(reply);
  (void)find_orders(kFence, ids).read(reply);
  (void)read_directory().read(reply);
  (void)read_mark("p").read(reply);
  (void)read_clock().read(reply);
  (void)lease("s", "k", "h", std::chrono::milliseconds(1)).read(reply);
  const auto scanned = scan_orders("s", 1, "0").read(reply);
  FLASHSALE_CHECK(!scanned || scanned->hashes.size() == (reply[1].size() + 1) / 2);
}

/// Every part of a reply as a whole one, so that the readers of small parts see what is deep in a large one.
void test_reply(ReplyView reply, int depth) {
  test_scripts(reply);
  test_order_record(reply.text());
  test_pending_entry(reply.text());
  for (std::size_t i = 0; i < reply.size() && depth < kDepthMax; ++i) test_reply(reply[i], depth + 1);
}

/// hiredis takes memory for as many elements as an array announces, before it has one. Redis itself is believed about
/// that, so such inputs tell nothing.
bool announces_many(std::string_view bytes) {
  for (std::size_t at = bytes.find('*'); at != std::string_view::npos; at = bytes.find('*', at + 1)) {
    const std::string_view number = bytes.substr(at + 1, std::min(bytes.find('\r', at), bytes.size()) - at - 1);
    if (number.size() > 4) return true;
  }
  return false;
}

struct FreeReader {
  void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
};

void test(std::string_view bytes) {
  test_order_record(bytes);
  test_pending_entry(bytes);
  if (announces_many(bytes)) return;
  const std::unique_ptr<redisReader, FreeReader> reader(redisReaderCreate());
  // In two pieces, as the network cuts them.
  for (const std::string_view piece : {bytes.substr(0, bytes.size() / 2), bytes.substr(bytes.size() / 2)}) {
    if (redisReaderFeed(reader.get(), piece.data(), piece.size()) != REDIS_OK) return;
    for (;;) {
      void* raw = nullptr;
      if (redisReaderGetReply(reader.get(), &raw) != REDIS_OK) return;
      if (raw == nullptr) break;
      const OwnedReply reply(static_cast<redisReply*>(raw));
      test_reply(ReplyView(reply.get()), 0);
    }
  }
}

}  // namespace
}  // namespace flashsale::redis

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flashsale::redis::test({reinterpret_cast<const char*>(data), size});
  return 0;
}
