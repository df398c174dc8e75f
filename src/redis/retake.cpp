#include "flashsale/redis/retake.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "evalsha.hpp"
#include "flashsale/redis/order_record.hpp"
#include "order_lines.hpp"
#include "sale_keys.hpp"

namespace flashsale::redis {
namespace {

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

}  // namespace

Call<RetakeReply> retake(const Fence& fence, const RetakeTerms& terms, const Order& row) {
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command =
      evalsha("retake", {keys.fence, keys.items, keys.orders, keys.buyers, keys.log}, 7 + 2 * row.lines.size());
  command.add(fence.epoch).add(fence.identity).add(to_unix_us(terms.deadline)).add(row.id.bytes());
  command.add(static_cast<std::int64_t>(row.generation));
  std::string payload;
  append_order_payload(payload, row.lines, row.customer_id);
  command.add(payload).add(terms.log_entries_max);
  add_lines(command, row);
  return {std::move(command), Reader(read_retake)};
}

}  // namespace flashsale::redis
