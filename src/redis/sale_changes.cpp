#include "flashsale/redis/sale_changes.hpp"

#include <algorithm>
#include <utility>

#include "evalsha.hpp"
#include "flashsale/model/selling_times.hpp"
#include "sale_keys.hpp"

namespace flashsale::redis {
namespace {

Result<ConfigureOutcome> read_configure(ReplyView reply) {
  if (reply.text() == "lost") return ConfigureOutcome::lost;
  if (reply.text() == "old") return ConfigureOutcome::old;
  if (reply.text() == "done") return ConfigureOutcome::done;
  return protocol_error();
}

Result<RestockOutcome> read_restock(ReplyView reply) {
  const auto outcome = reply[0].text();
  if (outcome == "lost") return RestockOutcome::lost;
  if (outcome == "old") return RestockOutcome::old;
  if (outcome == "gap") return RestockOutcome::gap;
  if (outcome == "done") return RestockOutcome::done;
  return protocol_error();
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

}  // namespace

Call<ConfigureOutcome> configure(const Fence& fence, const Sale& sale) {
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("configure", {keys.fence}, 7);
  command.add(fence.epoch).add(fence.identity).add(sale.version).add(static_cast<std::int64_t>(sale.state));
  command.add(to_unix_us(sale.starts_at)).add(to_unix_us(sale.ends_at)).add(std::int64_t{kOpeningRest.count()});
  return {std::move(command), Reader(read_configure)};
}

Call<RestockOutcome> restock(const Fence& fence, std::int32_t item_no, std::int64_t version, std::int64_t delta) {
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("restock", {keys.fence, keys.items}, 6);
  command.add(fence.epoch).add(fence.identity).add(static_cast<std::int64_t>(item_no)).add(version);
  command.add(std::max<std::int64_t>(delta, 0)).add(std::int64_t{kRestockRest.count()});
  return {std::move(command), Reader(read_restock)};
}

Call<WithdrawReply> withdraw(const Fence& fence, TimePoint deadline, const WithdrawalEntry& entry) {
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("withdraw", {keys.fence, keys.items, keys.orders, keys.log}, 7);
  command.add(fence.epoch).add(fence.identity).add(to_unix_us(deadline));
  command.add(static_cast<std::int64_t>(entry.item_no)).add(entry.units).add(entry.change_id.bytes());
  command.add(withdrawal_payload(entry.item_no, entry.units, entry.who));
  return {std::move(command), Reader(read_withdraw)};
}

}  // namespace flashsale::redis
