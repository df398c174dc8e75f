#include "flashsale/checkout/give_back.hpp"

#include <algorithm>
#include <vector>

#include "flashsale/redis/release.hpp"
#include "flashsale/telemetry/fault_point.hpp"

namespace flashsale::checkout {
namespace {

/// Releases in one round trip: bounds how long they hold Redis.
constexpr std::size_t kAtOnce = 200;

using Orders = std::span<const postgres::FreedOrder>;

/// Those that Redis has been told of now, or had been told of before.
Result<std::vector<Order>> release(workers::Stores& stores, Orders orders) {
  auto& client = stores.redis();
  std::vector<redis::Call<redis::ReleaseOutcome>> calls;
  calls.reserve(orders.size());
  for (const auto& order : orders) {
    const auto fence = stores.fence(order.sale_id, order.epoch);
    calls.push_back(redis::release(fence, order.row, true));
  }
  const auto outcomes = client.ask_all<redis::ReleaseOutcome>(calls);
  if (!outcomes) return outcomes.error();
  std::vector<Order> told;
  bool lost = false;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const auto& released = (*outcomes)[i];
    if (!released) return released.error();
    if (*released == redis::ReleaseOutcome::lost) lost = true;
    else told.push_back(orders[i].row);
  }
  // The sale is not there; or it is this connection that knows the server by an older identity (PROTOCOL R6).
  if (lost) (void)client.check_identity();
  return told;
}

Error give_back_chunk(workers::Stores& stores, Orders orders, std::size_t& told) {
  if (const auto error = stores.redis().connect()) return error;
  FLASHSALE_FAULT_POINT("cancel.before_release");
  const auto released = release(stores, orders);
  if (!released) return released.error();
  FLASHSALE_FAULT_POINT("cancel.after_release");
  told += released->size();
  return postgres::mark_given_back(stores.session(), *released);
}

}  // namespace

Result<bool> give_back(workers::Stores& stores, const Order& row, std::string_view sale_id, std::int64_t epoch) {
  const postgres::FreedOrder order{row, std::string(sale_id), epoch, {}};
  std::size_t told = 0;
  if (const auto error = give_back_chunk(stores, std::span(&order, 1), told)) {
    return Result<bool>(boost::system::in_place_error, error);
  }
  return Result<bool>(boost::system::in_place_value, told == 1);
}

Error give_back(workers::Stores& stores, Orders orders) {
  std::size_t told = 0;
  while (!orders.empty()) {
    const auto chunk = orders.first(std::min(kAtOnce, orders.size()));
    if (const auto error = give_back_chunk(stores, chunk, told)) return error;
    orders = orders.subspan(chunk.size());
  }
  return {};
}

}  // namespace flashsale::checkout
