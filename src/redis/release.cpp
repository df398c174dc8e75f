#include "flashsale/redis/release.hpp"

#include <string_view>
#include <utility>

#include "evalsha.hpp"
#include "flashsale/model/selling_times.hpp"
#include "order_lines.hpp"
#include "sale_keys.hpp"

namespace flashsale::redis {
namespace {

Result<ReleaseOutcome> read_release(ReplyView reply) {
  const auto outcome = reply.text();
  if (outcome == "lost") return ReleaseOutcome::lost;
  if (outcome == "absent") return ReleaseOutcome::absent;
  if (outcome == "released") return ReleaseOutcome::already;
  if (outcome == "done") return ReleaseOutcome::done;
  return protocol_error();
}

}  // namespace

Call<ReleaseOutcome> release(const Fence& fence, const Order& order, bool give_back) {
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("release", {keys.fence, keys.items, keys.orders, keys.buyers}, 6 + 2 * order.lines.size());
  command.add(fence.epoch).add(fence.identity).add(order.id.bytes());
  const std::string_view with_units = order.status == OrderStatus::expired ? "2" : "1";
  const std::string_view without_units = order.status == OrderStatus::rejected ? "x" : "0";
  command.add(give_back ? with_units : without_units)
      .add(std::int64_t{kRestockRest.count()})
      .add(static_cast<std::int64_t>(order.generation));
  add_lines(command, order);
  return {std::move(command), Reader(read_release)};
}

}  // namespace flashsale::redis
