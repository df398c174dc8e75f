#include "flashsale/redis/pulse.hpp"

#include <charconv>
#include <system_error>
#include <utility>

#include "evalsha.hpp"
#include "flashsale/redis/redis_clock.hpp"
#include "items_hash.hpp"
#include "sale_keys.hpp"

namespace flashsale::redis {
namespace {

/// A stream id begins with milliseconds of Redis's clock.
std::optional<TimePoint> stream_id_time(std::string_view id) {
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), ms);
  if (error != std::errc{} || ms < 0 || ms / 1000 > kClockMaxS) return std::nullopt;
  return from_unix_us(ms * 1000);
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

}  // namespace

Call<PulseReply> pulse(std::string_view sale_id, std::int64_t epoch, std::string_view known_items_state) {
  const SaleKeys keys(sale_id, epoch);
  auto command = evalsha("pulse", {keys.fence, keys.items, keys.orders, keys.log}, 2);
  command.add(epoch).add(known_items_state);
  return {std::move(command), Reader(read_pulse)};
}

}  // namespace flashsale::redis
