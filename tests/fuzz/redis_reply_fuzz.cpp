// Any bytes as what Redis sends: through hiredis into replies, and each reply through everything that reads one. What
// comes out of a record must be what went in, as far as it is read at all.
#include <hiredis/hiredis.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/check.hpp"
#include "flashsale/redis/order_record.hpp"
#include "flashsale/redis/reply.hpp"
#include "flashsale/redis/sale_scripts.hpp"

namespace flashsale::redis {
namespace {

constexpr int kDepthMax = 16;

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
    const auto read = read_reserve(reply, count);
    if (!read || read->outcome != ReservationReply::Outcome::decided) continue;
    FLASHSALE_CHECK(read->decisions.size() == count);
    const auto replays = std::count(read->decisions.begin(), read->decisions.end(), Decision::replay);
    FLASHSALE_CHECK(static_cast<std::size_t>(replays) == read->records.size());
  }
}

void test_pending(ReplyView reply) {
  std::size_t unreadable = 0;
  const auto entries = read_pending(reply, unreadable);
  FLASHSALE_CHECK(!entries || entries->size() + unreadable == reply.size());
}

void test_items(const std::vector<PulseItem>& items) {
  const auto is_after = [](const PulseItem& a, const PulseItem& b) { return a.item_no >= b.item_no; };
  FLASHSALE_CHECK(std::adjacent_find(items.begin(), items.end(), is_after) == items.end());
}

void test_scripts(ReplyView reply) {
  test_reserve(reply);
  test_pending(reply);
  if (const auto pulse = read_pulse(reply)) test_items(pulse->items);
  if (const auto audit = read_audit(reply)) test_items(audit->items);
  (void)read_release(reply);
  (void)read_close_fence(reply);
  (void)read_publish(reply);
  (void)read_configure(reply);
  (void)read_restock(reply);
  (void)read_withdraw(reply);
  (void)read_find_orders(reply, 2);
  (void)read_raised(reply);
  (void)read_clock(reply);
  (void)read_lease(reply);
  std::vector<std::uint64_t> hashes;
  const auto cursor = read_scan_orders(reply, hashes);
  FLASHSALE_CHECK(!cursor || hashes.size() == (reply[1].size() + 1) / 2);
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
