#include "flashsale/redis/order_record.hpp"

#include <utility>

#include "flashsale/model/check.hpp"

namespace flashsale::redis {
namespace {

constexpr std::size_t kIdBytes = 16;
/// Of a first line's quantity. A version that knows no carts takes it for a quantity that nobody can order.
constexpr std::uint32_t kMoreLines = 0x8000'0000U;

template <class Unsigned>
void append_little_endian(std::string& out, Unsigned value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xffU);
  }
}

/// Takes numbers and bytes off the front of a text; once something is missing, everything after is, too.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  template <class Unsigned>
  Unsigned number() {
    const auto raw = bytes(sizeof(Unsigned));
    Unsigned value = 0;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      value = static_cast<Unsigned>(value | static_cast<Unsigned>(static_cast<unsigned char>(raw[i])) << (8 * i));
    }
    return value;
  }

  std::string_view bytes(std::size_t count) {
    if (broken_ || text_.size() < count) {
      broken_ = true;
      return {};
    }
    const auto front = text_.substr(0, count);
    text_.remove_prefix(count);
    return front;
  }

  [[nodiscard]] bool broken() const { return broken_; }
  [[nodiscard]] bool done() const { return broken_ || text_.empty(); }
  [[nodiscard]] std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
  bool broken_ = false;
};

void append_line(std::string& out, const OrderLine& line, std::uint32_t mark) {
  append_little_endian(out, static_cast<std::uint32_t>(line.item_no));
  append_little_endian(out, static_cast<std::uint32_t>(line.quantity) | mark);
}

OrderLine take_line(Cursor& cursor, bool& more) {
  OrderLine line;
  line.item_no = static_cast<std::int32_t>(cursor.number<std::uint32_t>());
  const auto quantity = cursor.number<std::uint32_t>();
  more = (quantity & kMoreLines) != 0;
  line.quantity = static_cast<std::int32_t>(quantity & ~kMoreLines);
  return line;
}

struct Payload {
  OrderLines lines;
  std::string_view customer_id;
};

/// Lines as OrderLines promises them, else nothing.
std::optional<Payload> take_payload(Cursor& cursor) {
  Payload payload;
  bool more = false;
  payload.lines.push_back(take_line(cursor, more));
  payload.customer_id = cursor.bytes(cursor.number<std::uint16_t>());
  if (more) {
    const auto count = cursor.number<std::uint8_t>();
    if (count == 0 || count >= kMaxOrderLines) return std::nullopt;
    for (unsigned i = 0; i < count; ++i) {
      payload.lines.push_back(take_line(cursor, more));
      if (more || payload.lines.back().quantity == 0 || payload.lines[i].item_no >= payload.lines[i + 1].item_no)
        return std::nullopt;
    }
  }
  if (cursor.broken()) return std::nullopt;
  return payload;
}

}  // namespace

void append_order_payload(std::string& out, std::span<const OrderLine> lines, std::string_view customer_id) {
  FLASHSALE_CHECK(!lines.empty() && lines.size() <= kMaxOrderLines && customer_id.size() <= 0xffff);
  append_line(out, lines.front(), lines.size() > 1 ? kMoreLines : 0);
  append_little_endian(out, static_cast<std::uint16_t>(customer_id.size()));
  out += customer_id;
  if (lines.size() == 1) return;
  append_little_endian(out, static_cast<std::uint8_t>(lines.size() - 1));
  for (const auto& line : lines.subspan(1)) append_line(out, line, 0);
}

std::string make_order_record(const Order& order) {
  const char held = order.generation > 0 ? 'g' : 'h';
  const char ended = order.status == OrderStatus::rejected ? 'x' : 'r';
  std::string record(1, is_live(order.status) ? held : ended);
  append_little_endian(record, static_cast<std::uint64_t>(to_unix_us(order.created_at)));
  append_order_payload(record, order.lines, order.customer_id);
  if (order.generation > 0) append_little_endian(record, static_cast<std::uint16_t>(order.generation));
  return record;
}

std::optional<OrderRecord> parse_order_record(std::string_view text) {
  Cursor cursor(text);
  const auto state = cursor.bytes(1);
  OrderRecord record;
  record.created_at = from_unix_us(static_cast<std::int64_t>(cursor.number<std::uint64_t>()));
  if (cursor.broken()) return std::nullopt;
  record.held = state == "h" || state == "g";
  record.refused = state == "x";
  record.withdrawal = state == "w";
  if (record.withdrawal) return record;
  auto payload = take_payload(cursor);
  if (!payload) return std::nullopt;
  if (!cursor.done()) record.generation = cursor.number<std::uint16_t>();
  const bool is_known = record.held || record.refused || state == "r";
  if (cursor.broken() || !cursor.rest().empty() || !is_known) return std::nullopt;
  record.lines = std::move(payload->lines);
  record.customer_id = payload->customer_id;
  return record;
}

std::string withdrawal_payload(std::int32_t item_no, std::int64_t units, std::string_view who) {
  std::string payload;
  append_little_endian(payload, static_cast<std::uint32_t>(item_no));
  append_little_endian(payload, static_cast<std::uint64_t>(units));
  payload += who;
  return payload;
}

std::optional<PendingEntry> parse_pending_entry(std::string_view entry_id, std::string_view stamp,
                                                std::string_view kind, std::string_view packed,
                                                std::string_view clients) {
  Cursor moment(stamp);
  PendingEntry entry;
  entry.id = entry_id;
  entry.created_at = from_unix_us(static_cast<std::int64_t>(moment.number<std::uint64_t>()));
  if (moment.broken()) return std::nullopt;

  Cursor cursor(packed);
  if (kind == "w") {
    WithdrawalEntry withdrawal;
    const auto id = cursor.bytes(kIdBytes);
    withdrawal.item_no = static_cast<std::int32_t>(cursor.number<std::uint32_t>());
    withdrawal.units = static_cast<std::int64_t>(cursor.number<std::uint64_t>());
    if (cursor.broken()) return std::nullopt;
    withdrawal.change_id = OrderId::from_bytes(id);
    withdrawal.who = cursor.rest();
    entry.withdrawal = std::move(withdrawal);
    return entry;
  }
  entry.is_retake = kind == "p";
  // A batch with carts in it has a kind of its own: a version that knows none leaves it alone.
  if (kind != "o" && kind != "c" && !entry.is_retake) return std::nullopt;
  Cursor hashes(clients);
  while (!cursor.done()) {
    const auto id = cursor.bytes(kIdBytes);
    auto payload = take_payload(cursor);
    if (!payload) return std::nullopt;
    Order order;
    order.id = OrderId::from_bytes(id);
    order.lines = std::move(payload->lines);
    order.customer_id = payload->customer_id;
    order.created_at = entry.created_at;
    if (entry.is_retake) order.generation = cursor.number<std::uint16_t>();
    if (cursor.broken()) return std::nullopt;
    const auto hash = hashes.bytes(kClientHashDigits);
    if (!hash.empty() && hash.front() != '-') entry.client_hashes.emplace(order.id, hash);
    entry.orders.push_back(std::move(order));
  }
  if (entry.is_retake && entry.orders.size() != 1) return std::nullopt;
  return entry;
}

}  // namespace flashsale::redis
